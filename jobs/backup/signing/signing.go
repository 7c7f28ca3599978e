// Package signing proves who made a backup: Ed25519 keys in the form in which
// Secrets and specs hold them.
package signing

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const (
	public  = "ed25519:"         // before a public key's 32 bytes in base64
	private = "ed25519-private:" // before a private key's seed, likewise
)

// domain stands before what is signed, so that no signature serves elsewhere.
const domain = "banhbaoring backup manifest\x00"

// Key is a public key, ed25519:….
type Key string

// ParseKey reads a public key. Its error does not show it: it may be a private one.
func ParseKey(text string) (Key, error) {
	k := Key(strings.TrimSpace(text))
	if k.bytes() == nil {
		return "", errors.New("is no public signing key: want ed25519:… as `banhbaoring recovery verify` and the Secret's key public-key show it")
	}
	return k, nil
}

// ParseKeys reads public keys, one a line.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		k, err := ParseKey(line)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func (k Key) bytes() ed25519.PublicKey {
	text, ok := strings.CutPrefix(string(k), public)
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize {
		return nil
	}
	return key
}

// Verify reports whether the key's owner signed text.
func (k Key) Verify(text, signature []byte) bool {
	key := k.bytes()
	return key != nil && ed25519.Verify(key, append([]byte(domain), text...), signature)
}

// Signer is a private key.
type Signer struct{ key ed25519.PrivateKey }

// New makes a private key, as its Secret holds it.
func New() []byte {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails: crypto/rand ends the program instead
	return []byte(private + base64.StdEncoding.EncodeToString(seed))
}

// Parse reads a private key. Its error shows none of it.
func Parse(text []byte) (*Signer, error) {
	seed, ok := strings.CutPrefix(strings.TrimSpace(string(text)), private)
	key, err := base64.StdEncoding.Strict().DecodeString(seed)
	if !ok || err != nil || len(key) != ed25519.SeedSize {
		return nil, fmt.Errorf("it is no private signing key: want %s and 32 bytes in base64", private)
	}
	return &Signer{ed25519.NewKeyFromSeed(key)}, nil
}

// Public is the key that verifies what it signs.
func (s *Signer) Public() Key {
	return Key(public + base64.StdEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey)))
}

// Sign signs text.
func (s *Signer) Sign(text []byte) []byte {
	return ed25519.Sign(s.key, append([]byte(domain), text...))
}

// Derive is a secret of 32 bytes for another purpose, the same each time.
func (s *Signer) Derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s.key.Seed(), nil, purpose, 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return key
}
