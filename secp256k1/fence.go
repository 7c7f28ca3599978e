package secp256k1

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/openbao/openbao/sdk/v2/logical"
)

const fencePrefix = "state/fence/"

// fence lets one client at a time sign a key's block payloads.
//
// The active node alone grants, and its grants end by themselves: one is stored before
// the first signature under it, and is honoured for one lease by a monotonic clock
// that began before the write. A node that lost the others cannot store, so that it
// signs one lease longer at most; and who takes over gives the fence to nobody else
// before one lease has passed since it read what is stored.
type fence struct {
	path    string
	storage logical.Storage
	now     func() time.Time
	shut    *shutter

	// signing is held for reading while a block is signed, and for writing while
	// the holder changes: no signature of the former holder is made after that.
	signing sync.RWMutex
	writing sync.Mutex // held while storage is written; taken before mu

	mu       sync.Mutex
	loaded   bool
	stored   storedFence
	until    time.Time // our grant ends
	foreign  time.Time // until when another node's grant may hold
	renewing bool
}

type storedFence struct {
	Epoch  uint64        `json:"epoch"` // grows with each new holder
	Holder string        `json:"holder"`
	Lease  time.Duration `json:"lease"`
	// Shut is how often the mount's guards had been shut: a grant from before is void.
	Shut uint64 `json:"shut,omitempty"`
}

// acquire is held while a block is signed for holder. release ends that; its error
// says that the grant ended meanwhile, and the signature must not be shown.
func (f *fence) acquire(ctx context.Context, holder string, lease time.Duration) (release func() error, err error) {
	f.signing.RLock()
	if err := f.check(ctx, holder, lease); err != nil {
		f.signing.RUnlock()
		return nil, err
	}
	return func() error {
		defer f.signing.RUnlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.loaded || f.left() <= 0 {
			return conflict("fence_expired", "fence", "send it again", "the fence's grant ended while the payload was signed")
		}
		return nil
	}, nil
}

// left is how long our grant still holds. The wall clock can only end it sooner: the
// monotonic one stands still while a machine is suspended.
func (f *fence) left() time.Duration {
	now := f.now()
	return min(f.until.Sub(now), f.until.Round(0).Sub(now.Round(0)))
}

func (f *fence) check(ctx context.Context, holder string, lease time.Duration) error {
	for tries := 0; ; tries++ {
		if err := f.load(ctx); err != nil {
			return err
		}
		f.mu.Lock()
		stored, left := f.stored, f.left()
		renew := left < lease/2 && !f.renewing
		if renew && left > 0 {
			f.renewing = true
		}
		f.mu.Unlock()
		switch {
		case stored.Holder == "":
			return conflict("fence_not_taken", "fence", "the sequencer that leads takes the fence first", "nobody holds the fence")
		case stored.Holder != holder:
			return conflict("fence_held", "fence", "only the sequencer that leads may sign", "%q holds the fence, in epoch %d", stored.Holder, stored.Epoch)
		case left > 0:
			if renew {
				go f.renewInBackground(holder, lease)
			}
			return nil
		case tries > 2:
			return errors.New("the fence's grant ends as fast as it is renewed: is storage slower than the lease?")
		}
		if err := f.renew(ctx, holder, lease); err != nil {
			return err
		}
	}
}

func (f *fence) renewInBackground(holder string, lease time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), lease)
	defer cancel()
	_ = f.renew(ctx, holder, lease) // who signs after the grant's end meets the error
	f.mu.Lock()
	f.renewing = false
	f.mu.Unlock()
}

// renew stores a grant for the holder, if it still is the holder.
func (f *fence) renew(ctx context.Context, holder string, lease time.Duration) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	next, loaded, left := f.stored, f.loaded, f.left()
	f.mu.Unlock()
	if !loaded || next.Holder != holder || left > lease/2 {
		return nil // check decides anew
	}
	next.Lease = lease
	return f.write(ctx, next)
}

// write stores a grant. The caller holds writing.
func (f *fence) write(ctx context.Context, next storedFence) error {
	began := f.now()
	entry, err := logical.StorageEntryJSON(f.path, next)
	if err == nil {
		err = f.storage.Put(ctx, entry)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.loaded = false // it may be stored all the same
		return err
	}
	f.stored, f.until = next, began.Add(next.Lease)
	return nil
}

// load reads what is stored, if it is not known.
func (f *fence) load(ctx context.Context) error {
	f.mu.Lock()
	loaded := f.loaded
	f.mu.Unlock()
	if loaded {
		return nil
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	entry, err := f.storage.Get(ctx, f.path)
	if err != nil {
		return err
	}
	var stored storedFence
	if entry != nil && json.Unmarshal(entry.Value, &stored) != nil {
		return errors.New(f.path + ": what is stored is not a fence")
	}
	shut, err := f.shut.times(ctx, f.storage)
	if err != nil {
		return err
	}
	if stored.Shut != shut {
		stored.Holder, stored.Shut = "", shut
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.loaded {
		f.loaded, f.stored, f.until = true, stored, time.Time{}
		f.foreign = f.now().Add(stored.Lease)
	}
	return nil
}

// take gives the fence to holder, in a new epoch if it was another's.
func (f *fence) take(ctx context.Context, holder string, lease time.Duration) (storedFence, error) {
	if err := f.load(ctx); err != nil {
		return storedFence{}, err
	}
	// Under the write lock no block is being signed.
	f.signing.Lock()
	defer f.signing.Unlock()
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	next, loaded, wait := f.stored, f.loaded, f.foreign.Sub(f.now())
	f.mu.Unlock()
	switch {
	case !loaded:
		return storedFence{}, conflict("fence_wait", "fence", "take it again", "what is stored has changed")
	case next.Holder != holder && next.Holder != "" && wait > 0:
		return storedFence{}, conflict("fence_wait", "fence", "take it again in "+wait.Round(time.Millisecond).String(),
			"OpenBao's leader has changed, and the one before may have granted the fence to %q", next.Holder)
	}
	if next.Holder != holder {
		next.Epoch++
	}
	next.Holder, next.Lease = holder, lease
	if err := f.write(ctx, next); err != nil {
		return storedFence{}, err
	}
	return next, nil
}

// read is what is stored, and how long our grant still holds.
func (f *fence) read(ctx context.Context) (storedFence, time.Duration, error) {
	if err := f.load(ctx); err != nil {
		return storedFence{}, 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stored, max(0, f.left()), nil
}

// forget drops what is remembered, for storage has changed.
func (f *fence) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loaded = false
}
