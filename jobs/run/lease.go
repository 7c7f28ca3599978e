package run

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// A run that is killed keeps its Lease for this long from others; the same pod
// takes it back at once.
const (
	leaseDuration = 30 * time.Second
	renewDeadline = 20 * time.Second
	retryPeriod   = 2 * time.Second
)

var errLease = errors.New("the Lease was taken by another run, or could not be renewed")

// lock remembers whether it was ever held.
type lock struct {
	resourcelock.Interface
	held bool
}

// RecordEvent is called when the lock is taken and when it is given up.
func (l *lock) RecordEvent(string) { l.held = true }

// alone does the work while it holds the Job's Lease, and is cut off when it
// loses it.
func (s *Session) alone(ctx context.Context, work Work) error {
	lease := &lock{Interface: &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: "banhbaoring-" + s.job, Namespace: s.Namespace},
		Client:     s.Kubernetes.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: s.world.Pod.Name},
	}}
	ctx, finish := context.WithCancel(klog.NewContext(ctx, logr.FromSlogHandler(warnings{s.Log.Handler()})))
	defer finish()
	done := make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lease, ReleaseOnCancel: true,
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(held context.Context) {
				defer finish()
				done <- work(held, s)
			},
			OnStoppedLeading: func() {},
			OnNewLeader: func(holder string) {
				if holder != s.world.Pod.Name && holder != "" {
					s.Log.Info("waiting for another run", "holder", holder)
				}
			},
		},
	})
	if err != nil {
		return err
	}
	elector.Run(ctx) // until the work has finished, the Lease is lost or the context ends
	switch lost := ctx.Err() == nil; {
	case !lease.held:
		return context.Cause(ctx)
	case lost:
		return errors.Join(errLease, <-done)
	}
	return <-done
}

// warnings lets through what is worth reading of a library's log.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}
