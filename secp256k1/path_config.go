package secp256k1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

const configPath = "config" // in storage, and in the API

// config are the limits of a mount, which is one tenant's. 0 is no limit.
type config struct {
	MaxKeys             int64 `json:"max_keys"`
	SignaturesPerMonth  int64 `json:"signatures_per_month"`
	SignaturesPerSecond int64 `json:"signatures_per_second"`
	Burst               int64 `json:"burst"`
}

// configCache is the mount's limits, read once and dropped when they change.
type configCache struct {
	current atomic.Pointer[config]
	changes atomic.Uint64
}

func (c *configCache) reset() {
	c.changes.Add(1)
	c.current.Store(nil)
}

func (c *configCache) get(ctx context.Context, storage logical.Storage) (*config, error) {
	if current := c.current.Load(); current != nil {
		return current, nil
	}
	changes := c.changes.Load()
	current := &config{}
	entry, err := storage.Get(ctx, configPath)
	if err != nil {
		return nil, err
	}
	if entry != nil && json.Unmarshal(entry.Value, current) != nil {
		return nil, errors.New("config: what is stored is not the mount's limits")
	}
	c.current.Store(current)
	if c.changes.Load() != changes { // what was read may be old
		c.current.Store(nil)
	}
	return current, nil
}

func (b *backend) configPaths() []*framework.Path {
	limit := func(description string) *framework.FieldSchema {
		return &framework.FieldSchema{Type: framework.TypeInt64, Description: description + "; 0 is no limit"}
	}
	return []*framework.Path{{
		Pattern:      configPath,
		HelpSynopsis: "The mount's limits",
		Fields: map[string]*framework.FieldSchema{
			"max_keys":              limit("How many keys the mount may hold"),
			"signatures_per_month":  limit("How many signatures a month (UTC), over all keys"),
			"signatures_per_second": limit("How many signatures a second, over all keys; block payloads come first"),
			"burst":                 limit("How many signatures may come at once; 0 is what a second allows"),
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   operation(b.readConfig, "Read the mount's limits", false),
			logical.UpdateOperation: operation(b.writeConfig, "Set the mount's limits; what is left out stays", true),
		},
	}}
}

func (c *config) limits() map[string]*int64 {
	return map[string]*int64{
		"max_keys": &c.MaxKeys, "signatures_per_month": &c.SignaturesPerMonth,
		"signatures_per_second": &c.SignaturesPerSecond, "burst": &c.Burst,
	}
}

func (b *backend) readConfig(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	current, err := b.config.get(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return current.response(), nil
}

func (c *config) response() *logical.Response {
	data := map[string]any{}
	for name, value := range c.limits() {
		data[name] = *value
	}
	return &logical.Response{Data: data}
}

func (b *backend) writeConfig(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	defer b.lock(configPath)()
	current, err := b.config.get(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	next, f := *current, faults{}
	for name, value := range next.limits() {
		if given, ok := data.GetOk(name); ok {
			*value = given.(int64)
		}
		if *value < 0 {
			f.add("%s: must be 0 or more (got %d)", name, *value)
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	entry, err := logical.StorageEntryJSON(configPath, next)
	if err != nil {
		return nil, err
	}
	defer b.config.reset()
	if err := req.Storage.Put(ctx, entry); err != nil {
		return nil, err
	}
	return next.response(), nil
}

// checkMaxKeys refuses a further key where the mount holds as many as it may.
func (b *backend) checkMaxKeys(ctx context.Context, storage logical.Storage) error {
	limits, err := b.config.get(ctx, storage)
	if err != nil || limits.MaxKeys == 0 {
		return err
	}
	names, err := storage.List(ctx, keyPrefix)
	if err != nil {
		return err
	}
	if int64(len(names)) < limits.MaxKeys {
		return nil
	}
	return tooMany("max_keys", "config.max_keys", "delete a key, or have the limit raised",
		"the mount holds %s", fmt.Sprintf("%d keys of %d", len(names), limits.MaxKeys))
}
