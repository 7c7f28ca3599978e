package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
	"github.com/banhbaoring/banhbaoring/jobs/database"
)

// read is a mounted key, or nil where there is none.
func read(dir, key string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return bytes.TrimSpace(text), err
}

// Trusted are the keys whose backups count as this stack's own: its own, those that
// it had before, and those that the spec names.
func Trusted(dir string, spec []string) ([]signing.Key, error) {
	var all []signing.Key
	for _, name := range []string{jobs.KeyPublic, jobs.KeyTrusted} {
		text, err := read(dir, name)
		if err != nil {
			return nil, err
		}
		keys, err := signing.ParseKeys(string(text))
		if err != nil {
			return nil, fmt.Errorf("key %s of Secret %s %w", name, jobs.SecretBackupKeys, err)
		}
		all = append(all, keys...)
	}
	for i, text := range spec {
		key, err := signing.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("spec.backup.trustedKeys[%d] %w", i, err)
		}
		all = append(all, key)
	}
	return all, nil
}

// OpenStore opens the bucket of a destination with what is mounted.
func OpenStore(ctx context.Context, d v1.Destination, mounts jobs.Mounts) (store.Store, error) {
	credentials, err := store.Mounted(mounts.Bucket)
	if err != nil {
		return nil, err
	}
	authority, err := read(mounts.BucketCA, jobs.AuthorityFile)
	if err != nil {
		return nil, err
	}
	proxy, err := read(mounts.ProxyCA, jobs.AuthorityFile)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, d, credentials, store.Options{CACert: authority, ProxyCA: proxy})
}

// open opens the bucket, and reads what the backup is signed with and encrypted to.
func (w *work) open(ctx context.Context) error {
	opened, err := OpenStore(ctx, w.config.Destination, w.mounts)
	if err != nil {
		return err
	}
	w.repository = &archive.Repository{Store: opened, Log: w.Log}
	private, err := read(w.mounts.Keys, jobs.KeySigning)
	if err != nil {
		return err
	}
	if w.repository.Signer, err = signing.Parse(private); err != nil {
		return fmt.Errorf("key %s of Secret %s: %w\nhint: the secrets Job mints it; look at how it ended", jobs.KeySigning, jobs.SecretBackupKeys, err)
	}
	if w.repository.Trusted, err = Trusted(w.mounts.Keys, w.config.TrustedKeys); err != nil {
		return err
	}
	if w.config.Clear || len(w.config.Recipients) > 0 {
		return nil
	}
	minted, err := read(w.mounts.Keys, jobs.KeyRecipient)
	if err != nil {
		return err
	}
	if len(minted) == 0 {
		return fmt.Errorf("there is nobody to encrypt the backup to: Secret %s has no key %s\nhint: the secrets Job mints it; look at how it ended", jobs.SecretBackupKeys, jobs.KeyRecipient)
	}
	w.minted, w.config.Recipients = true, []string{string(minted)}
	return nil
}

// dump streams a dump of the database, by the programs of the other container.
// version takes the server's version.
func dump(socket string, version *string) archive.Source {
	return func(ctx context.Context, w io.Writer) (archive.About, error) {
		d, err := database.Open(socket).Dump(ctx, w)
		if err != nil {
			return archive.About{}, err
		}
		*version = d.Version
		return archive.About{Rows: d.Rows}, nil
	}
}

// publicKeys are those of a backup that is encrypted to a minted one; of any
// other there are none.
func (w *work) publicKeys() map[string]string {
	if !w.minted {
		return nil
	}
	return map[string]string{jobs.RecoveryRecipient: w.config.Recipients[0], jobs.RecoverySigner: string(w.repository.Signer.Public())}
}

// degraded reports whether the only keys that open the backup lie in the cluster
// that it is a backup of.
func (w *work) degraded(ctx context.Context) (bool, error) {
	if !w.minted {
		return false, nil
	}
	receipt, err := data(ctx, w.Kubernetes, w.Namespace, jobs.RecoveryReceipt)
	return !jobs.Recoverable(receipt, w.publicKeys()), err
}

// warnDegraded says so as long as it is.
func (w *work) warnDegraded(ctx context.Context) error {
	degraded, err := w.degraded(ctx)
	if err != nil || !degraded {
		return err
	}
	const why = "degraded: backups cannot be read without this cluster, which holds the only keys that open them: hint: run `banhbaoring recovery export` and keep what it writes elsewhere"
	w.Log.Warn(why)
	w.Warn(ctx, "Degraded", why)
	return nil
}

// place names a destination as a ConfigMap's key can.
func place(at store.Store) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, at.String()), "_")
	return name[max(0, len(name)-253):]
}
