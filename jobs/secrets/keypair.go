package secrets

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
)

// private is a new private key.
func private(kind jobs.KeyPair) []byte {
	if kind == jobs.PairSigning {
		return signing.New()
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err) // it fails where the random source does
	}
	return []byte(identity.String() + "\n")
}

// public is the public key of a private one; of several, that of the first. No
// error shows any of it.
func public(v jobs.MintValue, private []byte) ([]byte, error) {
	if v.Pair == jobs.PairSigning {
		signer, err := signing.Parse(private)
		if err != nil {
			return nil, fmt.Errorf("made from %s: %w", v.PublicOf, err)
		}
		return []byte(signer.Public()), nil
	}
	identities, err := age.ParseIdentities(bytes.NewReader(private))
	if err != nil {
		return nil, fmt.Errorf("made from %s: it is no age private key", v.PublicOf)
	}
	identity, ok := identities[0].(*age.X25519Identity)
	if !ok {
		return nil, errors.New("the identity is of another kind")
	}
	return []byte(identity.Recipient().String()), nil
}

// rotate has key pairs minted anew. What opens or verifies that which the old ones
// made is kept, the newest first.
func rotate(m jobs.MintSecret, data map[string][]byte) {
	for _, v := range m.Keys {
		switch old := data[v.Key]; {
		case v.Pair == "":
		case v.Former != "" && v.Former != v.Key && len(old) > 0:
			data[v.Former] = slices.Concat(old, []byte("\n"), data[v.Former])
			delete(data, v.Key)
		case v.Former == v.Key && len(old) > 0:
			data[v.Key] = slices.Concat(private(v.Pair), old)
		default:
			delete(data, v.Key)
		}
	}
}
