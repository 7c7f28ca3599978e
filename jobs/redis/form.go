// Package redis forms a Redis cluster of servers that are empty, lets it grow,
// and keeps its nodes acquainted when their addresses change.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Options are what Run needs beside the nodes.
type Options struct {
	// Deadline of the whole run, and the longest wait for one thing to come
	// about before all is looked at anew.
	Deadline, Patience time.Duration
	Log                *slog.Logger
}

// refusal is a state that trying again does not mend.
type refusal struct{ message string }

func (r refusal) Error() string { return r.message }

func refuse(format string, args ...any) error { return refusal{fmt.Sprintf(format, args...)} }

// Run makes one cluster of the nodes, by ordinal, whose slots are spread
// evenly. It may be killed at any instant and started again: it reads what is
// there, and goes on from that.
func Run(ctx context.Context, nodes []Node, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	start := time.Now()
	wait := 500 * time.Millisecond
	for {
		f := &former{nodes: nodes, log: o.Log, patience: o.Patience}
		err := f.form(ctx)
		if err == nil {
			o.Log.Info("the cluster is whole", "step", "done", "shards", len(nodes), "duration", since(start))
			return nil
		}
		if r := (refusal{}); errors.As(err, &r) {
			return r
		}
		o.Log.Warn("trying again", "step", f.step, "error", err.Error(), "duration", since(start))
		if pause(ctx, wait) != nil {
			return fmt.Errorf("gave up after %s at step %s: %w", since(start), f.step, err)
		}
		wait = min(2*wait, 10*time.Second)
	}
}

func since(start time.Time) string { return time.Since(start).Round(time.Millisecond).String() }

// former is one attempt.
type former struct {
	nodes    []Node
	views    []view // each node's, and self of each: filled by look
	lock     Lock
	log      *slog.Logger
	patience time.Duration
	step     string
}

func (f *former) form(ctx context.Context) (err error) {
	f.step = "lock"
	if f.lock, err = f.nodes[0].Lock(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.lock.Release()) }()

	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"look", f.look},
		{"check", f.check},
		{"meet", f.meet},
		{"forget", f.forget},
		{"finish open slots", f.finishOpen},
		{"assign", f.assign},
		{"move", f.move},
		{"wait until whole", f.awaitWhole},
	} {
		f.step = step.name
		start := time.Now()
		if err := step.do(ctx); err != nil {
			return err
		}
		f.log.Info("done", "step", step.name, "duration", since(start))
	}
	return nil
}

// look asks all nodes what they know.
func (f *former) look(ctx context.Context) error {
	views := make([]view, len(f.nodes))
	var faults []error
	for i, node := range f.nodes {
		v, err := node.View(ctx)
		if err != nil {
			faults = append(faults, err)
		}
		views[i] = v
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	f.views = views
	return nil
}

// index is the node of that ID, or nobody.
func (f *former) index(id string) int {
	for i, v := range f.views {
		if v.self().ID == id {
			return i
		}
	}
	return nobody
}

// leader is the node that the others join: the one that owns most slots, and
// among equals the one that knows most others.
func (f *former) leader() int {
	best := 0
	for i, v := range f.views {
		most := f.views[best]
		slots, bestSlots := len(v.self().Slots), len(most.self().Slots)
		if slots > bestSlots || slots == bestSlots && len(v) > len(most) {
			best = i
		}
	}
	return best
}

// check refuses what would lose data.
func (f *former) check(ctx context.Context) error {
	for _, v := range f.views {
		for _, m := range v {
			if f.index(m.ID) != nobody || len(m.Slots) == 0 {
				continue
			}
			for _, own := range f.views {
				if m.Hostname != "" && own.self().Hostname == m.Hostname {
					return refuse("%s has lost its volume: the node that it was (%s) owns %d slots: bring the volume back, or give the slots up as docs/redis.md says", m.Hostname, m.ID, len(m.Slots))
				}
			}
			return refuse("the cluster has more shards than the %d that the spec asks for: %s (%s) owns %d slots: raise spec.redis.replicas again, or move the slots away first as docs/redis.md says", len(f.nodes), m.Hostname, m.ID, len(m.Slots))
		}
	}
	leader := f.leader()
	for i, v := range f.views {
		if i == leader || !v.alone() {
			continue
		}
		keys, err := f.nodes[i].Keys(ctx)
		if err != nil {
			return err
		}
		if slots := len(v.self().Slots); keys > 0 || slots > 0 {
			return refuse("shard %d is not in the cluster and yet holds %d keys and %d slots, which would be lost: empty it as docs/redis.md says", i, keys, slots)
		}
	}
	return nil
}

// meet makes each node know all others.
func (f *former) meet(ctx context.Context) error {
	for i, v := range f.views {
		info, err := f.nodes[i].Info(ctx)
		if err != nil {
			return err
		}
		// Epochs that differ from the start need not be sorted out later.
		// Redis takes one from a node that knows no other only.
		if v.alone() && info["cluster_my_epoch"] == "0" {
			if err := f.nodes[i].SetEpoch(ctx, i+1); err != nil {
				return err
			}
		}
	}
	leader := f.leader()
	return f.await(ctx, func() (string, error) {
		missing := ""
		for i, v := range f.views {
			for _, other := range f.views {
				if m, ok := v.find(other.self().ID); !ok || !m.has("myself") && (!m.Linked || m.has("handshake")) {
					missing = fmt.Sprintf("shard %d does not know %s yet", i, other.self().Hostname)
				}
			}
			self := v.self()
			if known, ok := f.views[leader].find(self.ID); i != leader && (!ok || !known.Linked || known.Endpoint != self.Endpoint) {
				if self.Endpoint.IP == "" {
					return "", fmt.Errorf("shard %d does not know its own address", i)
				}
				if err := f.nodes[leader].Meet(ctx, self.Endpoint); err != nil {
					return "", err
				}
			}
		}
		return missing, nil
	})
}

// await looks until nothing is missing.
func (f *former) await(ctx context.Context, missing func() (string, error)) error {
	start := time.Now()
	for {
		what, err := missing()
		if err != nil || what == "" {
			return err
		}
		if time.Since(start) > f.patience {
			return fmt.Errorf("after %s: %s", f.patience, what)
		}
		if err := pause(ctx, 250*time.Millisecond); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := f.look(ctx); err != nil {
			return err
		}
	}
}

// forget removes what is no node any more. check has seen that it owns nothing.
func (f *former) forget(ctx context.Context) error {
	for i, v := range f.views {
		for _, m := range v {
			if f.index(m.ID) == nobody && !m.has("handshake") {
				f.log.Info("forgetting a node that owns nothing", "step", f.step, "shard", i, "id", m.ID, "host", m.Hostname)
				if err := f.nodes[i].Forget(ctx, m.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// owners are the indices of the slots' owners, as the owners themselves say.
func (f *former) owners() ([]int, error) {
	owners := make([]int, slotCount)
	for slot := range owners {
		owners[slot] = nobody
	}
	for i, v := range f.views {
		for _, slot := range v.self().Slots {
			if owners[slot] != nobody {
				return nil, fmt.Errorf("shards %d and %d both claim slot %d for now", owners[slot], i, slot)
			}
			owners[slot] = i
		}
	}
	return owners, nil
}

// agreed are the owners once no two claim the same slot.
func (f *former) agreed(ctx context.Context) (owners []int, err error) {
	err = f.look(ctx)
	if err != nil {
		return nil, err
	}
	err = f.await(ctx, func() (string, error) {
		var conflict error
		if owners, conflict = f.owners(); conflict != nil {
			return conflict.Error(), nil
		}
		return "", nil
	})
	return owners, err
}

func (f *former) assign(ctx context.Context) error {
	owners, err := f.agreed(ctx)
	if err != nil {
		return err
	}
	assigned, _ := plan(owners, len(f.nodes))
	for i, slots := range assigned {
		if len(slots) == 0 {
			continue
		}
		if err := f.lock.Held(ctx); err != nil {
			return err
		}
		if err := f.nodes[i].AddSlots(ctx, slots); err != nil {
			return err
		}
		f.log.Info("slots assigned", "step", f.step, "shard", i, "slots", len(slots))
	}
	return nil
}

// awaitWhole waits until every node says that all slots are served.
func (f *former) awaitWhole(ctx context.Context) error {
	return f.await(ctx, func() (string, error) {
		for i, node := range f.nodes {
			info, err := node.Info(ctx)
			if err != nil {
				return "", err
			}
			for field, want := range map[string]string{
				"cluster_state":       "ok",
				"cluster_slots_ok":    strconv.Itoa(slotCount),
				"cluster_known_nodes": strconv.Itoa(len(f.nodes)),
			} {
				if info[field] != want {
					return fmt.Sprintf("shard %d says %s:%s, not %s", i, field, info[field], want), nil
				}
			}
		}
		return "", nil
	})
}

// Open dials the nodes at the addresses.
func Open(addresses []string, password string) ([]Node, func()) {
	nodes := make([]Node, len(addresses))
	for i, address := range addresses {
		nodes[i] = Dial(strings.TrimSpace(address), password)
	}
	return nodes, func() {
		for _, node := range nodes {
			_ = node.Close() // nothing is written at the end
		}
	}
}
