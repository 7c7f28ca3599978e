// Package evm reads, writes and hashes what keys of Ethereum chains sign:
// transactions of types 0 to 4, EIP-7702 authorisations, EIP-191 messages,
// EIP-712 typed data and OP Stack's block payloads.
//
// It decides nothing and keeps nothing: package policy judges what is read here.
// Every reader is strict. What is not canonical, is unknown or stands twice is
// refused, so that two readers cannot understand one text differently.
package evm

import (
	"encoding/hex"
	"errors"
	"strings"

	"golang.org/x/crypto/sha3"
)

// MaxChainID is the largest chain id: the bound of EIP-2294, for which the v of
// EIP-155 still is a uint64.
const MaxChainID = 1<<63 - 1 - 36

// Address is an account's or contract's address.
type Address [20]byte

// Hash is 32 bytes, mostly of Keccak-256.
type Hash [32]byte

// String is the address in the mixed case of EIP-55, with 0x.
func (a Address) String() string {
	text := hex.AppendEncode(nil, a[:])
	checksum := Keccak256(text)
	for i, c := range text {
		digit := checksum[i/2] >> 4
		if i%2 == 1 {
			digit = checksum[i/2] & 15
		}
		if c >= 'a' && digit >= 8 {
			text[i] = c - 'a' + 'A'
		}
	}
	return "0x" + string(text)
}

// String is the hash in lower case, with 0x.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// ParseAddress takes 0x and 40 hex digits. Where their case is mixed it must be
// that of EIP-55: a person wrote them, and may have slipped.
func ParseAddress(text string) (Address, error) {
	var a Address
	digits, ok := strings.CutPrefix(text, "0x")
	if raw, err := hex.DecodeString(digits); !ok || err != nil || len(raw) != len(a) {
		return a, errors.New("must be an address: 0x and 40 hex digits")
	}
	_, _ = hex.Decode(a[:], []byte(digits))
	mixed := digits != strings.ToLower(digits) && digits != strings.ToUpper(digits)
	if mixed && text != a.String() {
		return a, errors.New("must be an address whose mixed case is its checksum (EIP-55): " + a.String())
	}
	return a, nil
}

// Keccak256 is the hash of all parts, one after another.
func Keccak256(parts ...[]byte) (sum Hash) {
	h := sha3.NewLegacyKeccak256()
	for _, part := range parts {
		h.Write(part)
	}
	h.Sum(sum[:0])
	return sum
}

// ParseHash takes 0x and 64 hex digits.
func ParseHash(text string) (h Hash, err error) {
	raw, err := parseBytes(text)
	if err != nil || len(raw) != len(h) {
		return h, errors.New("must be a hash: 0x and 64 hex digits")
	}
	return Hash(raw), nil
}
