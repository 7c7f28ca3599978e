package secp256k1

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/helper/locksutil"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func (b *backend) keyPaths() []*framework.Path {
	named := "keys/" + framework.GenericNameRegex("name")
	return []*framework.Path{
		{
			Pattern:      "keys/?$",
			HelpSynopsis: "List the keys",
			Fields:       listFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: operation(b.listKeys, "List the keys", false),
			},
		},
		{
			Pattern:        named,
			HelpSynopsis:   "Create, read or delete a key",
			Fields:         newKeyFields(),
			ExistenceCheck: b.keyExists,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.CreateOperation: operation(b.createKey, "Create a key", true),
				logical.UpdateOperation: operation(b.createKey, "Create a key", true),
				logical.ReadOperation:   operation(b.readKey, "Read a key's public part", false),
				logical.DeleteOperation: operation(b.deleteKey, "Delete a key whose deletion is allowed", true),
			},
		},
		{
			Pattern:      named + "/config",
			HelpSynopsis: "Allow or forbid a key's deletion",
			Fields: map[string]*framework.FieldSchema{
				"name": nameField(),
				"deletion_allowed": {
					Type:        framework.TypeBool,
					Description: "Whether the key may be deleted",
				},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation:   operation(b.readKey, "Read a key's public part", false),
				logical.UpdateOperation: operation(b.configureKey, "Allow or forbid a key's deletion", true),
			},
		},
	}
}

// newKeyFields are what a request that makes or imports a key says of it.
func newKeyFields() map[string]*framework.FieldSchema {
	fields := settingsFields()
	fields["name"] = nameField()
	fields["exportable"] = exportableField()
	return fields
}

func exportableField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:        framework.TypeBool,
		Description: "Whether the private key may be exported. It cannot be changed later.",
	}
}

func (b *backend) keyExists(ctx context.Context, req *logical.Request, data *framework.FieldData) (bool, error) {
	_, err := b.publicPart(ctx, req.Storage, data)
	if errors.Is(err, errKeyNotFound) {
		return false, nil
	}
	return err == nil, err
}

// publicPart is the key that the request names, without its private half.
func (b *backend) publicPart(ctx context.Context, storage logical.Storage, data *framework.FieldData) (*key, error) {
	k, private, err := b.cache.get(ctx, storage, data.Get("name").(string))
	if err != nil {
		return nil, err
	}
	private.Zero()
	return k, nil
}

func (b *backend) createKey(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	s, err := parseSettings(readSettings(data))
	if err != nil {
		return nil, err
	}
	private, err := dcrec.GeneratePrivateKey()
	if err != nil {
		return nil, err
	}
	return b.add(ctx, req.Storage, data, private, &key{settings: s})
}

// add stores a new key under the name that the request gives, and zeroes it. A
// name that is taken is left as it is.
func (b *backend) add(ctx context.Context, storage logical.Storage, data *framework.FieldData, private *dcrec.PrivateKey, k *key) (*logical.Response, error) {
	defer private.Zero()
	name := data.Get("name").(string)
	// One at a time, so that max_keys holds.
	b.adding.Lock()
	defer b.adding.Unlock()
	defer b.lock(name)()

	entry, err := storage.Get(ctx, keyPrefix+name)
	if err != nil {
		return nil, err
	}
	if entry != nil {
		clear(entry.Value)
		return nil, fault("key already exists: name " + strconv.Quote(name) + " is taken")
	}
	if err := b.checkMaxKeys(ctx, storage); err != nil {
		return nil, err
	}
	k.public, k.ethereum = private.PubKey(), ethereumAddress(private.PubKey())
	k.exportable = data.Get("exportable").(bool)
	k.created = time.Now().UTC()
	if k.kind != typeRaw {
		k.version = 1
	}
	// What guards remember under this name is another key's.
	if err := b.forgetGuards(ctx, storage, name); err != nil {
		return nil, err
	}
	if err := store(ctx, storage, name, k, private); err != nil {
		return nil, err
	}
	b.clients.reset()
	return &logical.Response{Data: k.fields(name)}, nil
}

// lock takes the write lock of a name and returns what releases it.
func (b *backend) lock(name string) func() {
	l := locksutil.LockForKey(b.locks, name)
	l.Lock()
	return l.Unlock
}

func (b *backend) readKey(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	k, err := b.publicPart(ctx, req.Storage, data)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: k.fields(data.Get("name").(string))}, nil
}

// fields is a key as responses show it.
func (k *key) fields(name string) map[string]any {
	return map[string]any{
		"name":                    name,
		"public_key":              hex.EncodeToString(k.public.SerializeCompressed()),
		"public_key_uncompressed": hex.EncodeToString(k.public.SerializeUncompressed()),
		"public_key_pem":          publicKeyPEM(k.public),
		"address":                 cosmosAddress(k.public),
		"eth_address":             k.ethereum,
		"type":                    k.kind,
		"version":                 k.version,
		"exportable":              k.exportable,
		"deletion_allowed":        k.deletionAllowed,
		"imported":                k.imported,
		"created_at":              k.created.Format(time.RFC3339),
	}
}

func (b *backend) configureKey(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	allowed, ok := data.GetOk("deletion_allowed")
	if !ok {
		return nil, fault("missing deletion_allowed")
	}
	name := data.Get("name").(string)
	defer b.lock(name)()

	k, private, err := load(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	defer private.Zero()
	defer b.cache.forget(name)
	k.deletionAllowed = allowed.(bool)
	if err := store(ctx, req.Storage, name, k, private); err != nil {
		return nil, err
	}
	return &logical.Response{Data: k.fields(name)}, nil
}

func (b *backend) deleteKey(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	name := data.Get("name").(string)
	defer b.lock(name)()

	k, private, err := load(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	private.Zero()
	if !k.deletionAllowed {
		return nil, fault("deletion is not allowed: set deletion_allowed on keys/" + name + "/config first")
	}
	defer b.clients.reset()
	defer b.cache.forget(name)
	if err := req.Storage.Delete(ctx, keyPrefix+name); err != nil {
		return nil, err
	}
	return nil, b.forgetGuards(ctx, req.Storage, name)
}
