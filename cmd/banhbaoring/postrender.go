package main

import (
	"bytes"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

func postRenderCommand() *cobra.Command {
	var chartDir string
	cmd := &cobra.Command{
		Use:   "post-render",
		Short: "Expand our kinds in a stream of manifests, from standard input to output",
		Long: `Expand our kinds in a stream of manifests, from standard input to standard
output: a Helm post-renderer, and the last command of a pipe. A cluster's
manifests stand where its document stood; all other documents pass through as
they are, in their order.

A stream is applied at once by kubectl, Helm and Flux. Argo CD reads the order
of its objects in their annotations; for Flux only the folders that the flux
command writes are ordered.`,
		Example: "  kustomize build overlay | banhbaoring post-render | kubectl diff -f -",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := io.ReadAll(cmd.InOrStdin())
			if err != nil {
				return err
			}
			if text, err = postRender(cmd, text, chartDir); err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	addChartDirFlag(cmd, &chartDir)
	return cmd
}

// postRender returns a text without documents of ours as it is, so that its
// own result passes unchanged.
func postRender(cmd *cobra.Command, text []byte, chartDir string) ([]byte, error) {
	in, err := render.Load(render.Source{Name: "<stdin>", Data: text})
	if err != nil {
		return nil, withRendering(in, err, chartDir)
	}
	if len(in.Documents) == 0 {
		return nil, errors.New("there are no manifests on standard input")
	}
	if len(in.Foreign) == len(in.Documents) {
		return text, nil
	}
	rendered, err := renderEach(in, chartDir)
	if err != nil {
		return nil, err
	}
	warn(cmd, in)
	manifests := map[*strict.Document]render.Manifests{}
	for i, s := range in.Stacks {
		manifests[s.Document()] = rendered[i]
	}
	var out bytes.Buffer
	for _, d := range in.Documents {
		if !render.Ours(d) {
			out.Write(d.Text())
			continue
		}
		yaml, err := manifests[d].YAML() // of a cluster; the others are part of one
		if err != nil {
			return nil, err
		}
		out.Write(yaml)
	}
	return out.Bytes(), nil
}
