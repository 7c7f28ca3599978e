package secp256k1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/openbao/openbao/sdk/v2/logical"
)

// keyPrefix is where keys are stored, each under its name.
const keyPrefix = "keys/"

// key is a key without its private half: what may be shown.
type key struct {
	public          *dcrec.PublicKey
	exportable      bool
	deletionAllowed bool
	imported        bool
	created         time.Time
}

// record is a key as it is stored. The public halves are derived when it is
// read; they are written for programs that read them.
type record struct {
	PrivateKey            []byte    `json:"private_key"`
	PublicKey             []byte    `json:"public_key"`
	PublicKeyUncompressed []byte    `json:"public_key_uncompressed,omitempty"`
	Exportable            bool      `json:"exportable"`
	DeletionAllowed       bool      `json:"deletion_allowed,omitempty"`
	CreatedAt             time.Time `json:"created_at"`
	Imported              bool      `json:"imported"`
}

// load reads a key from storage: its public part, and its private key, which
// the caller zeroes. The error is errKeyNotFound if there is none.
func load(ctx context.Context, storage logical.Storage, name string) (*key, *dcrec.PrivateKey, error) {
	entry, err := storage.Get(ctx, keyPrefix+name)
	if err != nil {
		return nil, nil, err
	}
	if entry == nil {
		return nil, nil, errKeyNotFound
	}
	defer clear(entry.Value)

	var r record
	defer func() { clear(r.PrivateKey) }()
	// The decoder's own errors may quote what they read.
	if json.Unmarshal(entry.Value, &r) != nil {
		return nil, nil, fmt.Errorf("key %q: what is stored is not a key", name)
	}
	private, err := parsePrivateKey(r.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("key %q: what is stored is not a key: %w", name, err)
	}
	return &key{
		public:          private.PubKey(),
		exportable:      r.Exportable,
		deletionAllowed: r.DeletionAllowed,
		imported:        r.Imported,
		created:         r.CreatedAt,
	}, private, nil
}

// store writes a key to storage.
func store(ctx context.Context, storage logical.Storage, name string, k *key, private *dcrec.PrivateKey) error {
	scalar := private.Key.Bytes()
	defer clear(scalar[:])
	value, err := json.Marshal(record{
		PrivateKey:            scalar[:],
		PublicKey:             k.public.SerializeCompressed(),
		PublicKeyUncompressed: k.public.SerializeUncompressed(),
		Exportable:            k.exportable,
		DeletionAllowed:       k.deletionAllowed,
		CreatedAt:             k.created,
		Imported:              k.imported,
	})
	if err != nil {
		return err
	}
	defer clear(value)
	return storage.Put(ctx, &logical.StorageEntry{Key: keyPrefix + name, Value: value, SealWrap: true})
}

// parsePrivateKey takes 32 bytes, big-endian, that are above zero and below the
// order of the curve. Nothing is reduced: a key that is out of range is not the
// key that its owner holds.
func parsePrivateKey(raw []byte) (*dcrec.PrivateKey, error) {
	if len(raw) != dcrec.PrivKeyBytesLen {
		return nil, fmt.Errorf("private key must be 32 bytes, got %d", len(raw))
	}
	private := new(dcrec.PrivateKey)
	if overflow := private.Key.SetByteSlice(raw); overflow || private.Key.IsZero() {
		private.Zero()
		return nil, errors.New("private key must be above zero and below the order of the curve")
	}
	return private, nil
}
