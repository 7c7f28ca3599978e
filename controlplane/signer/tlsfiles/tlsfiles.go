// Package tlsfiles reads certificates and authorities from files, and reads them again
// when they change, so that a renewal needs no restart.
package tlsfiles

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Every is how often files are looked at.
const Every = 2 * time.Second

// Watched is a value that is made of files, and made anew when they change. While they
// are faulty, such as half written, the value before stays.
type Watched[T any] struct {
	files []string
	parse func(contents [][]byte) (T, error)
	log   *slog.Logger
	value atomic.Pointer[T]
	sum   [sha256.Size]byte
}

// Watch reads the files. While they are missing or faulty it waits, and says why: on a
// first start others are still writing them. Its error is why it waited when ctx ended.
func Watch[T any](ctx context.Context, log *slog.Logger, parse func(contents [][]byte) (T, error), files ...string) (*Watched[T], error) {
	w := &Watched[T]{files: files, parse: parse, log: log}
	for said := ""; ; {
		err := w.Reload()
		if err == nil {
			return w, nil
		}
		if why := err.Error(); why != said {
			log.Warn("waits for files", "reason", why)
			said = why
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(Every):
		}
	}
}

// Get is the value.
func (w *Watched[T]) Get() T { return *w.value.Load() }

// Run looks at the files until ctx ends.
func (w *Watched[T]) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := w.Reload(); err != nil {
				w.log.Warn("files are not as they should be; what was read before stays", "error", err.Error())
			}
		}
	}
}

// Reload reads the files, and makes the value anew if they changed.
func (w *Watched[T]) Reload() error {
	contents := make([][]byte, len(w.files))
	for i, file := range w.files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		contents[i] = content
	}
	sum := sha256.Sum256(bytes.Join(contents, []byte{0}))
	if w.value.Load() != nil && sum == w.sum {
		return nil
	}
	value, err := w.parse(contents)
	if err != nil {
		return fmt.Errorf("%v: %w", w.files, err)
	}
	if w.value.Load() != nil {
		w.log.Info("read renewed files", "files", w.files)
	}
	w.value.Store(&value)
	w.sum = sum
	return nil
}

// Pair reads a certificate and its key.
func Pair(contents [][]byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(contents[0], contents[1])
	return &pair, err
}

// Pool reads authorities.
func Pool(contents [][]byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(contents[0]) {
		return nil, errors.New("there is no certificate in it")
	}
	return pool, nil
}
