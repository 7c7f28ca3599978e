package secp256k1

import (
	"context"
	"sync"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/openbao/openbao/sdk/v2/logical"
)

// cacheSize is how many keys are held in memory at most.
const cacheSize = 10_000

// cache holds keys that have been used, so that a signature needs no storage.
// Private keys leave it as copies and are zeroed when they are forgotten.
type cache struct {
	mu      sync.RWMutex
	entries map[string]*cached
	// changes counts what was forgotten. A key that was read from storage before
	// a change and comes to be cached after it could be a deleted one.
	changes uint64
}

type cached struct {
	key     *key
	private dcrec.PrivateKey
}

func newCache() *cache { return &cache{entries: map[string]*cached{}} }

// get returns a key and a copy of its private key, which the caller zeroes. The
// error is errKeyNotFound if there is none.
func (c *cache) get(ctx context.Context, storage logical.Storage, name string) (*key, *dcrec.PrivateKey, error) {
	c.mu.RLock()
	changes := c.changes
	if e, ok := c.entries[name]; ok {
		private := e.private
		c.mu.RUnlock()
		return e.key, &private, nil
	}
	c.mu.RUnlock()

	k, private, err := load(ctx, storage, name)
	if err != nil {
		return nil, nil, err
	}
	c.put(name, k, private, changes)
	return k, private, nil
}

// put caches a copy, unless something was forgotten since changes was read.
func (c *cache) put(name string, k *key, private *dcrec.PrivateKey, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != changes {
		return
	}
	if _, ok := c.entries[name]; ok {
		return
	}
	for other := range c.entries {
		if len(c.entries) < cacheSize {
			break
		}
		c.remove(other)
	}
	c.entries[name] = &cached{key: k, private: *private}
}

// forget drops one key.
func (c *cache) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	c.remove(name)
}

// clear drops all keys.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	for name := range c.entries {
		c.remove(name)
	}
}

func (c *cache) remove(name string) {
	if e, ok := c.entries[name]; ok {
		e.private.Zero()
		delete(c.entries, name)
	}
}
