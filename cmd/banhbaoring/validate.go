package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func validateCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check the given files and say what to write instead",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := load(cmd, files)
			if err != nil {
				return err
			}
			for _, s := range in.Stacks {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s/%s is valid: %d tenants, %d backups, %d restores\n",
					s.Cluster.Namespace, s.Cluster.Name, len(s.Tenants), len(s.Backups), len(s.Restores))
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	addFileFlag(cmd, &files)
	return cmd
}
