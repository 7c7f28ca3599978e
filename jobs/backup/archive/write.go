package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"filippo.io/age"
	"github.com/restic/chunker"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// polynomial cuts dumps into chunks. Another one would cut all of them elsewhere,
// so that nothing would be found again.
const polynomial = chunker.Pol(0x3DA3358B4DC173)

// maxChunk bounds the memory that one chunk takes, in bytes. On average one has a
// quarter of that.
const maxChunk = 4 << 20

// Source writes a component's content and tells what is known of it afterwards.
type Source func(ctx context.Context, w io.Writer) (About, error)

// About is what a source knows of its content.
type About struct {
	// Same identifies the content where two streams of it differ.
	Same string
	Rows map[string]int64
}

// Writer writes one backup.
type Writer struct {
	repository *Repository
	manifest   Manifest
	recipients []age.Recipient
	// key is that of clear content's hashes.
	key []byte
	// chunks are those of the last chunked dump, by the keyed hash of their content.
	chunks map[string]Object
	// last are the newest parts that are stored whole.
	last map[v1.BackupComponent]Part
	// sealed is a chunk as it is stored; its memory is used again.
	sealed bytes.Buffer
	// Lost says which backups are missed in the bucket.
	Lost []string
}

// ErrExists is that a backup of that name is there.
var ErrExists = errors.New("a backup of that name exists")

// Begin begins the backup that m describes, as far as it is known yet. known is
// the newest one that the caller remembers. The prefix must hold no other stack's
// backups, and what is used again is this stack's own alone.
func (r *Repository) Begin(ctx context.Context, m Manifest, known Link) (*Writer, error) {
	if !namePattern.MatchString(m.Name) || m.Name+"/" == chunkDir {
		return nil, fmt.Errorf("backup %q cannot be named so: want lower-case letters, digits and hyphens, and not %q", m.Name, "chunks")
	}
	if r.Signer == nil {
		return nil, errors.New("there is no key to sign the backup with")
	}
	recipients, err := Recipients(m.Recipients)
	if err != nil {
		return nil, err
	}
	m.Format = format
	w := &Writer{repository: r, recipients: recipients, key: r.Signer.Derive(contentPurpose), chunks: map[string]Object{}, last: map[v1.BackupComponent]Part{}}
	if m.ContentKey, err = wrap(w.key, recipients); err != nil {
		return nil, err
	}
	newest := map[v1.BackupComponent]int64{}
	var chain Chain
	for b, err := range r.Backups(ctx) {
		switch {
		case err != nil:
			return nil, err
		case b.Name == m.Name:
			return nil, fmt.Errorf("backup %s at %s: %w", m.Name, r.Store, ErrExists)
		case b.Err != nil:
			r.Log.Warn("a backup cannot be used", "reason", b.Err.Error())
			continue
		}
		if err := r.foreign(b.Manifest, m.Cluster, m.Namespace); err != nil {
			return nil, err
		}
		chain.Add(r, b.Manifest, m.Cluster, m.Namespace)
		if err := r.Trust(b.Manifest); err != nil {
			r.Log.Warn("nothing of a backup is used again", "reason", err.Error())
			continue
		}
		// What was encrypted to others could not be read by these, and what another
		// key hashed is not found again.
		if m.Type != v1.BackupIncremental || !slices.Equal(b.Manifest.Recipients, m.Recipients) || b.Manifest.Signer != r.Signer.Public() {
			continue
		}
		for _, p := range b.Manifest.Parts {
			if b.Manifest.Sequence > newest[p.Component] && (p.Component != v1.BackupDatabase || p.File == chunked) {
				newest[p.Component], w.last[p.Component] = b.Manifest.Sequence, p
			}
		}
	}
	w.Lost = chain.Lost(known)
	before := chain.Newest()
	if known.Sequence > before.Sequence {
		before = known
	}
	m.Sequence, m.Previous, m.PreviousStartedAt = before.Sequence+1, before.Hash, before.StartedAt
	w.manifest = m
	for _, o := range w.last[v1.BackupDatabase].Objects {
		w.chunks[o.Content.text()] = o
	}
	return w, nil
}

// foreign reports that a backup is another stack's: by what it says of itself, or
// by who signed it. One that nobody signed may be of a release before this one.
func (r *Repository) foreign(m *Manifest, cluster, namespace string) error {
	if m.Cluster != cluster || m.Namespace != namespace {
		return fmt.Errorf("%s holds backups of cluster %s in namespace %s\nhint: give each cluster a prefix of its own", r.Store, m.Cluster, m.Namespace)
	}
	if m.Signer != "" && !slices.Contains(r.Trusted, m.Signer) {
		return fmt.Errorf("%s holds backups that are signed by %s, which this cluster does not trust\nhint: where they are its own of before it was lost, write that key into spec.backup.trustedKeys; otherwise give it a prefix of its own", r.Store, m.Signer)
	}
	return nil
}

// Add stores a component and reads back what it stored.
func (w *Writer) Add(ctx context.Context, c v1.BackupComponent, source Source) (*Part, error) {
	l, encrypted := layout[c], len(w.recipients) > 0
	p := Part{Component: c, File: l.clear, Compression: l.compression, Encrypted: encrypted}
	if encrypted {
		p.File = l.encrypted
	}
	if p.File == "" {
		return nil, fmt.Errorf("%s are stored only encrypted\nhint: give spec.backup.encryption.recipients, or leave %s out", c, c)
	}
	store := w.whole
	if c == v1.BackupDatabase && w.manifest.Type == v1.BackupIncremental {
		store, p.File, p.Compression = w.cut, chunked, Zstd
	}
	if err := store(ctx, &p, source); err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	w.manifest.Parts = append(w.manifest.Parts, p)
	return &p, nil
}

// whole stores a component as one object.
func (w *Writer) whole(ctx context.Context, p *Part, source Source) error {
	r := w.repository
	key := w.manifest.Name + "/" + p.File
	stored, content := newSummer(), newContent(w.key)
	reader, pipe := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var about About
	written := make(chan error, 1)
	go func() {
		err := func() error {
			out, err := seal(io.MultiWriter(pipe, stored), p.Compression, w.recipients)
			if err != nil {
				return err
			}
			if about, err = source(ctx, io.MultiWriter(out, content)); err != nil {
				return err
			}
			return out.Close()
		}()
		pipe.CloseWithError(err) // without an error, the end
		written <- err
	}()
	err := r.Store.Put(ctx, key, reader)
	if err != nil {
		reader.CloseWithError(err)
		cancel()
	}
	if fault := <-written; fault != nil && !errors.Is(err, fault) && !errors.Is(fault, err) {
		err = errors.Join(fault, err)
	}
	if err != nil {
		return err
	}
	p.Content, p.Same, p.Rows = content.sum(), w.same(about.Same), about.Rows
	p.Objects = []Object{{Key: key, Sum: stored.sum()}}
	if err := r.check(ctx, p.Objects[0]); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	return w.reuse(ctx, p)
}

// same is what identifies content, for those only who may read it.
func (w *Writer) same(text string) string {
	if text == "" {
		return ""
	}
	return contentOf(w.key, []byte(text)).HMAC
}

// reuse refers to the last backup's object instead, where it holds the same and
// is whole.
func (w *Writer) reuse(ctx context.Context, p *Part) error {
	last, ok := w.last[p.Component]
	same := p.Content == last.Content || p.Same != "" && p.Same == last.Same
	if !ok || !same || last.Compression != p.Compression || last.Encrypted != p.Encrypted {
		return nil
	}
	if err := w.repository.check(ctx, last.Objects[0]); err != nil {
		w.repository.Log.Warn("the last backup's object is not used again", "reason", err.Error())
		return nil
	}
	key := p.Objects[0].Key
	*p = last
	return w.repository.Store.Delete(ctx, key)
}

// cut stores a dump as chunks, each of which is stored once.
func (w *Writer) cut(ctx context.Context, p *Part, source Source) error {
	content := newContent(w.key)
	reader, pipe := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var about About
	written := make(chan error, 1)
	go func() {
		var err error
		about, err = source(ctx, io.MultiWriter(pipe, content))
		pipe.CloseWithError(err)
		written <- err
	}()
	err := w.chunksOf(ctx, p, reader)
	if err != nil {
		reader.CloseWithError(err)
		cancel()
	}
	if fault := <-written; fault != nil && !errors.Is(err, fault) && !errors.Is(fault, err) {
		err = errors.Join(fault, err)
	}
	p.Content, p.Same, p.Rows = content.sum(), w.same(about.Same), about.Rows
	return err
}

func (w *Writer) chunksOf(ctx context.Context, p *Part, dump io.Reader) error {
	cutter := chunker.NewWithBoundaries(dump, polynomial, chunker.MinSize, maxChunk)
	buffer := make([]byte, maxChunk)
	for {
		chunk, err := cutter.Next(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		o, err := w.store(ctx, chunk.Data, p.Compression)
		if err != nil {
			return err
		}
		p.Objects = append(p.Objects, o)
	}
}

// store stores a chunk, unless it is there and whole. Its name holds the keyed
// hash of its content, which tells nothing to those who guess it, and the sha256
// of what is stored.
func (w *Writer) store(ctx context.Context, chunk []byte, c Compression) (Object, error) {
	sum := contentOf(w.key, chunk)
	r := w.repository
	if o, ok := w.chunks[sum.HMAC]; ok {
		if err := r.check(ctx, o); err == nil {
			return o, nil
		} else if ctx.Err() != nil {
			return Object{}, err
		} else {
			r.Log.Warn("a chunk is stored anew", "reason", err.Error())
		}
	}
	out := &w.sealed
	out.Reset()
	sealed, err := seal(out, c, w.recipients)
	if err != nil {
		return Object{}, err
	}
	if _, err := sealed.Write(chunk); err != nil {
		return Object{}, err
	}
	if err := sealed.Close(); err != nil {
		return Object{}, err
	}
	o := Object{Sum: sumOf(out.Bytes()), Content: &sum}
	o.Key = chunkDir + sum.HMAC + "/" + o.SHA256
	if err := r.put(ctx, o.Key, out.Bytes()); err != nil {
		return Object{}, err
	}
	if err := r.check(ctx, o); err != nil {
		return Object{}, fmt.Errorf("read back: %w", err)
	}
	w.chunks[sum.HMAC] = o
	return o, nil
}

// Finish writes the manifest, which makes it a backup, and reads it back.
func (w *Writer) Finish(ctx context.Context, at time.Time) (*Manifest, error) {
	r := w.repository
	w.manifest.CompletedAt = at.UTC()
	text, err := encode(&w.manifest, r.Signer)
	if err != nil {
		return nil, err
	}
	if err := r.put(ctx, manifestKey(w.manifest.Name), text); err != nil {
		return nil, err
	}
	m, err := r.Manifest(ctx, w.manifest.Name)
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	if again, err := encode(m, r.Signer); err != nil || !bytes.Equal(again, text) {
		return nil, errors.Join(fmt.Errorf("read back: another manifest of %s stands there", m.Name), err)
	}
	return m, nil
}

// Ran records what was seen running.
func (w *Writer) Ran(change func(*Needs)) { change(&w.manifest.Needs) }
