// Package run is what all Jobs share: steps that are logged and retried, a total
// deadline, the Lease that lets one run work at a time, Events, the clients of
// Kubernetes and OpenBao, and exit codes.
package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Deadline is how long a run may take. The Job starts another one after it, so
// that it bounds how long a hanging connection goes unnoticed, not the work.
const Deadline = 15 * time.Minute

// World is what a Job reaches outside of itself.
type World struct {
	// Kubernetes is the API server, with the Job's own service account.
	Kubernetes *rest.Config
	// Pod is the one that the Job runs in. Its name stands in the Lease, so that
	// a container that is started again goes on where the last one was killed.
	Pod Pod
	// TrustFile holds the certificates of those who may sign OpenBao's.
	TrustFile string
	// TokenFile holds the service account token that OpenBao is shown.
	TokenFile string
	// OpenBao changes what a client of OpenBao sends its requests with, if set.
	OpenBao func(*http.Client)
	Log     *slog.Logger
	// Deadline is how long the run may take; the constant's when it is 0.
	Deadline time.Duration
	// Notice is how long a step waits before an Event says so; the constant's when
	// it is 0.
	Notice time.Duration
}

// Pod is a pod's identity.
type Pod struct{ Name, UID string }

// Session is one run of a Job.
type Session struct {
	Log        *slog.Logger
	Namespace  string
	Kubernetes kubernetes.Interface

	job   string
	world World
}

// TrustFile holds the certificates of those who may sign inside the stack.
func (s *Session) TrustFile() string { return s.world.TrustFile }

// Work is a Job's own part.
type Work func(context.Context, *Session) error

// Do runs a Job in a namespace: alone, within the deadline. Its error has an
// exit code, see Code.
func (w World) Do(ctx context.Context, job, namespace string, work Work) error {
	s := &Session{Log: w.Log.With("job", job), Namespace: namespace, job: job, world: w}
	config := rest.CopyConfig(w.Kubernetes)
	config.QPS = -1 // the API server says itself when it is too much
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	s.Kubernetes = client
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(w.Deadline, Deadline), errDeadline)
	defer cancel()

	start := time.Now()
	err = s.alone(ctx, work)
	took := time.Since(start).Round(time.Millisecond)
	if err == nil {
		s.Log.Info("done", "seconds", took.Seconds())
		s.Event(ctx, "Completed", "done after "+took.String())
		return nil
	}
	if errors.Is(context.Cause(ctx), errDeadline) {
		err = fmt.Errorf("%w: %w", errDeadline, err)
	}
	s.Log.Error(line(err), "seconds", took.Seconds(), "exit", Code(err))
	s.Warn(ctx, "Failed", line(err))
	return err
}
