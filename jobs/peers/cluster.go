package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// cluster is what raft and autopilot say of the peers.
type cluster struct {
	set    string // the StatefulSet that peers are named after
	wanted int
	leader string
	// voters tells, for each member, whether it votes.
	voters map[string]bool
	// healthy are the members that autopilot finds so.
	healthy map[string]bool
}

// cluster reads both, from the active node.
func (w *work) cluster(ctx context.Context) (*cluster, error) {
	var raft struct {
		Config struct {
			Servers []struct {
				ID     string `json:"node_id"`
				Leader bool   `json:"leader"`
				Voter  bool   `json:"voter"`
			} `json:"servers"`
		} `json:"config"`
	}
	var autopilot struct {
		Leader  string `json:"leader"`
		Servers map[string]struct {
			Healthy bool `json:"healthy"`
		} `json:"servers"`
	}
	if err := read(ctx, w.client, "sys/storage/raft/configuration", &raft); err != nil {
		return nil, err
	}
	if err := read(ctx, w.client, "sys/storage/raft/autopilot/state", &autopilot); err != nil {
		return nil, err
	}
	c := &cluster{set: w.config.StatefulSet, wanted: int(w.config.Replicas), voters: map[string]bool{}, healthy: map[string]bool{}}
	for _, s := range raft.Config.Servers {
		c.voters[s.ID] = s.Voter
		c.healthy[s.ID] = autopilot.Servers[s.ID].Healthy
		if s.Leader {
			c.leader = s.ID
		}
	}
	if c.leader == "" || c.leader != autopilot.Leader {
		return nil, run.Later(errors.New("raft has no leader that autopilot knows yet"))
	}
	return c, nil
}

// read reads what a path says. Just after an election there may be nothing yet.
func read(ctx context.Context, client *openbao.Client, path string, into any) error {
	secret, err := client.Logical().ReadWithContext(ctx, path)
	if err != nil {
		return err
	}
	if secret == nil {
		return run.Later(fmt.Errorf("%s says nothing yet", path))
	}
	text, err := json.Marshal(secret.Data)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// ordinal is a pod's number, by its name.
func (c *cluster) ordinal(id string) (int, bool) {
	number, ok := strings.CutPrefix(id, c.set+"-")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(number)
	return n, err == nil && n >= 0
}

// surplus are the members whose pods go, from the highest ordinal down.
func (c *cluster) surplus() []string {
	var ids []string
	for id := range c.voters {
		if n, ours := c.ordinal(id); ours && n >= c.wanted {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		n, _ := c.ordinal(a)
		m, _ := c.ordinal(b)
		return m - n
	})
	return ids
}

const unhealthy = "the peers that stay must be healthy before others go"

// ready tells why no peer may go now: all that stay must be healthy voters, and
// so many that they are a majority after each removal, which begins with a
// majority of those that are there.
func (c *cluster) ready() error {
	var bad []string
	for n := range c.wanted {
		id := fmt.Sprintf("%s-%d", c.set, n)
		voter, member := c.voters[id]
		switch {
		case !member:
			bad = append(bad, id+" is no raft peer")
		case !voter:
			bad = append(bad, id+" does not vote yet")
		case !c.healthy[id]:
			bad = append(bad, id+" is not healthy")
		}
	}
	for id := range c.voters {
		if _, ours := c.ordinal(id); !ours {
			return run.ByHand(fmt.Errorf("raft peer %s is none of StatefulSet %s's pods: nothing was changed: "+
				"hint: find out what it is, and remove it with `bao operator raft remove-peer %[1]s` if it is nothing", id, c.set))
		}
	}
	if len(bad) > 0 {
		return run.Later(fmt.Errorf("%s: %s: "+
			"hint: mend them, or set spec.openbao.replicas back", unhealthy, strings.Join(bad, ", ")))
	}
	voting, healthy := 0, 0
	for id, votes := range c.voters {
		if votes {
			voting++
			if c.healthy[id] {
				healthy++
			}
		}
	}
	if majority := voting/2 + 1; healthy < majority {
		return run.Later(fmt.Errorf("%d of %d voters are healthy, which is no majority", healthy, voting))
	}
	return nil
}
