package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/banhbaoring/banhbaoring/cmd/internal/charts"
)

func addChartDirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "chart-dir", "", "`folder` that chart pull stores charts in (default: the user's cache)")
}

func chartStore(dir string) (charts.Store, error) {
	if dir != "" {
		return charts.Store{Dir: dir}, nil
	}
	dir, err := charts.Dir()
	return charts.Store{Dir: dir}, err
}

func chartCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "chart", Short: "Store OpenBao's official chart for rendering"}
	cmd.AddCommand(chartPullCommand())
	cmd.RunE = wantsVerb
	return cmd
}

func chartPullCommand() *cobra.Command {
	var ref charts.Ref
	var dir string
	cmd := &cobra.Command{
		Use:   "pull --version VERSION [--digest sha256:…]",
		Short: "Fetch a chart, check its digest and store it under that",
		Example: `  banhbaoring chart pull --version 0.29.2
  banhbaoring chart pull --version 0.29.2 --digest sha256:… --chart-dir charts`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ref.Version == "" {
				return usagef("give the chart's --version")
			}
			store, err := chartStore(dir)
			if err != nil {
				return err
			}
			path, digest, err := store.Pull(cmd.Context(), ref, charts.WithProgress(progress(cmd.ErrOrStderr())))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "stored as %s\n", path)
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "repository: %s\nversion: %s\ndigest: %s\n", ref.Repository, ref.Version, digest)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&ref.Repository, "repository", "https://openbao.github.io/openbao-helm", "chart repository (https://…) or OCI reference (oci://…)")
	flags.StringVar(&ref.Name, "name", "openbao", "the chart's name")
	flags.StringVar(&ref.Version, "version", "", "the chart's version")
	flags.StringVar(&ref.Digest, "digest", "", "the archive's digest, sha256:…; any when absent")
	addChartDirFlag(cmd, &dir)
	return cmd
}

// progress shows how much of a download has come, where a person watches.
func progress(stderr io.Writer) func(done, total int64) {
	file, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func(int64, int64) {}
	}
	return func(done, total int64) {
		if total > 0 {
			fmt.Fprintf(stderr, "\r%d of %d KiB", done>>10, total>>10)
		} else {
			fmt.Fprintf(stderr, "\r%d KiB", done>>10)
		}
		if done == total {
			fmt.Fprintln(stderr)
		}
	}
}
