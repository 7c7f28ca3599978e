package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
	"github.com/banhbaoring/banhbaoring/render"
)

// backupCommand is for humans: it looks at what the Jobs stored.
func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "List, show, verify and read backups",
		Long: `List, show, verify and read the backups in the buckets that the given files
name. The keys of an S3 bucket are taken from AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, Google's from the file that GOOGLE_APPLICATION_CREDENTIALS
names; without them, the workload's identity is used.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("backup wants list, show, verify or read")
			}
			return usagef("there is no backup %s: must be list, show, verify or read", args[0])
		},
	}
	cmd.AddCommand(backupListCommand(), backupShowCommand(), backupVerifyCommand(), backupReadCommand())
	return cmd
}

func backupListCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "list -f FILE",
		Short: "List all backups, oldest first",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			buckets, err := openBuckets(cmd, files)
			if err != nil {
				return err
			}
			var found []archive.Listed
			places := map[string]string{}
			for _, r := range buckets {
				for b, err := range r.Backups(cmd.Context()) {
					if err != nil {
						return err
					}
					places[b.Name] = r.Store.String() + b.Name + "/"
					found = append(found, b)
				}
			}
			slices.SortStableFunc(found, func(a, b archive.Listed) int { return a.Modified.Compare(b.Modified) })
			var bad []error
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "NAME\tREASON\tTYPE\tCOMPLETED\tSIZE\tENCRYPTED\tCOMPONENTS\tLOCATION")
			for _, b := range found {
				if b.Err != nil {
					bad = append(bad, b.Err)
					fmt.Fprintf(table, "%s\tunusable\t\t%s\t\t\t\t%s\n", b.Name, stamp(b.Modified), places[b.Name])
					continue
				}
				m := b.Manifest
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.Reason, m.Type, stamp(m.CompletedAt), bytesOf(m.Size()), yes(len(m.Recipients) > 0), componentsOf(m), places[b.Name])
			}
			return errors.Join(append(bad, table.Flush())...)
		},
	}
	addFileFlag(cmd, &files)
	return cmd
}

func backupShowCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "show NAME -f FILE",
		Short: "Show what a backup holds, and what its restore needs",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, m, err := findBackup(cmd, files, args)
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), m)
		},
	}
	addFileFlag(cmd, &files)
	return cmd
}

func show(out io.Writer, m *archive.Manifest) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	v, seal := m.Needs.Versions, m.Needs.Seal
	unseal := fmt.Sprintf("%s %s", seal.Type, seal.Key)
	if seal.Type == "shamir" {
		unseal = fmt.Sprintf("%d of %d key shares", seal.Threshold, seal.Shares)
	}
	for _, row := range [][2]string{
		{"name", m.Name}, {"cluster", m.Namespace + "/" + m.Cluster}, {"reason", string(m.Reason)}, {"type", string(m.Type)},
		{"started", stamp(m.StartedAt)}, {"completed", stamp(m.CompletedAt)}, {"size", bytesOf(m.Size())},
		{"openbao", v.OpenBao}, {"plugin", v.Plugin}, {"database", v.Database}, {"unsealed by", strings.TrimSpace(unseal)},
		{"encrypted to", strings.Join(m.Recipients, ", ")},
	} {
		if row[1] != "" {
			fmt.Fprintf(table, "%s:\t%s\n", row[0], row[1])
		}
	}
	fmt.Fprintln(table, "\nCOMPONENT\tCONTENT\tSTORED\tOBJECTS\tFILE\tSHA256 OF THE CONTENT")
	for _, p := range m.Parts {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", p.Component, bytesOf(p.Content.Size), bytesOf(p.Stored()), len(p.Objects), p.File, p.Content.SHA256)
	}
	return table.Flush()
}

func backupVerifyCommand() *cobra.Command {
	var files []string
	var identity string
	cmd := &cobra.Command{
		Use:   "verify NAME -f FILE [--identity FILE]",
		Short: "Read all of a backup and compare it with its manifest",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			identities, err := readIdentities(identity)
			if err != nil {
				return err
			}
			r, m, err := findBackup(cmd, files, args)
			if err != nil {
				return err
			}
			if err := r.Verify(cmd.Context(), m, identities); err != nil {
				return err
			}
			what := "every object is what was stored, and holds what was backed up"
			if len(m.Recipients) > 0 && len(identities) == 0 {
				what = "every object is what was stored; --identity looks into them"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", m.Name, what)
			return err
		},
	}
	addFileFlag(cmd, &files)
	addIdentityFlag(cmd, &identity)
	return cmd
}

func backupReadCommand() *cobra.Command {
	var files []string
	var identity string
	cmd := &cobra.Command{
		Use:   "read NAME COMPONENT -f FILE [--identity FILE] > FILE",
		Short: "Write one component, decrypted, to standard output",
		Long: `Write one component of a backup to standard output, decrypted, decompressed
and put together: a raft snapshot, an SQL script or Secrets. What was written
counts only when the command ends with 0.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("backup read wants a backup's name and a component: openbao, database or secrets")
			}
			identities, err := readIdentities(identity)
			if err != nil {
				return err
			}
			r, m, err := findBackup(cmd, files, args[:1])
			if err != nil {
				return err
			}
			p, ok := m.Part(v1.BackupComponent(args[1]))
			if !ok {
				return fmt.Errorf("backup %s holds no %s: it holds %s", m.Name, args[1], componentsOf(m))
			}
			return r.Read(cmd.Context(), p, identities, cmd.OutOrStdout())
		},
	}
	addFileFlag(cmd, &files)
	addIdentityFlag(cmd, &identity)
	return cmd
}

func addIdentityFlag(cmd *cobra.Command, identity *string) {
	cmd.Flags().StringVarP(identity, "identity", "i", "", "file with the age private key that decrypts")
}

func readIdentities(path string) ([]age.Identity, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	identities, err := archive.Identities(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return identities, nil
}

// findBackup finds the one backup that is asked for.
func findBackup(cmd *cobra.Command, files, args []string) (*archive.Repository, *archive.Manifest, error) {
	if len(args) != 1 {
		return nil, nil, usagef("%s wants the name of one backup", cmd.CommandPath())
	}
	buckets, err := openBuckets(cmd, files)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range buckets {
		m, err := r.Manifest(cmd.Context(), args[0])
		if errors.Is(err, archive.ErrNoBackup) {
			continue
		}
		return r, m, err
	}
	return nil, nil, fmt.Errorf("there is no backup %s\nhint: see `banhbaoring backup list`", args[0])
}

// openBuckets opens each place that the files keep backups in.
func openBuckets(cmd *cobra.Command, files []string) ([]*archive.Repository, error) {
	in, err := load(cmd, files)
	if err != nil {
		return nil, err
	}
	credentials := store.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	var buckets []*archive.Repository
	seen := map[string]bool{}
	for _, s := range in.Stacks {
		for _, d := range destinationsOf(s) {
			opened, err := openBucket(cmd.Context(), d, credentials)
			if err != nil {
				return nil, err
			}
			if !seen[opened.String()] {
				seen[opened.String()] = true
				buckets = append(buckets, &archive.Repository{Store: opened, Log: log})
			}
		}
	}
	if len(buckets) == 0 {
		return nil, errors.New("no spec.backup.destination is given: there are no backups to look at")
	}
	return buckets, nil
}

func openBucket(ctx context.Context, d v1.Destination, c store.Credentials) (store.Store, error) {
	return store.Open(ctx, d, c, store.Options{})
}

func destinationsOf(s *render.Stack) []v1.Destination {
	var all []v1.Destination
	if d := s.Cluster.Spec.Backup.Destination; d != nil {
		all = append(all, *d)
	}
	for _, b := range s.Backups {
		if b.Spec.Destination != nil {
			all = append(all, *b.Spec.Destination)
		}
	}
	return all
}

func componentsOf(m *archive.Manifest) string {
	var names []string
	for _, p := range m.Parts {
		names = append(names, string(p.Component))
	}
	return strings.Join(names, ",")
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// bytesOf is a number of bytes, rounded, in the units of Kubernetes.
func bytesOf(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}} {
		if n >= unit.size {
			return fmt.Sprintf("%.1f%s", float64(n)/float64(unit.size), unit.name)
		}
	}
	return fmt.Sprint(n)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
