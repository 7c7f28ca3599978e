package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/cmd/internal/input"
	"github.com/banhbaoring/banhbaoring/plugin"
	"github.com/banhbaoring/banhbaoring/render"
)

func cmpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cmp",
		Short: "Argo CD's config-management plugin",
		Long: `What Argo CD's sidecar runs in an application's folder, with the environment
that Argo CD gives it.`,
		RunE: wantsVerb,
	}
	cmd.AddCommand(cmpGenerateCommand(), cmpParametersCommand())
	return cmd
}

func cmpGenerateCommand() *cobra.Command {
	var chartDir string
	cmd := &cobra.Command{
		Use:     "generate",
		Short:   "Print the manifests of the working folder",
		Example: "  ARGOCD_APP_NAMESPACE=keys banhbaoring cmp generate",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return forApplication(cmd, func(app plugin.Application) ([]byte, error) {
				in, err := loadApplication(cmd, app)
				if err != nil {
					return nil, withRendering(in, err, chartDir)
				}
				text, err := renderText(in, chartDir, everything)
				if err != nil {
					return nil, err
				}
				warn(cmd, in)
				text = appendForeign(text, in.Foreign)
				if len(text) == 0 {
					// Argo CD would take it for "delete everything".
					return nil, errors.New("the result is empty")
				}
				return text, nil
			})
		},
	}
	addChartDirFlag(cmd, &chartDir)
	return cmd
}

func cmpParametersCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "parameters",
		Short:   "Announce the parameters of the working folder's clusters",
		Example: "  banhbaoring cmp parameters",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return forApplication(cmd, func(app plugin.Application) ([]byte, error) {
				in, err := loadApplication(cmd, app)
				if err != nil {
					return nil, err
				}
				announcements, err := plugin.Dynamic(in.Stacks)
				if err != nil {
					return nil, err
				}
				return json.Marshal(announcements)
			})
		},
	}
}

// forApplication prints what work makes for the environment's application. It
// ends at once when it is told to: Argo CD gives a request a deadline.
func forApplication(cmd *cobra.Command, work func(plugin.Application) ([]byte, error)) error {
	app, err := plugin.FromEnvironment(os.Environ())
	if err != nil {
		return app.Explain(err)
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := work(app)
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return app.Explain(r.err)
		}
		_, err = cmd.OutOrStdout().Write(r.text)
		return app.Explain(err)
	case <-cmd.Context().Done():
		return app.Explain(fmt.Errorf("stopped before it was done: %w", context.Cause(cmd.Context())))
	}
}

func loadApplication(cmd *cobra.Command, app plugin.Application) (*render.Input, error) {
	working, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	sources, notes, err := input.Read(nil, []string{"."}, app.Root(working))
	if err != nil {
		return nil, err
	}
	note(cmd, notes)
	return render.LoadInto(app.Namespace, app.Overrides, sources...)
}
