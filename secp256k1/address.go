package secp256k1

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"slices"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"golang.org/x/crypto/ripemd160" //nolint:staticcheck // Cosmos addresses are made with it
	"golang.org/x/crypto/sha3"
)

// cosmosAddress is RIPEMD-160 of SHA-256 of the compressed public key: the 20
// bytes that chains encode with their own bech32 prefix (Cosmos SDK, ADR-028).
func cosmosAddress(public *dcrec.PublicKey) string {
	inner := sha256.Sum256(public.SerializeCompressed())
	outer := ripemd160.New()
	outer.Write(inner[:])
	return hex.EncodeToString(outer.Sum(nil))
}

// ethereumAddress is the last 20 bytes of Keccak-256 of the public key's
// coordinates, in the mixed case of EIP-55.
func ethereumAddress(public *dcrec.PublicKey) string {
	address := hex.AppendEncode(nil, keccak256(public.SerializeUncompressed()[1:])[12:])
	checksum := hex.AppendEncode(nil, keccak256(address))
	for i, c := range address {
		if c >= 'a' && checksum[i] >= '8' {
			address[i] = c - 'a' + 'A'
		}
	}
	return "0x" + string(address)
}

// algorithmIdentifier is what SubjectPublicKeyInfo says before the 65 bytes of a
// public key on this curve (RFC 5480, SEC 2), which crypto/x509 does not know.
var algorithmIdentifier = []byte{
	0x30, 0x56, 0x30, 0x10,
	0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, // id-ecPublicKey
	0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, // secp256k1
	0x03, 0x42, 0x00,
}

// publicKeyPEM is a public key as OpenSSL and others read it.
func publicKeyPEM(public *dcrec.PublicKey) string {
	der := slices.Concat(algorithmIdentifier, public.SerializeUncompressed())
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func keccak256(data []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	h.Write(data)
	return h.Sum(nil)
}
