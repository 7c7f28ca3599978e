package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"filippo.io/age"
)

// Verify reads every object of a backup and compares it with the manifest; with
// identities, or where nothing is encrypted, what the objects hold too. Every
// fault is told, not the first.
func (r *Repository) Verify(ctx context.Context, m *Manifest, identities []age.Identity) error {
	var faults []error
	for _, p := range m.Parts {
		if p.Encrypted && len(identities) == 0 {
			for _, o := range p.Objects {
				if err := r.check(ctx, o); err != nil {
					faults = append(faults, fmt.Errorf("%s: %w", p.Component, err))
				}
			}
			continue
		}
		if err := r.Read(ctx, m, p, identities, io.Discard); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// check reads an object and compares it with what was stored.
func (r *Repository) check(ctx context.Context, o Object) error {
	return r.retry(ctx, func() error { return r.object(ctx, o, func(io.Reader) error { return nil }) })
}

// object lets read read an object, reads what it left, and compares all with what
// was stored.
func (r *Repository) object(ctx context.Context, o Object, read func(io.Reader) error) error {
	body, err := r.Store.Get(ctx, o.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s%s is missing: %w", r.Store, o.Key, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	stored, sum := summed(io.LimitReader(body, o.Size+1))
	fault := read(stored)
	if _, err := io.Copy(io.Discard, stored); err != nil {
		return fmt.Errorf("%s%s: %w", r.Store, o.Key, err)
	}
	switch got := sum.sum(); {
	case got.Size > o.Size:
		return fmt.Errorf("%s%s %w: it is longer than %d bytes", r.Store, o.Key, errCorrupt, o.Size)
	case got != o.Sum:
		return fmt.Errorf("%s%s %w: it has %d bytes of %d, sha256 %s and not %s", r.Store, o.Key, errCorrupt, got.Size, o.Size, got.SHA256, o.SHA256)
	case fault != nil:
		return fmt.Errorf("%s%s: %w", r.Store, o.Key, fault)
	}
	return nil
}

// Read writes a part's content to w, and compares all of it with the manifest.
// What was written counts only when there is no error.
func (r *Repository) Read(ctx context.Context, m *Manifest, p Part, identities []age.Identity, w io.Writer) error {
	key, err := m.contentKey(identities)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Component, err)
	}
	all := newContent(key)
	out := io.MultiWriter(w, all)
	for _, o := range p.Objects {
		if o.Content != nil {
			// A chunk is small: it is read as a whole before any of it is handed on.
			chunk, err := r.chunk(ctx, p, o, identities, key)
			if err == nil {
				_, err = out.Write(chunk)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", p.Component, err)
			}
			continue
		}
		err := r.object(ctx, o, func(stored io.Reader) error {
			return copyOpen(out, stored, p, identities)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.Component, err)
		}
	}
	if got := all.sum(); got != p.Content {
		return fmt.Errorf("%s %w: its content has %d bytes of %d, hash %s and not %s", p.Component, errCorrupt, got.Size, p.Content.Size, got.text(), p.Content.text())
	}
	return nil
}

func (r *Repository) chunk(ctx context.Context, p Part, o Object, identities []age.Identity, key []byte) ([]byte, error) {
	var content bytes.Buffer
	err := r.retry(ctx, func() error {
		content.Reset()
		return r.object(ctx, o, func(stored io.Reader) error { return copyOpen(&content, stored, p, identities) })
	})
	if err != nil {
		return nil, err
	}
	if contentOf(key, content.Bytes()) != *o.Content {
		return nil, fmt.Errorf("%s%s %w: it holds another chunk", r.Store, o.Key, errCorrupt)
	}
	return content.Bytes(), nil
}

func copyOpen(w io.Writer, stored io.Reader, p Part, identities []age.Identity) error {
	content, err := open(stored, p.Compression, p.Encrypted, identities)
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(w, content)
	return err
}
