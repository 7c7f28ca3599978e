package peers

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// of is a cluster of healthy voters p-0… that is to have three.
func of(ids ...string) *cluster {
	c := &cluster{set: "p", wanted: 3, leader: "p-0", voters: map[string]bool{}, faults: map[string]string{}}
	for _, id := range ids {
		c.voters[id] = true
	}
	return c
}

func TestTheHighestGoFirst(t *testing.T) {
	c := of("p-0", "p-10", "p-2", "p-9", "p-1", "p-3", "q-7", "p-x")
	if got, want := c.surplus(), []string{"p-10", "p-9", "p-3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheDeadGoBeforeTheLivingAndTheLeaderLast(t *testing.T) {
	c := of("p-0", "p-1", "p-2", "p-3", "p-4", "p-5", "p-6")
	c.leader, c.faults["p-3"], c.faults["p-5"] = "p-6", "is dead", "is dead"
	if got, want := c.surplus(), []string{"p-5", "p-3", "p-4", "p-6"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAMajorityStaysUntilAllHaveGone lets all peers go that may, for each number
// of peers, each that are dead, each of which nothing is known, and each leader.
func TestAMajorityStaysUntilAllHaveGone(t *testing.T) {
	runs := 0
	for wanted := 1; wanted <= 5; wanted++ {
		for all := wanted; all <= 7; all++ {
			for dead := range 1 << (all - wanted) {
				for unknown := range 1 << (all - wanted) {
					for leader := range all {
						if letGo(t, wanted, all, dead<<wanted, unknown<<wanted, leader) {
							runs++
						}
					}
				}
			}
		}
	}
	t.Logf("%d runs", runs)
}

// letGo does as the Job does with a cluster of which a majority lives; bits are
// ordinals.
func letGo(t *testing.T, wanted, all, dead, unknown, leader int) bool {
	t.Helper()
	alive := all - bits.OnesCount(uint(dead))
	if alive <= all/2 || dead>>leader&1 == 1 {
		return false
	}
	c := of()
	c.wanted, c.leader = wanted, fmt.Sprintf("p-%d", leader)
	for n := range all {
		id := fmt.Sprintf("p-%d", n)
		c.voters[id] = true
		if (dead|unknown)>>n&1 == 1 {
			c.faults[id] = "says nothing"
		}
	}
	for c.ready() == nil && len(c.surplus()) > 0 {
		victim := c.surplus()[0]
		if victim == c.leader {
			c.leader = "p-0"
		}
		delete(c.voters, victim)
		if n, _ := c.ordinal(victim); dead>>n&1 == 0 {
			alive--
		}
		if alive <= len(c.voters)/2 {
			t.Fatalf("%d of %d voters live after %s has gone", alive, len(c.voters), victim)
		}
	}
	if unknown == 0 && len(c.voters) != wanted {
		t.Fatalf("%d of %d, dead %b, leader %d: %v are left: %v", wanted, all, dead, leader, c.voters, c.ready())
	}
	return true
}

func TestWhenPeersMayGo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cluster)
		says   string
		code   int
	}{
		"all healthy":                {func(*cluster) {}, "", 0},
		"one that goes is dead":      {func(c *cluster) { c.faults["p-4"] = "is dead" }, "", 0},
		"one that stays is dead":     {func(c *cluster) { c.faults["p-1"] = "is dead" }, "p-1 is dead", run.CodeFailed},
		"one that stays only learns": {func(c *cluster) { c.voters["p-1"] = false }, "p-1 does not vote yet", run.CodeFailed},
		"one that stays is missing":  {func(c *cluster) { delete(c.voters, "p-2") }, "p-2 is no raft peer", run.CodeFailed},
		"a stranger":                 {func(c *cluster) { c.voters["q-0"] = true }, "none of StatefulSet p's pods", run.CodeByHand},
		"no majority": {func(c *cluster) {
			for _, id := range []string{"p-3", "p-4", "p-5", "p-6"} {
				c.voters[id], c.faults[id] = true, "is dead"
			}
		}, "without p-6 only 3 of 6 voters", run.CodeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			peers := of("p-0", "p-1", "p-2", "p-3", "p-4")
			c.change(peers)
			err := peers.ready()
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if run.Code(err) != c.code {
				t.Errorf("code %d, want %d", run.Code(err), c.code)
			}
		})
	}
}
