package restore

import (
	"context"
	"fmt"

	"github.com/banhbaoring/banhbaoring/jobs/backup"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
)

// override is what restores in spite of what follows; it is for a first import.
const override = "only where you know who made it and where it was since, as with a backup of a release before signatures, set spec.options.dangerouslyAcceptUnverified to true"

// trust refuses a backup that nothing proves to be this stack's own: whoever can
// write to the bucket can make one, and encrypt it to recipients that are public.
// Then it tells what a signature does not stop: that it is not the newest one.
func (w *work) trust(ctx context.Context) error {
	if err := w.repository.Trust(w.manifest); err != nil {
		hint := override
		if w.manifest.Signer != "" {
			hint = "if it is of this stack before it was lost, write its key into spec.backup.trustedKeys; " + override
		}
		if err := w.unverified(ctx, err, hint); err != nil {
			return err
		}
	}
	for c, p := range w.parts {
		if !p.Encrypted && w.config.Encrypted {
			if err := w.unverified(ctx, fmt.Errorf("its %s is in the clear, and the spec has backups encrypted", c), override); err != nil {
				return err
			}
		}
	}
	return w.tellAge(ctx)
}

// unverified refuses, or warns where the spec overrides that.
func (w *work) unverified(ctx context.Context, why error, hint string) error {
	if !w.config.AcceptUnverified {
		return w.refuse(why, hint)
	}
	note := fmt.Sprintf("an unverified backup is restored, since spec.options.dangerouslyAcceptUnverified is true: %v", why)
	w.Log.Warn(note)
	w.Warn(ctx, "Unverified", note)
	return nil
}

// tellAge warns of a backup that is not the newest one that is known, of one that
// was made after the loss, of an OpenBao that took the place of another, and of
// backups that are missed: newer ones may be among them.
func (w *work) tellAge(ctx context.Context) error {
	m := w.manifest
	known, err := backup.Known(ctx, w.Kubernetes, w.Namespace, w.repository.Store)
	if err != nil {
		return err
	}
	var newest, lost *archive.Manifest
	var chain archive.Chain
	for b, err := range w.repository.Backups(ctx) {
		if err != nil {
			return err
		}
		if b.Err != nil {
			continue
		}
		chain.Add(w.repository, b.Manifest, m.Cluster, m.Namespace)
		if w.repository.Trust(b.Manifest) != nil || b.Manifest.Cluster != m.Cluster || b.Manifest.Namespace != m.Namespace {
			continue
		}
		if newest == nil || b.Manifest.Sequence > newest.Sequence {
			newest = b.Manifest
		}
		other := b.Manifest.Needs.ClusterID
		if other != "" && other != m.Needs.ClusterID && b.Manifest.StartedAt.Before(m.StartedAt) && (lost == nil || b.Manifest.Sequence > lost.Sequence) {
			lost = b.Manifest
		}
	}
	for _, note := range chain.Lost(known) {
		w.Log.Warn(note)
		w.Warn(ctx, "BackupMissing", note)
	}
	warn := func(note string) {
		w.Log.Warn(note)
		w.Warn(ctx, "OldBackup", note)
	}
	if newest != nil && newest.Sequence > m.Sequence && newest.Name != m.Name {
		warn(fmt.Sprintf("backup %s (number %d) is not the newest one: that is %s (number %d) of %s; what was written in between is lost, and what was revoked in between is valid again",
			m.Name, m.Sequence, newest.Name, newest.Sequence, newest.StartedAt.Format("2006-01-02 15:04:05 UTC")))
	}
	if lost != nil {
		warn(fmt.Sprintf("backup %s is of OpenBao %s, which took the place of %s: what was lost with that one is not in it; the newest backup from before is %s of %s",
			m.Name, m.Needs.ClusterID, lost.Needs.ClusterID, lost.Name, lost.StartedAt.Format("2006-01-02 15:04:05 UTC")))
	}
	return nil
}

// ofRunning warns that a backup is of the OpenBao that runs, although it is to be
// replaced: where data was lost before it was set up, the backup does not hold it.
func (w *work) ofRunning(ctx context.Context, running string) {
	if !w.config.Force || running == "" || running != w.manifest.Needs.ClusterID {
		return
	}
	note := fmt.Sprintf("backup %s is of the OpenBao that runs (%s), and spec.options.force is not needed for it: where this one was set up after a loss, the backup is younger than the loss", w.manifest.Name, running)
	w.Log.Warn(note)
	w.Warn(ctx, "OldBackup", note)
}
