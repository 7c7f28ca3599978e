package secp256k1

import (
	"crypto/sha256"
	"fmt"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

const (
	hashSize      = 32
	signatureSize = 64 // R‖S
)

// signature is an ECDSA signature with a nonce of RFC 6979 and the lower S.
type signature struct {
	compact [signatureSize]byte // R‖S, each 32 bytes, big-endian
	// recovery has bit 0 set where the Y of the nonce's point is odd, and bit 1
	// where its X is above the order, which happens once in 2^127.
	recovery byte
}

// signHash signs 32 bytes.
func signHash(private *dcrec.PrivateKey, hash []byte) signature {
	// The first byte is 27 + recovery.
	raw := ecdsa.SignCompact(private, hash, false)
	s := signature{recovery: raw[0] - 27}
	copy(s.compact[:], raw[1:])
	return s
}

func (s *signature) r() []byte { return s.compact[:hashSize] }
func (s *signature) s() []byte { return s.compact[hashSize:] }

// der is the signature as SEQUENCE { INTEGER r, INTEGER s }.
func (s *signature) der() []byte {
	parsed, _ := parseCompact(s.compact[:])
	return parsed.Serialize()
}

func parseCompact(raw []byte) (*ecdsa.Signature, bool) {
	var r, s dcrec.ModNScalar
	if len(raw) != signatureSize || r.SetByteSlice(raw[:hashSize]) || s.SetByteSlice(raw[hashSize:]) || r.IsZero() || s.IsZero() {
		return nil, false
	}
	return ecdsa.NewSignature(&r, &s), true
}

// verifyHash reports whether raw, R‖S or DER, is a signature of hash. It takes
// either S, as signatures that others made may have the higher one.
func verifyHash(public *dcrec.PublicKey, hash, raw []byte) bool {
	if parsed, ok := parseCompact(raw); ok && parsed.Verify(hash, public) {
		return true
	}
	parsed, err := ecdsa.ParseDERSignature(raw)
	return err == nil && parsed.Verify(hash, public)
}

// digest is the hash that is signed: that of input, or input itself where it is
// prehashed.
func digest(input []byte, prehashed bool, algorithm string) ([]byte, error) {
	switch {
	case prehashed && len(input) != hashSize:
		return nil, fault(fmt.Sprintf("prehashed input must be 32 bytes, got %d", len(input)))
	case prehashed:
		return input, nil
	case algorithm == "sha256":
		sum := sha256.Sum256(input)
		return sum[:], nil
	case algorithm == "keccak256":
		return keccak256(input), nil
	}
	return nil, fault(fmt.Sprintf("unsupported hash algorithm: %q: hash_algorithm must be sha256 or keccak256", algorithm))
}
