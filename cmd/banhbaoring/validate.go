package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/cmd/internal/live"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

// validity is what validate says of a valid stack.
type validity struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Tenants   int    `json:"tenants"`
	Backups   int    `json:"backups"`
	Restores  int    `json:"restores"`
	// Secrets are those that the user provides; with --live, as they are there.
	Secrets []secretState `json:"secrets"`
}

// secretState is a Secret that the spec names.
type secretState struct {
	Name string   `json:"name"`
	Keys []string `json:"keys,omitempty"`
	// State is empty where the cluster was not asked.
	State string `json:"state,omitempty"`
}

const there = "there"

func validateCommand() *cobra.Command {
	var files []string
	var chartDir string
	var format string
	var ask bool
	var cluster clusterFlags
	cmd := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check the given files and say what to write instead",
		Long: `Check the given files and say what to write instead: every fault, with its
file, line and column. With --live, list which Secrets you have to provide and
whether the cluster of the kubeconfig has them; exit 1 where one is missing.`,
		Example: `  banhbaoring validate -f cluster.yaml
  banhbaoring validate -f cluster.yaml --live`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			if !ask && cluster != (clusterFlags{}) {
				return usagef("--kubeconfig and --context go with --live")
			}
			in, err := load(cmd, files)
			if err != nil {
				return withRendering(in, err, chartDir)
			}
			if len(in.Stacks) == 0 {
				return errNoCluster
			}
			if _, err := renderEach(in, chartDir); err != nil {
				return err // what cannot be rendered is not valid
			}
			all := make([]validity, len(in.Stacks))
			for i, s := range in.Stacks {
				all[i] = validityOf(s)
			}
			missing := 0
			if ask {
				if missing, err = askSecrets(cmd, cluster, all); err != nil {
					return err
				}
			}
			if format != "" {
				err = printAs(cmd, format, all)
			} else {
				err = printValidity(cmd.OutOrStdout(), all, ask)
			}
			if err == nil && missing > 0 {
				err = fmt.Errorf("%d of the Secrets that you have to provide cannot be used as they are", missing)
			}
			return err
		},
	}
	addFileFlag(cmd, &files)
	addChartDirFlag(cmd, &chartDir)
	addFormatFlag(cmd, &format)
	cmd.Flags().BoolVar(&ask, "live", false, "ask the cluster whether the Secrets are there that you have to provide; nothing is written")
	cluster.add(cmd, "with --live: ")
	return cmd
}

var errNoCluster = errors.New("there is no BanhBaoRingCluster in the input: nothing to render")

func validityOf(s *render.Stack) validity {
	v := validity{Namespace: s.Cluster.Namespace, Name: s.Cluster.Name, Tenants: len(s.Tenants), Backups: len(s.Backups), Restores: len(s.Restores)}
	v.Secrets = []secretState{}
	for _, p := range v1.ProvidedSecrets(secretUsers(s)...) {
		if p.Name == jobs.SecretOpenBaoSeal { // minted where it is absent
			continue
		}
		v.Secrets = append(v.Secrets, secretState{Name: p.Name, Keys: p.Keys})
	}
	if name := s.Cluster.Spec.OpenBao.TLS.SecretName; name != "" {
		v.Secrets = append(v.Secrets, secretState{Name: name, Keys: []string{"ca.crt", "tls.crt", "tls.key"}})
	}
	for _, pull := range s.Cluster.Spec.ImagePullSecrets {
		v.Secrets = append(v.Secrets, secretState{Name: pull.Name, Keys: []string{".dockerconfigjson"}})
	}
	return v
}

// secretUsers are all documents of a stack.
func secretUsers(s *render.Stack) []v1.SecretUser {
	users := []v1.SecretUser{s.Cluster}
	for _, t := range s.Tenants {
		users = append(users, t)
	}
	for _, b := range s.Backups {
		users = append(users, b)
	}
	for _, r := range s.Restores {
		users = append(users, r)
	}
	return users
}

// askSecrets asks the cluster for each Secret, and counts those that cannot be
// used as they are. Values are neither kept nor told.
func askSecrets(cmd *cobra.Command, flags clusterFlags, all []validity) (missing int, err error) {
	cluster, err := live.Open(flags.kubeconfig, flags.context)
	if err != nil {
		return 0, err
	}
	for _, v := range all {
		for i := range v.Secrets {
			s := &v.Secrets[i]
			if s.State, err = cluster.SecretState(cmd.Context(), v.Namespace, s.Name, s.Keys, there); err != nil {
				return 0, err
			}
			if s.State != there {
				missing++
			}
		}
	}
	return missing, nil
}

func printValidity(out io.Writer, all []validity, asked bool) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range all {
		fmt.Fprintf(table, "%s/%s is valid: %d tenants, %d backups, %d restores\n", v.Namespace, v.Name, v.Tenants, v.Backups, v.Restores)
		if !asked {
			continue
		}
		if len(v.Secrets) == 0 {
			fmt.Fprintln(table, "it wants no Secret of yours")
			continue
		}
		fmt.Fprintln(table, "SECRET\tKEYS\tSTATE")
		for _, s := range v.Secrets {
			fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, strings.Join(s.Keys, ", "), s.State)
		}
	}
	return table.Flush()
}
