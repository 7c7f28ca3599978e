package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write a manual page for each command to a folder",
		Example: "  banhbaoring man ~/.local/share/man/man1",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("man wants one folder (got %q)", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			cmd.Root().DisableAutoGenTag = true // no date: the same program writes the same pages
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{Section: "1", Source: "banhbaoring " + v1.Version, Manual: "banhbaoring"}, args[0])
		},
	}
}
