package main

import (
	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/api/crds"
	"github.com/banhbaoring/banhbaoring/render"
)

func crdsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "crds",
		Short:   "Print the CustomResourceDefinitions",
		Example: "  banhbaoring crds | kubectl apply --server-side -f -",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			definitions, err := render.Definitions(crds.Files)
			if err != nil {
				return err
			}
			text, err := definitions.YAML()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
