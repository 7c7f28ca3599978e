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
		var c *cluster
		err := w.soon(ctx, "wait until the peers that stay are healthy", func(ctx context.Context) (err error) {
			if c, err = w.cluster(ctx); err != nil {
				return err
			}
			if err := c.ready(); err != nil {
				return err
			}
			return w.answering(ctx)
		})
		if err != nil {
			return err
		}
		surplus := c.surplus()
		if len(surplus) == 0 {
			w.Log.Info("no peer is left above the wanted count", "replicas", w.config.Replicas)
			return nil
		}
		// The leader goes last: it steps down once, and one that stays follows it.
		victim := surplus[0]
		if victim == c.leader && len(surplus) > 1 {
			victim = surplus[1]
		}
		if victim == c.leader {
			err = w.soon(ctx, "have "+victim+" step down", func(ctx context.Context) error { return w.stepDown(ctx, victim) })
		} else {
			err = w.soon(ctx, "remove "+victim, func(ctx context.Context) error { return w.removePeer(ctx, victim) })
		}
		if err != nil {
			return err
		}
	}
}

// removePeer removes a peer and waits until OpenBao no longer counts it.
func (w *work) removePeer(ctx context.Context, id string) error {
	c, err := w.cluster(ctx)
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
	c, err := w.cluster(ctx)
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

// answering asks the peers that stay themselves: autopilot notices only after ten
// seconds that one is gone (last_contact_threshold), and two others may be gone
// by then.
func (w *work) answering(ctx context.Context) error {
	for _, address := range w.config.Peers {
		client, err := w.OpenBao(address)
		if err != nil {
			return err
		}
		status, err := client.Sys().SealStatusWithContext(ctx)
		switch {
		case err != nil:
			return run.Later(fmt.Errorf("%s: %s does not answer: %w", unhealthy, address, err))
		case status.Sealed:
			return run.Later(fmt.Errorf("%s: %s is sealed", unhealthy, address))
		}
	}
	return nil
}
