package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup"
	"github.com/banhbaoring/banhbaoring/jobs/configure"
	"github.com/banhbaoring/banhbaoring/jobs/initialize"
	"github.com/banhbaoring/banhbaoring/jobs/install"
	"github.com/banhbaoring/banhbaoring/jobs/peers"
	"github.com/banhbaoring/banhbaoring/jobs/restore"
	"github.com/banhbaoring/banhbaoring/jobs/run"
	"github.com/banhbaoring/banhbaoring/jobs/secrets"
)

func jobCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "job NAME",
		Short: "Run one of the stack's Jobs, inside the cluster",
	}
	cmd.AddCommand(
		installCommand(), exporterCommand(), redisCommand(), redisMeetCommand(), keeperCommand(),
		tenantsCommand(), databaseCommand(),
		worker(jobs.Init, "Initialise and unseal OpenBao, and keep its keys", initialize.Run),
		worker(jobs.Peers, "Remove raft peers before their pods go", peers.Run),
		worker(jobs.Configure, "Set OpenBao up: policies, roles, plugin, mounts, the API's token", configure.Run),
		within(backup.Deadline, jobs.Backup, "Back up OpenBao, the database and the Secrets", mounted(backup.Run)),
		within(restore.Deadline, jobs.Restore, "Restore the stack from a backup", mounted(restore.Run)),
		worker(jobs.Secrets, "Mint missing Secrets, sign and renew certificates", secrets.Run),
	)
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("job wants a name: %s", strings.Join(names, ", "))
		}
		return usagef("there is no job %q: must be one of %s", args[0], strings.Join(names, ", "))
	}
	return cmd
}

// worker is a Job that works on Kubernetes and OpenBao and ends.
func worker[Config any](name, short string, work func(context.Context, *run.Session, Config) error) *cobra.Command {
	return within(run.Deadline, name, short, work)
}

// mounted has a Job's Secrets where its pod has them.
func mounted[Config any](work func(context.Context, *run.Session, Config, jobs.Mounts) error) func(context.Context, *run.Session, Config) error {
	return func(ctx context.Context, s *run.Session, c Config) error { return work(ctx, s, c, jobs.PodMounts) }
}

// within is a worker with a deadline of its own.
func within[Config any](deadline time.Duration, name, short string, work func(context.Context, *run.Session, Config) error) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var config Config
			if err := readConfig(&config); err != nil {
				return err
			}
			world, err := inCluster()
			if err != nil {
				return err
			}
			world.Log, world.Deadline = slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil)), deadline
			err = world.Do(cmd.Context(), name, os.Getenv(jobs.NamespaceEnv), func(ctx context.Context, s *run.Session) error {
				return work(ctx, s, config)
			})
			if err != nil {
				return exit{code: run.Code(err)} // the log has told it
			}
			return nil
		},
	}
}

// inCluster is the world of a pod.
func inCluster() (run.World, error) {
	kubernetes, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return run.World{}, errors.New("this is no pod: a Job runs inside the cluster, with its service account")
	}
	if err != nil {
		return run.World{}, err
	}
	for _, name := range []string{jobs.NamespaceEnv, jobs.PodNameEnv} {
		if os.Getenv(name) == "" {
			return run.World{}, fmt.Errorf("%s is not set: the manifests give it", name)
		}
	}
	return run.World{
		Kubernetes: kubernetes,
		Pod:        run.Pod{Name: os.Getenv(jobs.PodNameEnv), UID: os.Getenv(jobs.PodUIDEnv)},
		TrustFile:  filepath.Join(jobs.TrustDir, "ca.crt"),
		TokenFile:  filepath.Join(jobs.TokenDir, "token"),
	}, nil
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
