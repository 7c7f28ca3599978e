package peers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// cluster is what is known of the raft peers.
type cluster struct {
	set    string // the StatefulSet that peers are named after
	wanted int
	leader string
	// voters tells, for each member, whether it votes.
	voters map[string]bool
	// faults tells why a member is not known to be healthy.
	faults map[string]string
}

// members reads who takes part, from the active node.
func (w *work) members(ctx context.Context) (*cluster, error) {
	var raft struct {
		Config struct {
			Servers []struct {
				ID     string `json:"node_id"`
				Leader bool   `json:"leader"`
				Voter  bool   `json:"voter"`
			} `json:"servers"`
		} `json:"config"`
	}
	if err := read(ctx, w.client, "sys/storage/raft/configuration", &raft); err != nil {
		return nil, err
	}
	c := &cluster{set: w.config.StatefulSet, wanted: int(w.config.Replicas), voters: map[string]bool{}, faults: map[string]string{}}
	for _, s := range raft.Config.Servers {
		c.voters[s.ID] = s.Voter
		if s.Leader {
			c.leader = s.ID
		}
	}
	if c.leader == "" {
		return nil, run.Later(errors.New("raft has no leader yet"))
	}
	return c, nil
}

// examined are the members and what is wrong with each. Healthy is who has applied
// what the leader had at some time of this run: whom raft does not reach has not,
// since this Job's login was written. Those that stay are asked themselves. Of
// those that go, whose addresses nobody knows any more, autopilot tells, to which
// each says every five seconds how far it is.
func (w *work) examined(ctx context.Context, applied uint64) (*cluster, error) {
	c, err := w.members(ctx)
	if err != nil {
		return nil, err
	}
	var autopilot struct {
		Servers map[string]struct {
			LastIndex uint64 `json:"last_index"`
		} `json:"servers"`
	}
	if err := read(ctx, w.client, "sys/storage/raft/autopilot/state", &autopilot); err != nil && !run.CanPass(err) {
		return nil, err
	}
	for id := range c.voters {
		var fault error
		if n, ours := c.ordinal(id); ours && n < len(w.config.Peers) {
			fault = w.ask(ctx, w.config.Peers[n], applied)
		} else {
			fault = behind(autopilot.Servers[id].LastIndex, applied)
		}
		if fault != nil {
			c.faults[id] = fault.Error()
		}
	}
	return c, nil
}

func behind(index, applied uint64) error {
	if index < applied {
		return fmt.Errorf("has applied raft's log up to %d, the leader up to %d", index, applied)
	}
	return nil
}

// answerTimeout is how long one peer has to answer.
const answerTimeout = 5 * time.Second

// ask asks a peer that stays.
func (w *work) ask(ctx context.Context, address string, applied uint64) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client, err := w.OpenBao(address)
	if err != nil {
		return err
	}
	status, err := client.Sys().SealStatusWithContext(ctx)
	if err != nil {
		return fmt.Errorf("does not answer: %w", err)
	}
	if status.Sealed {
		return errors.New("is sealed")
	}
	at, err := client.Sys().LeaderWithContext(ctx)
	if err != nil {
		return fmt.Errorf("does not tell how far it is: %w", err)
	}
	return behind(at.RaftAppliedIndex, applied)
}

// applied is how far the leader has applied raft's log. It is asked through a new
// connection: an old one may lead to who has stepped down, which passes other
// requests on to the leader, but answers this one.
func (w *work) applied(ctx context.Context) (uint64, error) {
	client, err := w.OpenBao(w.config.Address)
	if err != nil {
		return 0, err
	}
	at, err := client.Sys().LeaderWithContext(ctx)
	if err != nil {
		return 0, err
	}
	if !at.IsSelf {
		return 0, run.Later(fmt.Errorf("the peer behind %s is not active", w.config.Address))
	}
	return at.RaftAppliedIndex, nil
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

// surplus are the members whose pods go, in the order in which they go: the
// leader last, since it steps down once and one that stays follows it; what is
// dead first, so that as few as possible of those that vote are; then from the
// highest ordinal down.
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
		return cmp.Or(
			first(b == c.leader, a == c.leader),
			first(c.faults[a] != "", c.faults[b] != ""),
			cmp.Compare(m, n),
		)
	})
	return ids
}

// first orders what is true before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// ready tells why no peer may go now: all that stay must be healthy voters, and
// a majority of those that vote without the one that goes, as raft has them agree
// to its removal.
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
		case c.faults[id] != "":
			bad = append(bad, id+" "+c.faults[id])
		}
	}
	for id := range c.voters {
		if _, ours := c.ordinal(id); !ours {
			return run.ByHand(fmt.Errorf("raft peer %s is none of StatefulSet %s's pods: nothing was changed: "+
				"hint: find out what it is, and remove it with `bao operator raft remove-peer %[1]s` if it is nothing", id, c.set))
		}
	}
	if len(bad) > 0 {
		return run.Later(fmt.Errorf("the peers that stay must be healthy before others go: %s: "+
			"hint: mend them, or set spec.openbao.replicas back", strings.Join(bad, ", ")))
	}
	surplus := c.surplus()
	if len(surplus) == 0 {
		return nil
	}
	if voting, healthy := c.without(surplus[0]); healthy < voting/2+1 {
		return run.Later(fmt.Errorf("without %s only %d of %d voters are known to be healthy, which is no majority: "+
			"hint: mend those that go as well, or set spec.openbao.replicas back", surplus[0], healthy, voting))
	}
	return nil
}

// without counts who votes when one has gone.
func (c *cluster) without(victim string) (voting, healthy int) {
	for id, votes := range c.voters {
		if !votes || id == victim {
			continue
		}
		voting++
		if c.faults[id] == "" {
			healthy++
		}
	}
	return voting, healthy
}
