package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components/openbao/chart"
)

// buildInfo is what made this program and what it renders.
type buildInfo struct {
	Version string `json:"version"`
	// Commit is empty where the program was built outside its repository.
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// OpenBao is the default version, Chart the official one that the built-in
	// chart prints the objects of.
	OpenBao string `json:"openbao"`
	Chart   string `json:"chart"`
}

func thisBuild() buildInfo {
	c := &v1.BanhBaoRingCluster{}
	c.Default()
	b := buildInfo{
		Version: v1.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		OpenBao: c.Spec.OpenBao.Version, Chart: chart.Official,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	return b
}

func versionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the commit, and the default OpenBao and chart",
		Example: "  banhbaoring version\n  banhbaoring version -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			b := thisBuild()
			if format != "" {
				return printAs(cmd, format, b)
			}
			commit := b.Commit
			if commit == "" {
				commit = "not known: built outside the repository"
			} else if b.Modified {
				commit += ", modified"
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "banhbaoring %s\ncommit:   %s\ngo:       %s %s\nopenbao:  %s, unless the spec says otherwise\nchart:    built in, with the objects of the official %s\n",
				b.Version, commit, b.Go, b.Platform, b.OpenBao, b.Chart)
			return err
		},
	}
	addFormatFlag(cmd, &format)
	return cmd
}
