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

// key is a key without its private half: what may be shown. It does not change
// after it was loaded.
type key struct {
	*settings
	version         uint64 // of the settings: 0 until they are first replaced
	public          *dcrec.PublicKey
	ethereum        string // its address
	exportable      bool
	deletionAllowed bool
	imported        bool
	created         time.Time
}

// record is a key as it is stored. The public halves are derived when it is
// read; they are written for programs that read them.
//
// Engine 1.0 takes private_key and nothing else for a key. A typed key's private half
// stands in scalar, so that 1.0, which knows no policy, cannot sign with it.
type record struct {
	PrivateKey            []byte    `json:"private_key,omitempty"`
	PublicKey             []byte    `json:"public_key"`
	PublicKeyUncompressed []byte    `json:"public_key_uncompressed,omitempty"`
	Exportable            bool      `json:"exportable"`
	DeletionAllowed       bool      `json:"deletion_allowed,omitempty"`
	CreatedAt             time.Time `json:"created_at"`
	Imported              bool      `json:"imported"`

	Scalar     []byte `json:"scalar,omitempty"`
	Type       string `json:"type,omitempty"` // empty is raw
	Policy     string `json:"policy,omitempty"`
	Clients    string `json:"clients,omitempty"`
	Fence      string `json:"fence,omitempty"`
	NonceGuard string `json:"nonce_guard,omitempty"`
	Version    uint64 `json:"version,omitempty"`
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
	defer func() { clear(r.PrivateKey); clear(r.Scalar) }()
	// The decoder's own errors may quote what they read.
	if json.Unmarshal(entry.Value, &r) != nil {
		return nil, nil, fmt.Errorf("key %q: what is stored is not a key", name)
	}
	k, private, err := r.parse()
	if err != nil {
		// Not wrapped: what is stored is no fault of who asks.
		return nil, nil, fmt.Errorf("key %q: what is stored is not a key: %s", name, err.Error())
	}
	return k, private, nil
}

func (r *record) parse() (*key, *dcrec.PrivateKey, error) {
	scalar := r.PrivateKey
	if r.Type != "" {
		if len(r.PrivateKey) > 0 || r.Type == typeRaw {
			return nil, nil, errors.New("it is both raw and typed")
		}
		scalar = r.Scalar
	}
	s, err := parseSettings(settingsText{
		kind: r.Type, policy: r.Policy, clients: r.Clients, fence: r.Fence, nonceGuard: r.NonceGuard,
	})
	if err != nil {
		return nil, nil, err
	}
	private, err := parsePrivateKey(scalar)
	if err != nil {
		return nil, nil, err
	}
	public := private.PubKey()
	return &key{
		settings:        s,
		version:         r.Version,
		public:          public,
		ethereum:        ethereumAddress(public),
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
	r := record{
		PublicKey:             k.public.SerializeCompressed(),
		PublicKeyUncompressed: k.public.SerializeUncompressed(),
		Exportable:            k.exportable,
		DeletionAllowed:       k.deletionAllowed,
		CreatedAt:             k.created,
		Imported:              k.imported,
	}
	if k.kind == typeRaw {
		r.PrivateKey = scalar[:]
	} else {
		t := k.text()
		r.Scalar, r.Version = scalar[:], k.version
		r.Type, r.Policy, r.Clients, r.Fence, r.NonceGuard = t.kind, t.policy, t.clients, t.fence, t.nonceGuard
	}
	value, err := json.Marshal(r)
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

// requireRaw refuses to sign what is not decoded with a key that has a policy.
func (k *key) requireRaw() error {
	if k.kind == typeRaw {
		return nil
	}
	return refuse("key_not_raw", "type", "use sign-tx, sign-message, sign-typed-data, sign-block or sign-doc",
		"a key of type %s signs no hash that its policy has not judged", k.kind)
}
