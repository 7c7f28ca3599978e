package secp256k1

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

// clientIndex remembers which keys name a client. It is made of all keys when it is
// first asked, and forgotten when a key changes.
type clientIndex struct {
	mu      sync.Mutex
	keys    map[string][]string // by client, in order
	changes uint64
}

func (i *clientIndex) reset() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
	i.changes++
}

// get is the index, made by build if it was forgotten.
func (i *clientIndex) get(build func() (map[string][]string, error)) (map[string][]string, error) {
	i.mu.Lock()
	keys, changes := i.keys, i.changes
	i.mu.Unlock()
	if keys != nil {
		return keys, nil
	}
	keys, err := build()
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.changes == changes {
		i.keys = keys
	}
	return keys, nil
}

func (b *backend) clientPaths() []*framework.Path {
	return []*framework.Path{
		{
			Pattern:      "clients/?$",
			HelpSynopsis: "List the clients of all keys",
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: operation(b.listClients, "List the clients", true),
			},
		},
		{
			Pattern:      "clients/" + framework.GenericNameRegex("client"),
			HelpSynopsis: "The keys that a client may sign with",
			Fields:       map[string]*framework.FieldSchema{"client": {Type: framework.TypeString, Required: true, Description: "The client's name, or the login of one"}},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: operation(b.readClient, "Read a client's keys and addresses", true),
			},
		},
	}
}

func (b *backend) indexClients(ctx context.Context, storage logical.Storage) (map[string][]string, error) {
	return b.clients.get(func() (map[string][]string, error) {
		names, err := storage.List(ctx, keyPrefix)
		if err != nil {
			return nil, err
		}
		keys := map[string][]string{}
		for _, name := range names {
			k, private, err := load(ctx, storage, name)
			if err != nil {
				continue // a key that cannot be read signs for nobody
			}
			private.Zero()
			for _, c := range k.clients {
				keys[c.id()] = append(keys[c.id()], name)
			}
		}
		return keys, nil
	})
}

func (b *backend) listClients(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	index, err := b.indexClients(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return logical.ListResponse(slices.Sorted(maps.Keys(index))), nil
}

// readClient lists a client's keys with their addresses and what the client must show.
func (b *backend) readClient(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	index, err := b.indexClients(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	id := data.Get("client").(string)
	keys := []map[string]any{}
	for _, name := range index[id] {
		k, private, err := b.cache.get(ctx, req.Storage, name)
		if err != nil {
			continue
		}
		private.Zero()
		for _, c := range k.clients {
			if c.id() == id {
				f := k.fields(name)
				keys = append(keys, map[string]any{
					"key": name, "type": k.kind, "version": k.version, "address": f["address"], "eth_address": f["eth_address"],
					"public_key": f["public_key"], "public_key_uncompressed": f["public_key_uncompressed"],
					"auth": c.Auth, "spki": c.SPKI, "digest": c.Digest,
				})
			}
		}
	}
	if len(keys) == 0 {
		return nil, errClientNotFound
	}
	return &logical.Response{Data: map[string]any{"client": id, "keys": keys}}, nil
}
