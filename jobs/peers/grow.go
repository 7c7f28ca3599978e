package peers

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// grow looks for volumes that removed peers have left. OpenBao joins a cluster
// only without data of its own (vault/raft.go, JoinRaftCluster), so that a peer
// that was removed and finds its old data never takes part again. What raft still
// counts as a member may come back as it is.
func (w *work) grow(ctx context.Context, current int32) error {
	var left []int32
	err := w.Step(ctx, "look for volumes of removed peers", func(ctx context.Context) error {
		left = nil
		for n := current; n < w.config.Replicas; n++ {
			_, err := w.Kubernetes.CoreV1().PersistentVolumeClaims(w.Namespace).Get(ctx, w.claim(n), metav1.GetOptions{})
			switch {
			case err == nil:
				left = append(left, n)
			case !apierrors.IsNotFound(err):
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(left) == 0 {
		w.Log.Info("nothing to do: pods come, and no volume of theirs is left", "replicas", current)
		return nil
	}
	c, err := w.askMembers(ctx, current)
	if err != nil {
		// Its pods may be missing because somebody scaled it by hand: they mend it.
		w.Log.Warn("volumes are left, and OpenBao does not tell whose: its pods may come", "reason", err.Error())
		w.Warn(ctx, "PeersUnknown", "volumes of earlier OpenBao pods are left, and OpenBao does not tell whether they are peers: "+err.Error())
		return nil
	}
	var stale []string
	for _, n := range left {
		if _, member := c.voters[fmt.Sprintf("%s-%d", w.config.StatefulSet, n)]; !member {
			stale = append(stale, w.claim(n))
		}
	}
	if len(stale) == 0 {
		return nil
	}
	return run.ByHand(fmt.Errorf("OpenBao is to have %d replicas, but volumes of removed peers are left, with which they would never join: nothing was changed: "+
		"hint: they hold an old copy of the data, encrypted; let them go, and the Job run again: kubectl delete pvc -n %s %s",
		w.config.Replicas, w.Namespace, strings.Join(stale, " ")))
}

// askMembers asks OpenBao, which may be down, for the peers.
func (w *work) askMembers(ctx context.Context, current int32) (c *cluster, err error) {
	logout, err := w.login(ctx, current)
	if err != nil {
		return nil, err
	}
	defer logout()
	err = w.soon(ctx, "ask for the peers", func(ctx context.Context) (err error) {
		c, err = w.members(ctx)
		return err
	})
	return c, err
}

// dataVolume is the name of the claim that the chart gives each pod.
const dataVolume = "data"

func (w *work) claim(ordinal int32) string {
	return fmt.Sprintf("%s-%s-%d", dataVolume, w.config.StatefulSet, ordinal)
}
