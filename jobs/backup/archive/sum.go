package archive

import (
	"crypto/sha256"
	"encoding/hex"
	stdhash "hash"
	"io"
)

// summer counts and hashes what is written to it.
type summer struct {
	size   int64
	sha256 stdhash.Hash
}

func newSummer() *summer { return &summer{sha256: sha256.New()} }

func (s *summer) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	return s.sha256.Write(p)
}

func (s *summer) sum() Sum { return Sum{s.size, hex.EncodeToString(s.sha256.Sum(nil))} }

func sumOf(p []byte) Sum { return Sum{int64(len(p)), hash(p)} }

// summed is a reader that sums up what is read through it.
func summed(r io.Reader) (io.Reader, *summer) {
	s := newSummer()
	return io.TeeReader(r, s), s
}
