package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// engine answers each batch after a while, and remembers what it was sent.
type engine struct {
	takes time.Duration
	fails error

	mu      sync.Mutex
	batches []string // "tenant: input input"
}

func (e *engine) send(ctx context.Context, tenant string, entries []json.RawMessage) ([]openbao.Result, error) {
	results, inputs := make([]openbao.Result, len(entries)), make([]string, len(entries))
	for i, text := range entries {
		var entry Entry
		if err := json.Unmarshal(text, &entry); err != nil {
			return nil, err
		}
		inputs[i], results[i].Signature = entry.Input, "signed "+entry.Input
	}
	e.mu.Lock()
	e.batches = append(e.batches, tenant+": "+strings.Join(inputs, " "))
	e.mu.Unlock()
	select {
	case <-time.After(e.takes):
		return results, e.fails
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// crowd is many requests to one queue at once.
type crowd struct {
	*Queue
	within time.Duration // each request's deadline
	wg     sync.WaitGroup
	mu     sync.Mutex
	failed map[string]error
}

func newCrowd(e *engine, limits Limits) *crowd {
	return &crowd{Queue: New(e.send, limits, func(string, int) {}), within: 2 * time.Second, failed: map[string]error{}}
}

// ask sends a request and returns when it waits.
func (c *crowd) ask(tenant, key, method, input string) {
	within := c.within
	c.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		got, err := c.Sign(ctx, tenant, Entry{Method: method, Key: key, Input: input})
		if err == nil && got.Signature != "signed "+input {
			err = fmt.Errorf("the answer is another's: %q", got.Signature)
		}
		c.mu.Lock()
		c.failed[input] = err
		c.mu.Unlock()
	})
	synctest.Wait()
}

func (c *crowd) requireSigned(t *testing.T, e *engine, want ...string) {
	t.Helper()
	c.wg.Wait()
	for input, err := range c.failed {
		if err != nil {
			t.Errorf("%s: %v", input, err)
		}
	}
	if got := strings.Join(e.batches, "; "); got != strings.Join(want, "; ") {
		t.Errorf("sent %s\nwant %s", got, strings.Join(want, "; "))
	}
	if lanes := c.running(); lanes != 0 || len(c.Depths()) != 0 {
		t.Errorf("left over: %d lanes, %v", lanes, c.Depths())
	}
}

// running is how many lanes there are when nothing moves.
func (c *crowd) running() int {
	synctest.Wait()
	c.Queue.mu.Lock()
	defer c.Queue.mu.Unlock()
	return len(c.lanes)
}

func TestTheFirstGoesAtOnceAndWhatArrivesMeanwhileTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{takes: 10 * time.Millisecond}
		c := newCrowd(e, DefaultLimits)
		for i := range 4 {
			c.ask("a", "k", "sign-tx", fmt.Sprint(i))
		}
		if depth := c.Depths()["a"]; depth != 3 {
			t.Errorf("depth %d, want 3", depth)
		}
		began := time.Now()
		c.requireSigned(t, e, "a: 0", "a: 1 2 3")
		if took := time.Since(began); took != 20*time.Millisecond {
			t.Errorf("took %v, want 20ms", took)
		}
	})
}

func TestTenantsAndBlockPayloadsDoNotWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{takes: 10 * time.Millisecond}
		c := newCrowd(e, DefaultLimits)
		c.ask("a", "k", "sign-tx", "0")
		c.ask("b", "k", "sign-tx", "1")
		c.ask("a", "k", SignBlock, "2")
		began := time.Now()
		c.requireSigned(t, e, "a: 0", "b: 1", "a: 2")
		if took := time.Since(began); took != e.takes {
			t.Errorf("took %v, want %v", took, e.takes)
		}
	})
}

func TestABatchIsFairBetweenKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{takes: 10 * time.Millisecond}
		limits := DefaultLimits
		limits.Batch = 3
		c := newCrowd(e, limits)
		for i := range 5 {
			c.ask("a", "busy", "sign-tx", fmt.Sprint("busy", i))
		}
		c.ask("a", "calm", "sign-tx", "calm")
		c.ask("a", "mild", "sign-tx", "mild")
		c.requireSigned(t, e, "a: busy0", "a: busy1 calm mild", "a: busy2 busy3 busy4")
	})
}

func TestAFullQueueSaysSoAtOnce(t *testing.T) {
	for _, x := range []struct {
		limits Limits
		rule   string
	}{
		{Limits{PerKey: 2, PerTenant: 9, Bytes: 1 << 20, Batch: 9}, "queue.key"},
		{Limits{PerKey: 9, PerTenant: 2, Bytes: 1 << 20, Batch: 9}, "queue.tenant"},
		{Limits{PerKey: 9, PerTenant: 9, Bytes: 200, Batch: 9}, "queue.bytes"},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &engine{takes: 10 * time.Millisecond}
			c := newCrowd(e, x.limits)
			began := time.Now()
			for i := range 4 {
				c.ask("a", "k", "sign-tx", fmt.Sprint(i))
			}
			if p := problem.Of(c.failed["3"]); p.Code != "busy" || p.Rule != x.rule || time.Since(began) != 0 {
				t.Errorf("%s: got %v after %v", x.rule, c.failed["3"], time.Since(began))
			}
			delete(c.failed, "3")
			c.ask("b", "k", "sign-tx", "another tenant's")
			c.requireSigned(t, e, "a: 0", "b: another tenant's", "a: 1 2")
		})
	}
}

func TestNobodyWaitsLongerThanItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{takes: time.Hour}
		c := newCrowd(e, DefaultLimits)
		began := time.Now()
		for i := range 3 {
			c.ask("a", "k", "sign-tx", fmt.Sprint(i))
			c.within = time.Second
		}
		c.wg.Wait()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		for input, err := range c.failed {
			if problem.Of(err).Code != "deadline_exceeded" {
				t.Errorf("%s: got %v", input, err)
			}
		}
		if lanes := c.running(); len(e.batches) != 1 || lanes != 0 {
			t.Errorf("sent %v, %d lanes are left: nobody waits for the rest", e.batches, lanes)
		}
	})
}

func TestAFailureIsToldToAllOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{takes: time.Millisecond, fails: errors.New("lost")}
		c := newCrowd(e, DefaultLimits)
		for i := range 3 {
			c.ask("a", "k", "sign-tx", fmt.Sprint(i))
		}
		c.wg.Wait()
		for input, err := range c.failed {
			if !errors.Is(err, e.fails) {
				t.Errorf("%s: got %v", input, err)
			}
		}
	})
}

func TestABatchHasRoomForWhatTheEngineTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{takes: time.Millisecond}
		c := newCrowd(e, Limits{PerKey: 9, PerTenant: 9, Bytes: 64 << 20, Batch: 9})
		large := strings.Repeat("x", 4<<20)
		c.ask("a", "k", "sign-tx", "first")
		c.ask("a", "k", "sign-tx", large)
		c.ask("a", "k", "sign-tx", large)
		c.requireSigned(t, e, "a: first", "a: "+large, "a: "+large)
	})
}
