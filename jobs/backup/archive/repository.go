package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"

	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
)

// manifestLimit bounds what is read as a manifest, in bytes: the chunks of a dump
// of some 400 GiB.
const manifestLimit = 256 << 20

// ErrNoBackup is that there is no backup of a name.
var ErrNoBackup = errors.New("there is no such backup")

// Repository is the backups below one prefix of a bucket. They are one stack's.
type Repository struct {
	Store store.Store
	Log   *slog.Logger
	// Trusted are the keys of those whose backups count as this cluster's.
	Trusted []signing.Key
	// Signer signs the backups that are written.
	Signer *signing.Signer
}

// Listed is a backup that was found. Manifest is nil where Err is not.
type Listed struct {
	store.Info
	Name     string
	Manifest *Manifest
	Err      error
}

// Backups are all backups, by name, one manifest in memory at a time. A manifest
// that cannot be used is listed with its error; the second value is an error of
// the listing itself.
func (r *Repository) Backups(ctx context.Context) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		for info, err := range r.Store.List(ctx, "") {
			if err != nil {
				yield(Listed{}, err)
				return
			}
			name, ok := manifestOf(info.Key)
			if !ok {
				continue
			}
			m, err := r.Manifest(ctx, name)
			if errors.Is(err, ErrNoBackup) {
				continue // removed since
			}
			if !yield(Listed{Info: info, Name: name, Manifest: m, Err: err}, nil) {
				return
			}
		}
	}
}

// Manifest reads the manifest of a backup.
func (r *Repository) Manifest(ctx context.Context, name string) (*Manifest, error) {
	if !namePattern.MatchString(name) {
		return nil, fmt.Errorf("backup %q: %w", name, ErrNoBackup)
	}
	var text []byte
	err := r.retry(ctx, func() error {
		body, err := r.Store.Get(ctx, manifestKey(name))
		if err != nil {
			return err
		}
		defer body.Close()
		text, err = io.ReadAll(io.LimitReader(body, manifestLimit))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("backup %s at %s: %w", name, r.Store, ErrNoBackup)
	}
	if err != nil {
		return nil, fmt.Errorf("backup %s: %w", name, err)
	}
	m, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("backup %s: %w", name, err)
	}
	if m.Name != name {
		return nil, fmt.Errorf("backup %s: its manifest is that of %q", name, m.Name)
	}
	return m, nil
}

// attempts is how often reading an object is tried. Each of its requests has been
// tried several times by then.
const attempts = 3

// retry does again what failed on the way, and not what is wrong for good.
func (r *Repository) retry(ctx context.Context, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == attempts || ctx.Err() != nil || errors.Is(err, errCorrupt) || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		r.Log.Warn("reading again", "reason", err.Error(), "attempt", attempt)
	}
}

// put writes a small object.
func (r *Repository) put(ctx context.Context, key string, body []byte) error {
	return r.Store.Put(ctx, key, bytes.NewReader(body))
}
