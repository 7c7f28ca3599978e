// Package restore is the Job that restores the stack from a backup. It verifies
// all that it needs before it touches anything, keeps whatever it replaces under
// another name, and goes on where an earlier run ended.
package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// Deadline is how long a restore may take.
const Deadline = 6 * time.Hour

// work is one run.
type work struct {
	*run.Session
	config     jobs.RestoreConfig
	mounts     jobs.Mounts
	repository *archive.Repository
	identities []age.Identity
	manifest   *archive.Manifest
	// parts are what is restored, by component.
	parts map[v1.BackupComponent]archive.Part
	// kept are the Secrets in the backup, by name.
	kept    map[string]corev1.Secret
	peers   []run.Peer
	receipt receipt
}

// Run restores what config describes, or goes on where an earlier run ended.
func Run(ctx context.Context, s *run.Session, config jobs.RestoreConfig, mounts jobs.Mounts) error {
	w := &work{Session: s, config: config, mounts: mounts, parts: map[v1.BackupComponent]archive.Part{}, kept: map[string]corev1.Secret{}}
	err := w.Step(ctx, "look for a receipt", w.readReceipt)
	if err != nil {
		return err
	}
	if w.receipt.complete() {
		s.Log.Info("the restore was done already", "receipt", config.Receipt, "at", w.receipt[jobs.ReceiptCompleted])
		return nil
	}
	if err := w.Step(ctx, "find the backup", w.find); err != nil {
		return err
	}
	if err := w.Step(ctx, "verify the backup", w.verify); err != nil {
		return err
	}
	if err := w.Step(ctx, "compare what it needs", w.compare); err != nil {
		return err
	}
	if err := w.Step(ctx, "write the receipt", w.begin); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		part v1.BackupComponent // without which there is nothing to do
		do   func(context.Context) error
	}{
		{"StopApplications", "", w.stop},
		{"RestoreOpenBao", v1.BackupOpenBao, w.openbao},
		{"RestoreDatabase", v1.BackupDatabase, w.database},
		{"RestoreSecrets", v1.BackupSecrets, w.secrets},
		{"StartApplications", "", w.start},
		{"VerifyHealth", "", w.health},
	} {
		if _, restored := w.parts[step.part]; step.part != "" && !restored {
			continue
		}
		if at := w.receipt[step.name]; at != "" {
			s.Log.Info("was done before", "step", step.name, "at", at)
			continue
		}
		if err := step.do(ctx); err != nil {
			return err
		}
		if err := w.note(ctx, step.name); err != nil {
			return err
		}
	}
	if err := w.note(ctx, jobs.ReceiptCompleted); err != nil {
		return err
	}
	s.Event(ctx, "Restored", fmt.Sprintf("restored from %s", w.location()))
	return nil
}

func (w *work) location() string { return w.repository.Store.String() + w.config.Backup + "/" }

// find opens the bucket and reads the manifest.
func (w *work) find(ctx context.Context) error {
	opened, err := backup.OpenStore(ctx, w.config.Source, w.mounts)
	if err != nil {
		return err
	}
	w.repository = &archive.Repository{Store: opened, Log: w.Log}
	if w.repository.Trusted, err = backup.Trusted(w.mounts.Keys, w.config.TrustedKeys); err != nil {
		return err
	}
	w.manifest, err = w.repository.Manifest(ctx, w.config.Backup)
	if errors.Is(err, archive.ErrNoBackup) && w.config.Folder != nil {
		err = w.only(ctx)
	}
	if errors.Is(err, archive.ErrNoBackup) {
		return run.ByHand(fmt.Errorf("%w: nothing was touched: hint: see `banhbaoring backup list`, and name one of those in spec.backupRef or spec.source", err))
	}
	if err != nil {
		return w.unreadable(err)
	}
	if w.identities, err = identities(w.mounts.Identity, w.mounts.Keys); err != nil {
		return err
	}
	for _, c := range w.config.Components {
		if p, ok := w.manifest.Part(c); ok {
			w.parts[c] = p
		} else {
			w.Log.Warn("the backup does not hold it, and it is not restored", "component", c)
		}
	}
	if len(w.parts) == 0 {
		return w.refuse(fmt.Errorf("it holds none of %v", w.config.Components), "name others in spec.components, or another backup")
	}
	return w.trust(ctx)
}

// only takes the one backup that lies in the folder which the spec names.
func (w *work) only(ctx context.Context) error {
	opened, err := backup.OpenStore(ctx, *w.config.Folder, w.mounts)
	if err != nil {
		return err
	}
	folder := *w.repository
	folder.Store = opened
	var names []string
	for b, err := range folder.Backups(ctx) {
		if err != nil {
			return err
		}
		names = append(names, b.Name)
	}
	switch len(names) {
	case 0:
		return fmt.Errorf("%s is no backup's folder and holds none: %w", opened, archive.ErrNoBackup)
	case 1:
		w.repository, w.config.Backup = &folder, names[0]
		w.manifest, err = folder.Manifest(ctx, names[0])
		return err
	}
	return fmt.Errorf("%s holds the backups %s, and spec.source has to name one: hint: write one of these names behind its prefix", opened, strings.Join(names, ", "))
}

// identities are the age private keys that are mounted: those that the spec names,
// and those that the stack minted.
func identities(dirs ...string) ([]age.Identity, error) {
	var all []age.Identity
	for _, dir := range dirs {
		file, err := os.Open(filepath.Join(dir, jobs.KeyIdentity))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		some, err := archive.Identities(file)
		_ = file.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// refuse is that a backup cannot be restored here. It is said before anything was
// touched.
func (w *work) refuse(why error, hint string) error {
	return run.ByHand(fmt.Errorf("backup %s is not restored: %w: nothing was touched: hint: %s", w.location(), why, hint))
}

// pipe hands the content of a part to read, which must read all of it.
func (w *work) pipe(ctx context.Context, p archive.Part, read func(io.Reader) error) error {
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := w.repository.Read(ctx, w.manifest, p, w.identities, writer)
		writer.CloseWithError(err)
		sent <- err
	}()
	err := read(reader)
	reader.CloseWithError(errors.New("nobody reads any more"))
	if fault := <-sent; err == nil {
		return fault
	} else if fault != nil && !errors.Is(fault, io.ErrClosedPipe) && !strings.Contains(fault.Error(), "nobody reads any more") {
		return fmt.Errorf("%w: %w", err, fault)
	}
	return err
}

func sorted[K ~string, V any](m map[K]V) []K {
	var keys []K
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
