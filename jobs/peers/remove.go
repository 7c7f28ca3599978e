package peers

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
			err = w.soon(ctx, "have "+victim+" step down", w.stepDown(victim))
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

const (
	// stepDownTime is how long a leader may take to step down.
	stepDownTime = 15 * time.Second
	// endTime is how long its pod then has to end, in seconds.
	endTime = 15
)

// stepDown has the leader step down, and waits until another peer leads. One that
// does not is ended: its pod comes back, as a follower in general, and goes like
// the others. One that comes back and leads has as long again.
func (w *work) stepDown(id string) func(context.Context) error {
	var since time.Time
	return func(ctx context.Context) error {
		c, err := w.members(ctx)
		if err != nil || c.leader != id {
			return err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) > stepDownTime {
			if err := w.end(ctx, id); err != nil {
				return err
			}
			since = time.Time{}
			return run.Later(fmt.Errorf("%s did not step down, and its pod ends", id))
		}
		if _, err := w.client.Logical().WriteWithContext(ctx, "sys/step-down", nil); err != nil {
			return err
		}
		return run.Later(fmt.Errorf("%s was told to step down", id))
	}
}

// end deletes the pod of a leader that does not step down. OpenBao answers a
// step-down before anybody has read it; where two unsealed a server at once while
// it joined, the loop that leads is not the one that reads it.
func (w *work) end(ctx context.Context, pod string) error {
	why := fmt.Sprintf("%s leads, and has not stepped down within %s: it hangs, or was unsealed by two at once while it joined: its pod is deleted, and another leads meanwhile", pod, stepDownTime)
	w.Log.Warn(why)
	w.Warn(ctx, "StepDownNotTaken", why)
	grace := int64(endTime)
	err := w.Kubernetes.CoreV1().Pods(w.Namespace).Delete(ctx, pod, metav1.DeleteOptions{GracePeriodSeconds: &grace})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
