package secp256k1

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openbao/openbao/sdk/v2/logical"
)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	c.now = now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// failing is storage whose writes fail while it is told to.
type failing struct {
	logical.Storage
	mu  sync.Mutex
	err error
}

func (f *failing) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failing) Put(ctx context.Context, entry *logical.StorageEntry) error {
	f.mu.Lock()
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return f.Storage.Put(ctx, entry)
}

func newClock(t testing.TB, m *mount) *clock {
	t.Helper()
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	m.backend.now = c.Now
	return c
}

func newCounter(storage logical.Storage, c *clock) *counter {
	return &counter{path: mountCount, storage: storage, now: c.Now}
}

func used(t testing.TB, c *counter) uint64 {
	t.Helper()
	months, month, err := c.read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return months[month]
}

func TestACountIsNeverBelowWhatWasSignedAndAboveByAStrideAtMost(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	storage := &logical.InmemStorage{}
	signed, failovers := uint64(0), uint64(0)
	for range 20 { // each round ends with the loss of the active node
		one := newCounter(storage, c)
		for range 150 {
			if _, err := one.take(context.Background(), 1, 0); err != nil {
				t.Fatal(err)
			}
			signed++
			c.pass(time.Millisecond)
		}
		for filling := true; filling; time.Sleep(time.Millisecond) { // no refill is on its way
			one.mu.Lock()
			filling = one.filling
			one.mu.Unlock()
		}
		failovers++
		next := newCounter(storage, c)
		if got := used(t, next); got < signed || got > signed+failovers*2*maxStride {
			t.Fatalf("%d were signed, and %d failovers later %d are counted", signed, failovers, got)
		}
	}
}

func TestMostSignaturesWriteNothing(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	writes := &counting{Storage: &logical.InmemStorage{}}
	one := newCounter(writes, c)
	for range 20_000 {
		if _, err := one.take(context.Background(), 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := writes.puts(); got > 80 {
		t.Errorf("20,000 signatures wrote %d times", got)
	}
}

type counting struct {
	logical.Storage
	mu sync.Mutex
	n  int
}

func (c *counting) Put(ctx context.Context, entry *logical.StorageEntry) error {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	return c.Storage.Put(ctx, entry)
}

func (c *counting) puts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func TestNothingIsSignedBeyondTheReserveWhileStorageFails(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	storage := &failing{Storage: &logical.InmemStorage{}}
	one := newCounter(storage, c)
	if _, err := one.take(context.Background(), 1, 0); err != nil {
		t.Fatal(err)
	}
	storage.set(errors.New("no leader"))
	signed := uint64(1)
	for range 5 * maxStride {
		if _, err := one.take(context.Background(), 1, 0); err == nil {
			signed++
		}
	}
	storage.set(nil)
	if got := used(t, newCounter(storage, c)); got < signed {
		t.Errorf("%d were signed and %d are counted", signed, got)
	}
	if signed > 2*minStride+1 {
		t.Errorf("%d were signed of a first stride of %d", signed, minStride)
	}
}

func TestAQuotaEndsTheMonthAndANewOneBegins(t *testing.T) {
	m := newMount(t)
	c := newClock(t, m)
	m.write("config", fields{"signatures_per_month": 50})
	m.write("keys/k", fields{})
	sign := fields{"input": "aGk="}
	for range 50 {
		m.write("sign/k", sign)
	}
	m.status(429, "sign/k", sign, "quota_exceeded: 50 of 50 signatures")
	m.status(429, "sign-evm/k", fields{"hash": eip155Hash}, "quota_exceeded")
	m.status(429, "sign/k", fields{"batch_input": []any{sign}}, "quota_exceeded")

	c.set("2026-12-01T00:00:00Z")
	m.write("sign/k", sign)
	c.set("2026-11-30T00:00:00Z") // the clock was set back: the later month stays
	m.write("sign/k", sign)
	counts := m.read("counts")
	months := counts["months"].(map[string]uint64)
	if counts["month"] != "2026-12" || counts["used"] != uint64(2) || months["2026-11"] != 50 || counts["limit"] != int64(50) {
		t.Errorf("got %v", counts)
	}
	if one := m.read("counts/k"); one["used"] != uint64(2) {
		t.Errorf("got %v", one)
	}
	// Another node that takes over counts what is stored, at least.
	after := mountOn(t, m.storage)
	after.backend.now = c.Now
	if got := after.read("counts/k")["used"].(uint64); got < 2 || got > 2+maxStride {
		t.Errorf("after a failover %d are counted", got)
	}
}

func TestWhatWasNotSignedIsNotCounted(t *testing.T) {
	m := newMount(t)
	m.write("keys/k", fields{})
	m.write("sign/k", fields{"batch_input": []any{fields{"input": "%"}, fields{"input": "aGk="}, fields{"input": "%"}}})
	m.refused(logical.UpdateOperation, "sign/k", fields{"input": "%"}, "invalid input")
	if got := m.read("counts/k")["used"]; got != uint64(1) {
		t.Errorf("%v are counted", got)
	}
}

func TestManyCountAtOnce(t *testing.T) {
	m := newMount(t)
	m.write("config", fields{"signatures_per_month": 1000})
	m.write("keys/k", fields{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	signed := 0
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if response, err := m.request(logical.UpdateOperation, "sign/k", fields{"input": "aGk="}); err == nil && !response.IsError() {
					mu.Lock()
					signed++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if signed != 1000 {
		t.Errorf("%d of 1,600 were signed, want the 1,000 that the quota allows", signed)
	}
}

func TestARateLetsBlocksPassFirst(t *testing.T) {
	r := &rate{}
	now := time.Now()
	others := 0
	for {
		if _, ok := r.take(now, 10, 10, 1, float64(blockReserve(10))); !ok {
			break
		}
		others++
	}
	blocks := 0
	for {
		if _, ok := r.take(now, 10, 10, 1, 0); !ok {
			break
		}
		blocks++
	}
	if others != 8 || blocks != 2 {
		t.Errorf("%d others and %d blocks pass at once, want 8 and 2", others, blocks)
	}
	if wait, _ := r.take(now, 10, 10, 1, 0); wait != 100*time.Millisecond {
		t.Errorf("wait %v, want 100ms", wait)
	}
	if _, ok := r.take(now.Add(100*time.Millisecond), 10, 10, 1, 0); !ok {
		t.Error("a tenth of a second later nothing passes")
	}
}

func TestARateHoldsForEveryPath(t *testing.T) {
	m := newMount(t)
	newClock(t, m)
	m.write("config", fields{"signatures_per_second": 5})
	m.write("keys/k", fields{})
	sign := fields{"input": "aGk="}
	m.status(429, "sign/k", fields{"batch_input": []any{sign, sign, sign, sign, sign}}, "config.burst")
	m.write("sign/k", fields{"batch_input": []any{sign, sign, sign}})
	m.write("sign-evm/k", fields{"hash": eip155Hash})
	m.status(429, "sign/k", sign, "config.signatures_per_second")
	m.write("keys/k/prove", fields{"challenge": "aGk="}) // a proof is no signature of a chain
}

func TestAMountHoldsAsManyKeysAsItMay(t *testing.T) {
	m := newMount(t)
	m.write("config", fields{"max_keys": 3})
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() { _, _ = m.request(logical.UpdateOperation, fmt.Sprint("keys/k", i), fields{}) })
	}
	wg.Wait()
	if names := m.do(logical.ListOperation, "keys/", nil)["keys"].([]string); len(names) != 3 {
		t.Errorf("keys %v", names)
	}
	m.status(429, "keys/more/import", fields{"ciphertext": b64(unhex(t, one))}, "max_keys: the mount holds 3 keys of 3")
}

func TestLimitsAreCheckedAndWhatIsLeftOutStays(t *testing.T) {
	m := newMount(t)
	m.refused(logical.UpdateOperation, "config", fields{"max_keys": -1, "burst": -2}, "max_keys: must be 0 or more")
	m.write("config", fields{"max_keys": 7})
	m.write("config", fields{"burst": 9})
	if got := m.read("config"); got["max_keys"] != int64(7) || got["burst"] != int64(9) {
		t.Errorf("got %v", got)
	}
}

func TestKeysAreListedByPages(t *testing.T) {
	m := newMount(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		m.write("keys/"+name, fields{})
	}
	page := m.do(logical.ListOperation, "keys/", fields{"after": "a", "limit": 2})
	if names := page["keys"].([]string); !slices.Equal(names, []string{"b", "c"}) || page["key_info"] != nil {
		t.Errorf("got %v", page)
	}
	page = m.do(logical.ListOperation, "keys/", fields{"after": "c", "key_info": true})
	if info := page["key_info"].(fields); len(info) != 1 || !strings.HasPrefix(info["d"].(fields)["eth_address"].(string), "0x") {
		t.Errorf("got %v", page)
	}
}

// What guards and counts write is no change of a key.
func TestAChangedCountClearsNoKey(t *testing.T) {
	m := newMount(t)
	m.write("keys/k", fields{})
	m.write("sign/k", fields{"input": "aGk="})
	for _, path := range []string{mountCount, keyCounts + "k", fencePrefix + "k", noncePrefix + "k/1", shutPath, configPath} {
		m.backend.InvalidateKey(context.Background(), path)
		if m.backend.cache.entries["k"] == nil {
			t.Errorf("%s: the key is no longer cached", path)
		}
	}
}
