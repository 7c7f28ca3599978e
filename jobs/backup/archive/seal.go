package archive

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// Compression of a part.
type Compression string

// How parts are compressed. A raft snapshot is so already.
const (
	None Compression = "none"
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
)

var errEncrypted = errors.New("it is encrypted\nhint: give the age private key of one of its recipients")

// zstdWindow bounds the memory of writing and reading, in bytes.
const zstdWindow = 1 << 20

// Recipients reads age public keys. No error shows one: it may be a private key.
func Recipients(keys []string) ([]age.Recipient, error) {
	var recipients []age.Recipient
	for i, key := range keys {
		r, err := age.ParseX25519Recipient(key)
		if err != nil {
			return nil, fmt.Errorf("recipient %d is no age public key", i+1)
		}
		recipients = append(recipients, r)
	}
	return recipients, nil
}

// Identities reads age private keys, one a line, # before a comment. No error
// shows any of it.
func Identities(r io.Reader) ([]age.Identity, error) {
	identities, err := age.ParseIdentities(r)
	if err != nil {
		return nil, errors.New("the identity is no age private key: want AGE-SECRET-KEY-1… on a line of its own")
	}
	return identities, nil
}

// layers are writers over one another: compression over encryption.
type layers []io.WriteCloser

func (l layers) Write(p []byte) (int, error) { return l[0].Write(p) }

// Close finishes the outermost first.
func (l layers) Close() error {
	for _, w := range l {
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// seal compresses what is written to it, then encrypts it to any recipients.
// Closing it completes out, and leaves it open.
func seal(out io.Writer, c Compression, recipients []age.Recipient) (io.WriteCloser, error) {
	w := layers{keepOpen{out}}
	if len(recipients) > 0 {
		encrypted, err := age.Encrypt(out, recipients...)
		if err != nil {
			return nil, err
		}
		w = layers{encrypted}
	}
	switch c {
	case None:
	case Gzip:
		w = append(layers{gzip.NewWriter(w[0])}, w...)
	case Zstd:
		z, err := zstd.NewWriter(w[0], zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow))
		if err != nil {
			return nil, err
		}
		w = append(layers{z}, w...)
	default:
		return nil, fmt.Errorf("unknown compression %q", c)
	}
	return w, nil
}

// open undoes seal.
func open(in io.Reader, c Compression, encrypted bool, identities []age.Identity) (io.ReadCloser, error) {
	if encrypted {
		if len(identities) == 0 {
			return nil, errEncrypted
		}
		clear, err := age.Decrypt(bufio.NewReader(in), identities...)
		if err != nil {
			return nil, fmt.Errorf("decrypt: %w", err)
		}
		in = clear
	}
	switch c {
	case None:
		return io.NopCloser(in), nil
	case Gzip:
		return gzip.NewReader(in)
	case Zstd:
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("unknown compression %q", c)
}
