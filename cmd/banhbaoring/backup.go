package main

import (
	"cmp"
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
names; without them, the workload's identity is used. An endpoint with an
authority of its own is trusted by the file that AWS_CA_BUNDLE names.

A backup counts when a key signed it that spec.backup.trustedKeys or --trusted-key
names: whoever can write to the bucket can make one that looks whole. A stack's
key is public-key in its Secret banhbaoring-backup-keys.`,
		RunE: wantsVerb,
	}
	cmd.AddCommand(backupListCommand(), backupShowCommand(), backupVerifyCommand(), backupReadCommand())
	for _, c := range cmd.Commands() {
		c.Example = backupExamples[c.Name()]
	}
	return cmd
}

func backupListCommand() *cobra.Command {
	var files []string
	var trust trustFlags
	var memory memoryFlags
	cmd := &cobra.Command{
		Use:   "list -f FILE",
		Short: "List all backups, oldest first",
		Long: `List all backups, oldest first. Each names the one before it: those that are
missed, and that retention did not remove, are told, and the command fails. The
newest are missed by nobody but the cluster that took them, which --live asks.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cluster, err := memory.open()
			if err != nil {
				return err
			}
			buckets, err := openBuckets(cmd, files, trust)
			if err != nil {
				return err
			}
			var found []archive.Listed
			var lost error
			places := map[string]string{}
			for _, bucket := range buckets {
				err := bucket.missed(cmd.Context(), cluster, func(b archive.Listed) {
					places[b.Name] = bucket.Store.String() + b.Name + "/"
					found = append(found, b)
				})
				if missing := (missedError{}); err != nil && !errors.As(err, &missing) {
					return err
				}
				lost = errors.Join(lost, err)
			}
			if cluster == nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "note: whether newer backups were taken away, only the cluster that took them knows: --live asks it")
			}
			return errors.Join(printBackups(cmd.OutOrStdout(), cmd.ErrOrStderr(), buckets[0].Repository, found, places), lost)
		},
	}
	addFileFlag(cmd, &files)
	trust.add(cmd)
	memory.add(cmd)
	return cmd
}

// printBackups lists backups with their places, and warns where the newest could be
// read by its own cluster alone.
func printBackups(out, told io.Writer, trusted *archive.Repository, found []archive.Listed, places map[string]string) error {
	slices.SortStableFunc(found, func(a, b archive.Listed) int { return a.Modified.Compare(b.Modified) })
	var bad []error
	var newest *archive.Manifest
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tNUMBER\tREASON\tTYPE\tCOMPLETED\tAGE\tSIZE\tOPENBAO\tKEYS\tMADE BY\tSIGNED\tENCRYPTED\tCOMPONENTS\tLOCATION")
	for _, b := range found {
		if b.Err != nil {
			bad = append(bad, b.Err)
			fmt.Fprintf(table, "%s\t\tunusable\t\t%s\t\t\t\t\t\t\t\t\t%s\n", b.Name, stamp(b.Modified), places[b.Name])
			continue
		}
		m := b.Manifest
		newest = m
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, numberOf(m), m.Reason, m.Type, stamp(m.CompletedAt), ageOf(time.Since(m.CompletedAt)), bytesOf(m.Size()),
			cmp.Or(m.Needs.ClusterID, "-"), keysOf(m), cmp.Or(m.Needs.Versions.Renderer, "-"), signedBy(trusted, m), encryptionOf(m), componentsOf(m), places[b.Name])
	}
	if newest != nil && newest.Degraded {
		fmt.Fprintf(told, "warning: degraded: when backup %s was taken, nobody but its cluster had the key that opens it\nhint: run `banhbaoring recovery export`, and keep what it writes elsewhere\n", newest.Name)
	}
	return errors.Join(append(bad, table.Flush())...)
}

func backupShowCommand() *cobra.Command {
	var files []string
	var trust trustFlags
	cmd := &cobra.Command{
		Use:   "show NAME -f FILE",
		Short: "Show what a backup holds, and what its restore needs",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, m, err := findBackup(cmd, files, trust, args)
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), r.Repository, m)
		},
	}
	addFileFlag(cmd, &files)
	trust.add(cmd)
	return cmd
}

func show(out io.Writer, r *archive.Repository, m *archive.Manifest) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	v, seal := m.Needs.Versions, m.Needs.Seal
	unseal := fmt.Sprintf("%s %s", seal.Type, seal.Key)
	if seal.Type == "shamir" {
		unseal = fmt.Sprintf("%d of %d key shares", seal.Threshold, seal.Shares)
	}
	for _, row := range [][2]string{
		{"name", m.Name}, {"cluster", m.Namespace + "/" + m.Cluster}, {"reason", string(m.Reason)}, {"type", string(m.Type)},
		{"number", numberOf(m)}, {"signed", signedBy(r, m)}, {"signed by", string(m.Signer)}, {"openbao cluster", m.Needs.ClusterID}, {"keys", keysOf(m)}, {"made by", v.Renderer},
		{"started", stamp(m.StartedAt)}, {"completed", stamp(m.CompletedAt)}, {"size", bytesOf(m.Size())},
		{"openbao", v.OpenBao}, {"plugin", v.Plugin}, {"database", v.Database}, {"unsealed by", strings.TrimSpace(unseal)},
		{"encrypted to", strings.Join(m.Recipients, ", ")}, {"degraded", degradedOf(m)},
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
	var trust trustFlags
	var memory memoryFlags
	cmd := &cobra.Command{
		Use:   "verify NAME -f FILE [--identity FILE]",
		Short: "Read all of a backup and compare it with its manifest",
		Long: `Read all of a backup and compare it with its manifest. Where other backups are
missed beside it, that is told, and the command fails: newer ones may be among
them. --live compares with what the cluster remembers.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			cluster, err := memory.open()
			if err != nil {
				return err
			}
			identities, err := readIdentities(identity)
			if err != nil {
				return err
			}
			r, m, err := findBackup(cmd, files, trust, args)
			if err != nil {
				return err
			}
			if err := trust.check(cmd, r.Repository, m); err != nil {
				return err
			}
			if err := r.Verify(cmd.Context(), m, identities); err != nil {
				return err
			}
			what := "every object is what was stored, and holds what was backed up"
			if len(m.Recipients) > 0 && len(identities) == 0 {
				what = "every object is what was stored; --identity looks into them"
			}
			if _, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", m.Name, what); err != nil {
				return err
			}
			return r.missed(cmd.Context(), cluster, func(archive.Listed) {})
		},
	}
	addFileFlag(cmd, &files)
	addIdentityFlag(cmd, &identity)
	trust.add(cmd)
	trust.addOverride(cmd)
	memory.add(cmd)
	return cmd
}

func backupReadCommand() *cobra.Command {
	var files []string
	var identity string
	var trust trustFlags
	cmd := &cobra.Command{
		Use:   "read NAME COMPONENT -f FILE [--identity FILE] > FILE",
		Short: "Write one component, decrypted, to standard output",
		Long: `Write one component of a backup to standard output, decrypted, decompressed
and put together: a raft snapshot, a dump as pg_restore takes it, or Secrets. The
component may be named by its part: openbao.snap, postgres.sql.gz or postgres.dump,
secrets.yaml.enc. What was written counts only when the command ends with 0.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("backup read wants a backup's name and a component: openbao, database or secrets")
			}
			identities, err := readIdentities(identity)
			if err != nil {
				return err
			}
			r, m, err := findBackup(cmd, files, trust, args[:1])
			if err != nil {
				return err
			}
			if err := trust.check(cmd, r.Repository, m); err != nil {
				return err
			}
			component, _ := archive.Names(args[1])
			p, ok := m.Part(component)
			if !ok {
				return fmt.Errorf("backup %s holds no %s: it holds %s", m.Name, args[1], componentsOf(m))
			}
			return r.Read(cmd.Context(), m, p, identities, cmd.OutOrStdout())
		},
	}
	addFileFlag(cmd, &files)
	addIdentityFlag(cmd, &identity)
	trust.add(cmd)
	trust.addOverride(cmd)
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
func findBackup(cmd *cobra.Command, files []string, trust trustFlags, args []string) (*bucket, *archive.Manifest, error) {
	if len(args) != 1 {
		return nil, nil, usagef("%s wants the name of one backup", cmd.CommandPath())
	}
	buckets, err := openBuckets(cmd, files, trust)
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
func openBuckets(cmd *cobra.Command, files []string, trust trustFlags) ([]*bucket, error) {
	in, err := load(cmd, files)
	if err != nil {
		return nil, err
	}
	credentials := store.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	trusted, err := trust.keys(in)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	var buckets []*bucket
	seen := map[string]bool{}
	for _, s := range in.Stacks {
		for _, d := range destinationsOf(s) {
			if err := haveKeys(s, d, credentials); err != nil {
				return nil, err
			}
			opened, err := openForPerson(cmd.Context(), d, credentials)
			if err != nil {
				return nil, err
			}
			if !seen[opened.String()] {
				seen[opened.String()] = true
				fmt.Fprintf(cmd.ErrOrStderr(), "asking %s\n", opened)
				buckets = append(buckets, &bucket{&archive.Repository{Store: opened, Log: log, Trusted: trusted}, s.Cluster})
			}
		}
	}
	if len(buckets) == 0 {
		return nil, errors.New("no spec.backup.destination is given: there are no backups to look at")
	}
	return buckets, nil
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

// encryptionOf says in a word who can read a backup.
func encryptionOf(m *archive.Manifest) string {
	switch {
	case len(m.Recipients) == 0:
		return "no"
	case m.Degraded:
		return "degraded"
	}
	return "yes"
}

func degradedOf(m *archive.Manifest) string {
	if m.Degraded {
		return "when it was taken, nobody but its cluster had the key that opens it"
	}
	return ""
}
