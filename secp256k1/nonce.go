package secp256k1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/openbao/openbao/sdk/v2/logical"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

const (
	noncePrefix = "state/nonces/"
	nonceWindow = 256 // nonces that are remembered of a key and chain
	nonceJump   = 64  // how far a nonce may be ahead of the next one
)

// nonceGuard lets each nonce of a key on a chain sign one transaction. What was
// signed is stored before it is signed, in one entry of the key and chain.
type nonceGuard struct {
	path    string
	storage logical.Storage
	shut    *shutter

	mu     sync.Mutex // held while storage is read and written: requests come one by one
	loaded bool
	stored storedNonces
}

type storedNonces struct {
	// Floor is the lowest nonce that may be signed: what the chain says is next.
	Floor  uint64        `json:"floor"`
	Signed []signedNonce `json:"signed"` // by nonce, all at the floor or above
	// Shut is how often the mount's guards had been shut when the floor was set.
	Shut uint64 `json:"shut,omitempty"`
}

type signedNonce struct {
	Nonce   uint64 `json:"n"`
	Content []byte `json:"c"` // evm.Tx.Content
	To      []byte `json:"t"` // empty where a contract is created
}

// next is the nonce after the highest that was signed.
func (s *storedNonces) next() uint64 {
	if len(s.Signed) == 0 {
		return s.Floor
	}
	return s.Signed[len(s.Signed)-1].Nonce + 1
}

func (s *storedNonces) find(nonce uint64) (int, bool) {
	return slices.BinarySearchFunc(s.Signed, nonce, func(e signedNonce, n uint64) int {
		switch {
		case e.Nonce < n:
			return -1
		case e.Nonce > n:
			return 1
		}
		return 0
	})
}

// admit stores that tx is signed under its nonce, or refuses.
func (g *nonceGuard) admit(ctx context.Context, tx *evm.Tx, mode string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.load(ctx); err != nil {
		return err
	}
	if err := g.open(ctx); err != nil {
		return err
	}
	content := tx.Content()
	var to []byte
	if tx.To != nil {
		to = tx.To[:]
	}
	i, signed := g.stored.find(tx.Nonce)
	if signed {
		before := g.stored.Signed[i]
		switch {
		case bytes.Equal(before.Content, content[:]):
			return nil
		case mode == guardSameRecipient && len(to) > 0 && bytes.Equal(before.To, to):
			return nil
		}
		return conflict("nonce_used", "nonce_guard", "use another nonce, or have a person release this one on keys/:name/nonces",
			"nonce %d has signed another transaction", tx.Nonce)
	}
	next := g.stored.next()
	switch {
	case tx.Nonce < g.stored.Floor:
		return conflict("nonce_below_floor", "nonce_guard", "use the chain's next nonce", "nonce %d is below the floor %d", tx.Nonce, g.stored.Floor)
	case tx.Nonce > next && tx.Nonce-next > nonceJump:
		return conflict("nonce_jump", "nonce_guard", "sign what lies between, or set the floor from the chain on keys/:name/nonces",
			"nonce %d is more than %d above the next one, %d", tx.Nonce, nonceJump, next)
	}
	changed := g.stored
	changed.Signed = slices.Insert(slices.Clone(changed.Signed), i, signedNonce{Nonce: tx.Nonce, Content: content[:], To: to})
	if drop := len(changed.Signed) - nonceWindow; drop > 0 {
		// What is no longer remembered must not be signed again.
		changed.Floor = changed.Signed[drop-1].Nonce + 1
		changed.Signed = changed.Signed[drop:]
		if tx.Nonce < changed.Floor {
			return conflict("nonce_below_floor", "nonce_guard", "use the chain's next nonce", "nonce %d is older than the %d that are remembered", tx.Nonce, nonceWindow)
		}
	}
	return g.write(ctx, changed)
}

// open refuses while the guard is shut: after a restore storage may not know of what
// was signed since.
func (g *nonceGuard) open(ctx context.Context) error {
	shut, err := g.shut.times(ctx, g.storage)
	if err != nil {
		return err
	}
	if g.stored.Shut != shut {
		return conflict("nonce_guard_shut", "nonce_guard", "set the floor to the chain's next nonce on keys/:name/nonces",
			"what was signed before OpenBao's data was restored is not known")
	}
	return nil
}

// setFloor opens the guard: nothing below floor is signed.
func (g *nonceGuard) setFloor(ctx context.Context, floor uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.load(ctx); err != nil {
		return err
	}
	shut, err := g.shut.times(ctx, g.storage)
	if err != nil {
		return err
	}
	i, _ := g.stored.find(floor)
	return g.write(ctx, storedNonces{Floor: floor, Signed: slices.Clone(g.stored.Signed[i:]), Shut: shut})
}

// release forgets what a nonce has signed, so that it may sign another transaction.
func (g *nonceGuard) release(ctx context.Context, nonce uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.load(ctx); err != nil {
		return err
	}
	i, signed := g.stored.find(nonce)
	if !signed {
		return fault("release: must be a nonce that has signed (got " + strconv.FormatUint(nonce, 10) + ")")
	}
	changed := g.stored
	changed.Signed = slices.Delete(slices.Clone(changed.Signed), i, i+1)
	return g.write(ctx, changed)
}

func (g *nonceGuard) read(ctx context.Context) (storedNonces, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := g.load(ctx)
	return g.stored, err
}

// load and write are called with mu held.
func (g *nonceGuard) load(ctx context.Context) error {
	if g.loaded {
		return nil
	}
	entry, err := g.storage.Get(ctx, g.path)
	if err != nil {
		return err
	}
	stored := storedNonces{}
	if entry == nil {
		// A guard that was never used begins with nonce 0, and is shut if the mount
		// was ever restored: its entry may be what was lost.
		g.stored, g.loaded = stored, true
		return nil
	}
	if json.Unmarshal(entry.Value, &stored) != nil {
		return errors.New(g.path + ": what is stored are not nonces")
	}
	g.stored, g.loaded = stored, true
	return nil
}

func (g *nonceGuard) write(ctx context.Context, changed storedNonces) error {
	entry, err := logical.StorageEntryJSON(g.path, changed)
	if err == nil {
		err = g.storage.Put(ctx, entry)
	}
	if err != nil {
		g.loaded = false // it may be stored all the same
		return err
	}
	g.stored = changed
	return nil
}

func (g *nonceGuard) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loaded = false
}
