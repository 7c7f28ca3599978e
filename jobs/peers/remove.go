package peers

import (
	"context"
	"fmt"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// remove removes one peer after the other. Each time the cluster is looked at
// anew, so that a run that was cut off is gone on with by the next.
func (w *work) remove(ctx context.Context) error {
	for {
		c, err := w.settled(ctx)
		if err != nil {
			return err
		}
		surplus := c.surplus()
		if len(surplus) == 0 {
			w.Log.Info("no peer is left above the wanted count", "replicas", w.config.Replicas)
			return nil
		}
		if victim := surplus[0]; victim == c.leader {
			err = w.soon(ctx, "have "+victim+" step down", func(ctx context.Context) error { return w.stepDown(ctx, victim) })
		} else {
			err = w.soon(ctx, "remove "+victim, func(ctx context.Context) error { return w.removePeer(ctx, victim) })
		}
		if err != nil {
			return err
		}
	}
}

// settled are the members once the next of them may go.
func (w *work) settled(ctx context.Context) (c *cluster, err error) {
	var applied uint64
	err = w.soon(ctx, "ask the leader how far it is", func(ctx context.Context) (err error) {
		applied, err = w.applied(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = w.soon(ctx, "wait until the peers that stay are healthy", func(ctx context.Context) (err error) {
		if c, err = w.examined(ctx, applied); err != nil {
			return err
		}
		return c.ready()
	})
	return c, err
}

// removePeer removes a peer and waits until OpenBao no longer counts it.
func (w *work) removePeer(ctx context.Context, id string) error {
	c, err := w.members(ctx)
	if err != nil {
		return err
	}
	if _, member := c.voters[id]; !member {
		w.Event(ctx, "PeerRemoved", "raft peer "+id+" is removed")
		return nil
	}
	if id == c.leader {
		return nil // it was elected meanwhile, and steps down first
	}
	_, err = w.client.Logical().WriteWithContext(ctx, "sys/storage/raft/remove-peer", map[string]any{"server_id": id})
	if err != nil {
		return err
	}
	return run.Later(fmt.Errorf("%s was told to go", id))
}

// stepDown waits until another peer leads.
func (w *work) stepDown(ctx context.Context, id string) error {
	c, err := w.members(ctx)
	if err != nil {
		return err
	}
	if c.leader != id {
		return nil
	}
	if _, err := w.client.Logical().WriteWithContext(ctx, "sys/step-down", nil); err != nil {
		return err
	}
	return run.Later(fmt.Errorf("%s was told to step down", id))
}
