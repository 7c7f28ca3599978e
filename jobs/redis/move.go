package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// batch is the number of keys that move at once: while they do, their node
// answers nobody else.
const batch = 50

// move spreads the slots evenly.
func (f *former) move(ctx context.Context) error {
	owners, err := f.agreed(ctx)
	if err != nil {
		return err
	}
	_, moves := plan(owners, len(f.nodes))
	start, keys := time.Now(), 0
	for n, m := range moves {
		moved, err := f.moveSlot(ctx, m)
		if err != nil {
			return err
		}
		keys += moved
		if done := n + 1; done%256 == 0 || done == len(moves) {
			f.log.Info("moving slots", "step", f.step, "progress", fmt.Sprintf("%d/%d", done, len(moves)), "keys", keys, "duration", since(start))
		}
	}
	return nil
}

// moveSlot moves one slot and its keys. Each of its commands may be given
// again. Source: redis.io, commands/cluster-setslot.
func (f *former) moveSlot(ctx context.Context, m move) (keys int, err error) {
	if err := f.lock.Held(ctx); err != nil {
		return 0, err
	}
	from, to := f.views[m.from].self(), f.views[m.to].self()
	// The receiver first: the sender's redirections must find it willing.
	if err := f.nodes[m.to].Import(ctx, m.slot, from.ID); err != nil {
		return 0, err
	}
	if err := f.nodes[m.from].Migrate(ctx, m.slot, to.ID); err != nil {
		return 0, err
	}
	for {
		names, err := f.nodes[m.from].KeysInSlot(ctx, m.slot, batch)
		if err != nil {
			return keys, err
		}
		if len(names) == 0 {
			break
		}
		if err := f.nodes[m.from].Send(ctx, to.Endpoint, names); err != nil {
			return keys, err
		}
		keys += len(names)
	}
	// The receiver first, again: only it takes a new epoch, with which its
	// claim beats the sender's.
	if err := f.nodes[m.to].SetOwner(ctx, m.slot, to.ID); err != nil {
		return keys, err
	}
	return keys, f.nodes[m.from].SetOwner(ctx, m.slot, to.ID)
}

// finishOpen finishes the moves that a killed run began.
func (f *former) finishOpen(ctx context.Context) error {
	owners, err := f.agreed(ctx)
	if err != nil {
		return err
	}
	for i, v := range f.views {
		self := v.self()
		for _, slot := range slices.Sorted(maps.Keys(self.Migrating)) {
			if err := f.finish(ctx, slot, owners, i, f.index(self.Migrating[slot])); err != nil {
				return err
			}
		}
		for _, slot := range slices.Sorted(maps.Keys(self.Importing)) {
			if err := f.finish(ctx, slot, owners, i, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish settles a slot that node holds open on its way to another, or to
// itself.
func (f *former) finish(ctx context.Context, slot int, owners []int, node, to int) error {
	owner := owners[slot]
	switch {
	case to != nobody && owner == to:
		// All has been moved: the sender, or the receiver, has not heard yet.
		if node == to {
			return f.nodes[node].Settle(ctx, slot)
		}
		return f.nodes[node].SetOwner(ctx, slot, f.views[owner].self().ID)
	case to == nobody || owner == nobody:
		// The other end is gone; what is still here is served from here.
		return f.nodes[node].Settle(ctx, slot)
	}
	keys, err := f.moveSlot(ctx, move{slot, owner, to})
	if err != nil {
		return err
	}
	owners[slot] = to
	f.log.Info("open slot finished", "step", f.step, "slot", slot, "from", owner, "to", to, "keys", keys)
	return nil
}
