package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/cmd/internal/apply"
	"github.com/banhbaoring/banhbaoring/cmd/internal/live"
)

func uninstallCommand() *cobra.Command {
	var files []string
	var chartDir, confirm string
	var cluster clusterFlags
	cmd := &cobra.Command{
		Use:   "uninstall -f FILE --confirm NAMESPACE/NAME",
		Short: "Remove what runs of a stack, and keep what holds data or keys",
		Long: `Remove what runs of a stack: whatever a render of it has made in its namespace,
and the cluster-wide objects of its render. Secrets, volume claims and the
namespace, which would take them along, stay: applying the same spec again brings
the stack back with its keys. What stays is told at the end.

Suspend the engine first, or it brings all of it back.`,
		Example: "  banhbaoring uninstall -f cluster.yaml --confirm keys/production",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := load(cmd, files)
			if err != nil {
				return withRendering(in, err, chartDir)
			}
			manifests, err := renderEach(in, chartDir)
			if err != nil {
				return err
			}
			if len(in.Stacks) != 1 {
				return fmt.Errorf("uninstall takes one cluster at a time (got %d)", len(in.Stacks))
			}
			c := in.Stacks[0].Cluster
			of := c.Namespace + "/" + c.Name
			if confirm != of {
				return usagef("nothing was removed: confirm with --confirm %s (got %q)", of, confirm)
			}
			config, err := live.Config(cluster.kubeconfig, cluster.context)
			if err != nil {
				return err
			}
			applier, err := apply.New(config, func(format string, args ...any) {
				fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...)
			})
			if err != nil {
				return err
			}
			outcome, err := applier.Uninstall(cmd.Context(), c.Namespace, manifests[0])
			if err != nil {
				return fmt.Errorf("%s: %w", of, err)
			}
			secrets, claims, err := applier.Left(cmd.Context(), c.Namespace)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is uninstalled: %d removed\nnamespace %s stays, with\n  %d Secrets: %s\n  %d volume claims: %s\n",
				of, outcome.Pruned, c.Namespace, len(secrets), strings.Join(secrets, ", "), len(claims), strings.Join(claims, ", "))
			return err
		},
	}
	addFileFlag(cmd, &files)
	addChartDirFlag(cmd, &chartDir)
	cluster.add(cmd, "")
	cmd.Flags().StringVar(&confirm, "confirm", "", "the cluster's namespace and name, as NAMESPACE/NAME")
	return cmd
}
