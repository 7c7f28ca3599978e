package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/install"
)

func jobCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "job NAME",
		Short: "Run one of the stack's Jobs, inside the cluster",
		RunE: func(_ *cobra.Command, args []string) error {
			names := strings.Join(append([]string{jobs.Install, jobs.Exporter}, jobs.Names...), ", ")
			if len(args) == 0 {
				return usagef("job wants a name: %s", names)
			}
			return usagef("there is no job %q: must be one of %s", args[0], names)
		},
	}
	cmd.AddCommand(installCommand(), exporterCommand())
	built := map[string]*cobra.Command{jobs.Redis: redisCommand(), jobs.RedisMeet: redisMeetCommand()}
	for _, name := range jobs.Names {
		if command := built[name]; command != nil {
			cmd.AddCommand(command)
			continue
		}
		cmd.AddCommand(&cobra.Command{
			Use:   name,
			Short: "Not built in this version",
			Args:  noArgs,
			RunE: func(*cobra.Command, []string) error {
				return fmt.Errorf("job %s is not built in this version", name)
			},
		})
	}
	return cmd
}

func installCommand() *cobra.Command {
	var o install.Options
	cmd := &cobra.Command{
		Use:   jobs.Install + " --from FILE --to FILE",
		Short: "Copy a program out of an image, whole or not at all",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			if o.From == "" || o.To == "" {
				return usagef("job %s wants --from and --to", jobs.Install)
			}
			return install.Run(o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.From, "from", "", "the program's path")
	flags.StringVar(&o.To, "to", "", "where it is copied to")
	flags.StringVar(&o.SHA256, "sha256", "", "the sha256 that it must have, in hexadecimal; any when absent")
	flags.StringVar(&o.Stanza, "stanza", "", "file that takes a plugin stanza for it")
	flags.StringVar(&o.Type, "type", "", "the plugin's type in the stanza")
	flags.StringVar(&o.Name, "name", "", "the plugin's name in the stanza")
	flags.StringVar(&o.Version, "version", "", "the plugin's version in the stanza")
	return cmd
}
