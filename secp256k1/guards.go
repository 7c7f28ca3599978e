package secp256k1

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/openbao/openbao/sdk/v2/logical"
)

const shutPath = "state/guards"

// shutter counts how often a mount's guards were shut. A restore shuts them before
// anybody signs, for what its snapshot says of nonces and fences is old.
type shutter struct {
	mu     sync.Mutex
	loaded bool
	count  uint64
}

type storedShut struct {
	Times uint64 `json:"times"`
}

func (s *shutter) times(ctx context.Context, storage logical.Storage) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded {
		return s.count, nil
	}
	entry, err := storage.Get(ctx, shutPath)
	if err != nil {
		return 0, err
	}
	var stored storedShut
	if entry != nil && json.Unmarshal(entry.Value, &stored) != nil {
		return 0, errors.New(shutPath + ": what is stored does not say how often the guards were shut")
	}
	s.loaded, s.count = true, stored.Times
	return s.count, nil
}

// shut shuts all guards of the mount.
func (s *shutter) shut(ctx context.Context, storage logical.Storage, now time.Time) error {
	before, err := s.times(ctx, storage)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = false
	// By the clock, so that two restores of one snapshot differ.
	times := max(before+1, uint64(now.Unix()))
	entry, err := logical.StorageEntryJSON(shutPath, storedShut{Times: times})
	if err != nil {
		return err
	}
	return storage.Put(ctx, entry)
}

func (s *shutter) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = false
}

// guards are the fences, nonce guards and budgets of a mount's keys, made when first
// asked for.
type guards struct {
	storage logical.Storage
	now     func() time.Time
	shut    shutter

	mu     sync.Mutex
	fences map[string]*fence      // by path
	nonces map[string]*nonceGuard // by path
	budget map[string]*budget     // by path
}

func newGuards(storage logical.Storage, now func() time.Time) *guards {
	return &guards{
		storage: storage, now: now,
		fences: map[string]*fence{}, nonces: map[string]*nonceGuard{}, budget: map[string]*budget{},
	}
}

func (g *guards) budgetOf(name string) *budget {
	g.mu.Lock()
	defer g.mu.Unlock()
	path := budgetPrefix + name
	found := g.budget[path]
	if found == nil {
		found = &budget{path: path, storage: g.storage, now: g.now}
		g.budget[path] = found
	}
	return found
}

func (g *guards) fence(name string) *fence {
	g.mu.Lock()
	defer g.mu.Unlock()
	path := fencePrefix + name
	found := g.fences[path]
	if found == nil {
		found = &fence{path: path, storage: g.storage, now: g.now, shut: &g.shut}
		g.fences[path] = found
	}
	return found
}

func (g *guards) nonce(name string, chain uint64) *nonceGuard {
	g.mu.Lock()
	defer g.mu.Unlock()
	path := noncePrefix + name + "/" + strconv.FormatUint(chain, 10)
	found := g.nonces[path]
	if found == nil {
		found = &nonceGuard{path: path, storage: g.storage, shut: &g.shut}
		g.nonces[path] = found
	}
	return found
}

// forget drops what is remembered of a path, and of all below it.
func (g *guards) forget(path string) {
	if path == "" || path == shutPath {
		g.shut.forget()
		path = ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for at, f := range g.fences {
		if strings.HasPrefix(at, path) {
			f.forget()
		}
	}
	for at, n := range g.nonces {
		if strings.HasPrefix(at, path) {
			n.forget()
		}
	}
	for at, b := range g.budget {
		if strings.HasPrefix(at, path) {
			b.forget()
		}
	}
}

// forgetGuards deletes what guards remember of a key that is gone.
func (b *backend) forgetGuards(ctx context.Context, storage logical.Storage, name string) error {
	chains, err := storage.List(ctx, noncePrefix+name+"/")
	if err != nil {
		return err
	}
	paths := []string{fencePrefix + name, budgetPrefix + name}
	for _, chain := range chains {
		paths = append(paths, noncePrefix+name+"/"+chain)
	}
	for _, path := range paths {
		if err := storage.Delete(ctx, path); err != nil {
			return err
		}
		b.guards.forget(path)
	}
	return nil
}
