package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/render"
)

// trustFlags say whose backups count.
type trustFlags struct {
	given  []string
	accept bool
}

func (f *trustFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.given, "trusted-key", nil, "public signing key whose backups count, ed25519:…, beside those of spec.backup.trustedKeys")
}

func (f *trustFlags) addOverride(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.accept, "dangerously-accept-unverified", false, "take a backup that nothing proves to be the stack's own")
}

// keys are those that the files and the command line name.
func (f *trustFlags) keys(in *render.Input) ([]signing.Key, error) {
	var all []signing.Key
	for _, text := range f.given {
		key, err := signing.ParseKey(text)
		if err != nil {
			return nil, usagef("--trusted-key %v", err)
		}
		all = append(all, key)
	}
	for _, s := range in.Stacks {
		for _, text := range s.Cluster.Spec.Backup.TrustedKeys {
			all = append(all, signing.Key(text))
		}
	}
	return all, nil
}

// check refuses what nothing proves to be the stack's own.
func (f *trustFlags) check(cmd *cobra.Command, r *archive.Repository, m *archive.Manifest) error {
	err := r.Trust(m)
	switch {
	case err == nil:
		return nil
	case f.accept:
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %v\n", err)
		return nil
	case m.Signer != "":
		return fmt.Errorf("%w\nhint: compare that key with public-key in the stack's Secret banhbaoring-backup-keys, or with what `banhbaoring recovery verify` shows, and give it as spec.backup.trustedKeys or --trusted-key", err)
	}
	return fmt.Errorf("%w\nhint: it may be of a release before signatures; --dangerously-accept-unverified takes it as it is", err)
}

// signedBy says in a word whether a backup is proven.
func signedBy(r *archive.Repository, m *archive.Manifest) string {
	switch {
	case m.Signer == "":
		return "no"
	case r.Trust(m) != nil:
		return "untrusted"
	}
	return "yes"
}

func numberOf(m *archive.Manifest) string {
	if m.Sequence == 0 {
		return "-"
	}
	return strconv.FormatInt(m.Sequence, 10)
}

func keysOf(m *archive.Manifest) string {
	if m.Needs.Keys == nil {
		return "-"
	}
	return strconv.FormatInt(*m.Needs.Keys, 10)
}

// ageOf is a duration, rounded, in one unit.
func ageOf(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours())/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dm", int(d.Minutes()))
}
