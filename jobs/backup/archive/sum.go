package archive

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	stdhash "hash"
	"io"
)

// summer counts and hashes what is written to it.
type summer struct {
	size  int64
	hash  stdhash.Hash
	keyed bool
}

// newSummer hashes what is stored.
func newSummer() *summer { return &summer{hash: sha256.New()} }

// newContent hashes what is in the clear: with a key, so that the hash tells
// nothing to those who guess the content; without one in format 1.
func newContent(key []byte) *summer {
	if key == nil {
		return newSummer()
	}
	return &summer{hash: hmac.New(sha256.New, key), keyed: true}
}

func (s *summer) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	return s.hash.Write(p)
}

func (s *summer) sum() Sum {
	text := hex.EncodeToString(s.hash.Sum(nil))
	if s.keyed {
		return Sum{Size: s.size, HMAC: text}
	}
	return Sum{Size: s.size, SHA256: text}
}

func sumOf(p []byte) Sum { return Sum{Size: int64(len(p)), SHA256: hash(p)} }

func contentOf(key, p []byte) Sum {
	s := newContent(key)
	_, _ = s.Write(p)
	return s.sum()
}

// summed is a reader that sums up what is read through it.
func summed(r io.Reader) (io.Reader, *summer) {
	s := newSummer()
	return io.TeeReader(r, s), s
}
