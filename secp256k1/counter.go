package secp256k1

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/openbao/openbao/sdk/v2/logical"
)

const (
	countPrefix = "state/counts/" // outside of keys/: a count's change is no key's change
	mountCount  = countPrefix + "mount"
	keyCounts   = countPrefix + "keys/"

	minStride = 16
	maxStride = 1024
	maxMonths = 25
	// refillTime bounds a write in the background.
	refillTime = 10 * time.Second
)

// counter counts signatures by month. What is stored is never below what was
// signed: a stride is reserved in storage before the first signature that uses it.
// After a failover or a crash the whole reserve counts as used.
type counter struct {
	path    string
	storage logical.Storage // for writes in the background
	now     func() time.Time

	writing sync.Mutex // held while storage is written; taken before mu

	mu       sync.Mutex
	loaded   bool
	months   map[string]uint64 // by month, as 2026-11; the current one holds what is reserved
	month    string
	used     uint64
	stride   uint64
	refilled time.Time
	filling  bool
}

type storedCounter struct {
	Months map[string]uint64 `json:"months"`
}

// take counts n signatures, or refuses where they would pass the limit (0 is none).
// undo takes some back, for signatures that were not made.
func (c *counter) take(ctx context.Context, n, limit uint64) (undo func(n uint64), err error) {
	c.mu.Lock()
	for {
		if !c.loaded {
			c.mu.Unlock()
			if err := c.load(ctx); err != nil {
				return nil, err
			}
			c.mu.Lock()
			continue
		}
		c.turnMonth()
		if limit > 0 && c.used+n > limit {
			used := c.used
			c.mu.Unlock()
			return nil, tooMany("quota_exceeded", "config.signatures_per_month", "wait for the next month (UTC), or have the limit raised",
				"%d of %d signatures of this month are used", used, limit)
		}
		reserved := c.months[c.month]
		if c.used+n <= reserved {
			c.used += n
			if left := reserved - c.used; left < c.stride/2 && !c.filling && (limit == 0 || reserved < limit) {
				c.filling = true
				go c.refill(limit)
			}
			month := c.month
			c.mu.Unlock()
			return func(n uint64) { c.giveBack(month, n) }, nil
		}
		c.mu.Unlock()
		if err := c.reserve(ctx, n, limit); err != nil {
			return nil, err
		}
		c.mu.Lock()
	}
}

func (c *counter) giveBack(month string, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.month == month {
		c.used -= min(n, c.used)
	}
}

// turnMonth begins a new month where the clock says so. A clock that goes back
// does not bring an earlier month back.
func (c *counter) turnMonth() {
	if now := c.now().UTC().Format("2006-01"); now > c.month {
		if c.month != "" {
			c.months[c.month] = c.used
		}
		c.month, c.used, c.stride = now, 0, minStride
	}
}

func (c *counter) load(ctx context.Context) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	entry, err := c.storage.Get(ctx, c.path)
	if err != nil {
		return err
	}
	stored := storedCounter{}
	if entry != nil && json.Unmarshal(entry.Value, &stored) != nil {
		return errors.New(c.path + ": what is stored is not a count")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded {
		return nil
	}
	c.months, c.loaded, c.stride = stored.Months, true, minStride
	if c.months == nil {
		c.months = map[string]uint64{}
	}
	c.month, c.used = "", 0
	for month, reserved := range c.months {
		if month > c.month {
			c.month, c.used = month, reserved
		}
	}
	return nil
}

// refill reserves in the background, so that signatures seldom wait for storage.
func (c *counter) refill(limit uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), refillTime)
	defer cancel()
	_ = c.reserve(ctx, 0, limit) // who needs it meets the error in take
	c.mu.Lock()
	c.filling = false
	c.mu.Unlock()
}

// reserve has storage hold a stride beyond what is used and n more.
func (c *counter) reserve(ctx context.Context, n, limit uint64) error {
	c.writing.Lock()
	defer c.writing.Unlock()

	c.mu.Lock()
	if !c.loaded || n > 0 && c.used+n <= c.months[c.month] { // another has done it
		c.mu.Unlock()
		return nil
	}
	month, reserved := c.month, c.used+n+c.nextStride(limit)
	if limit > 0 {
		reserved = max(min(reserved, limit), c.used+n)
	}
	reserved = max(reserved, c.months[month])
	stored := storedCounter{Months: maps.Clone(c.months)}
	stored.Months[month] = reserved
	for _, old := range slices.Sorted(maps.Keys(stored.Months)) {
		if len(stored.Months) > maxMonths {
			delete(stored.Months, old)
		}
	}
	c.mu.Unlock()

	entry, err := logical.StorageEntryJSON(c.path, stored)
	if err != nil {
		return err
	}
	if err := c.storage.Put(ctx, entry); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded && c.month == month {
		c.months[month] = reserved
	}
	return nil
}

// nextStride doubles while the counter is busy, begins anew when it was idle, and
// shrinks near the limit: what a failover counts too much is at most one stride.
func (c *counter) nextStride(limit uint64) uint64 {
	now := c.now()
	switch since := now.Sub(c.refilled); {
	case since < 5*time.Second:
		c.stride = min(2*c.stride, maxStride)
	case since > time.Minute:
		c.stride = minStride
	}
	c.refilled = now
	if limit > 0 {
		c.stride = min(c.stride, max(1, (limit-min(c.used, limit))/minStride))
	}
	return c.stride
}

// forget drops what is remembered, for storage has changed.
func (c *counter) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = false
}

// read is the counts by month; the current one says what is used.
func (c *counter) read(ctx context.Context) (months map[string]uint64, month string, err error) {
	if err := c.ensureLoaded(ctx); err != nil {
		return nil, "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turnMonth()
	months = maps.Clone(c.months)
	if months == nil {
		months = map[string]uint64{}
	}
	months[c.month] = c.used
	return months, c.month, nil
}

func (c *counter) ensureLoaded(ctx context.Context) error {
	c.mu.Lock()
	loaded := c.loaded
	c.mu.Unlock()
	if loaded {
		return nil
	}
	return c.load(ctx)
}

// counters are a mount's counters, made when they are first asked for.
type counters struct {
	storage logical.Storage
	now     func() time.Time
	mu      sync.RWMutex
	byPath  map[string]*counter
}

func (c *counters) at(path string) *counter {
	c.mu.RLock()
	found := c.byPath[path]
	c.mu.RUnlock()
	if found != nil {
		return found
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found = c.byPath[path]; found == nil {
		found = &counter{path: path, storage: c.storage, now: c.now}
		c.byPath[path] = found
	}
	return found
}

// read reads a counter without keeping it in memory.
func (c *counters) read(ctx context.Context, path string) (months map[string]uint64, month string, err error) {
	c.mu.RLock()
	found := c.byPath[path]
	c.mu.RUnlock()
	if found == nil {
		found = &counter{path: path, storage: c.storage, now: c.now}
	}
	return found.read(ctx)
}

// forget drops one counter's memory, or all of them where path is empty.
func (c *counters) forget(path string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for at, counter := range c.byPath {
		if path == "" || path == at {
			counter.forget()
		}
	}
}
