package peers

import (
	"slices"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// of is a cluster of healthy voters p-0… that is to have three.
func of(ids ...string) *cluster {
	c := &cluster{set: "p", wanted: 3, leader: "p-0", voters: map[string]bool{}, healthy: map[string]bool{}}
	for _, id := range ids {
		c.voters[id], c.healthy[id] = true, true
	}
	return c
}

func TestTheHighestGoFirst(t *testing.T) {
	c := of("p-0", "p-10", "p-2", "p-9", "p-1", "p-3", "q-7", "p-x")
	if got, want := c.surplus(), []string{"p-10", "p-9", "p-3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhenPeersMayGo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cluster)
		says   string
		code   int
	}{
		"all healthy":                {func(*cluster) {}, "", 0},
		"one that goes is dead":      {func(c *cluster) { c.healthy["p-4"] = false }, "", 0},
		"one that stays is dead":     {func(c *cluster) { c.healthy["p-1"] = false }, "p-1 is not healthy", run.CodeFailed},
		"one that stays only learns": {func(c *cluster) { c.voters["p-1"] = false }, "p-1 does not vote yet", run.CodeFailed},
		"one that stays is missing":  {func(c *cluster) { delete(c.voters, "p-2") }, "p-2 is no raft peer", run.CodeFailed},
		"a stranger":                 {func(c *cluster) { c.voters["q-0"] = true }, "none of StatefulSet p's pods", run.CodeByHand},
		"no majority": {func(c *cluster) {
			for _, id := range []string{"p-3", "p-4", "p-5", "p-6"} {
				c.voters[id], c.healthy[id] = true, false
			}
		}, "3 of 7 voters", run.CodeFailed},
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
