//go:build integration

package run_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// world is one of a pod.
func world(t *testing.T, k *realtest.Kubernetes, pod string) (run.World, *strings.Builder) {
	t.Helper()
	log := &strings.Builder{}
	return run.World{
		Kubernetes: k.Config,
		Pod:        run.Pod{Name: pod, UID: "11111111-1111-4111-8111-111111111111"},
		Log:        slog.New(slog.NewJSONHandler(log, nil)),
	}, log
}

func TestRunsTakeTurns(t *testing.T) {
	k := realtest.NewKubernetes(t)
	var mutex sync.Mutex
	working := 0
	work := func(context.Context, *run.Session) error {
		mutex.Lock()
		working++
		if working > 1 {
			t.Error("two at a time")
		}
		mutex.Unlock()
		time.Sleep(time.Second)
		mutex.Lock()
		working--
		mutex.Unlock()
		return nil
	}
	var all sync.WaitGroup
	for _, pod := range []string{"one", "two", "three"} {
		w, log := world(t, k, pod)
		all.Go(func() {
			if err := w.Do(t.Context(), "probe", k.Namespace, work); err != nil {
				t.Errorf("%v\n%s", err, log)
			}
		})
	}
	all.Wait()
}

func TestTheSamePodTakesItsLeaseBack(t *testing.T) {
	k := realtest.NewKubernetes(t)
	w, _ := world(t, k, "one")
	entered := make(chan struct{})
	ctx, kill := context.WithCancel(t.Context())
	go func() {
		_ = w.Do(ctx, "probe", k.Namespace, func(context.Context, *run.Session) error {
			close(entered)
			select {} // it never ends by itself, and never gives the Lease back
		})
	}()
	<-entered
	defer kill()
	again := make(chan error, 1)
	go func() {
		again <- w.Do(t.Context(), "probe", k.Namespace, func(context.Context, *run.Session) error { return nil })
	}()
	select {
	case err := <-again:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(25 * time.Second): // the Lease would have run out only later
		t.Error("the same pod waits for itself")
	}
}

func TestALostLeaseEndsTheWork(t *testing.T) {
	k := realtest.NewKubernetes(t)
	w, _ := world(t, k, "one")
	err := w.Do(t.Context(), "probe", k.Namespace, func(ctx context.Context, _ *run.Session) error {
		thief, now := "thief", metav1.NowMicro()
		err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
			leases := k.CoordinationV1().Leases(k.Namespace)
			lease, err := leases.Get(ctx, "banhbaoring-probe", metav1.GetOptions{})
			if err != nil {
				return err
			}
			lease.Spec.HolderIdentity, lease.Spec.RenewTime = &thief, &now
			_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
			return err
		})
		if err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if err == nil || !strings.Contains(err.Error(), "the Lease was taken by another run") {
		t.Errorf("got %v", err)
	}
}

func TestALongWaitIsToldInOneEvent(t *testing.T) {
	k := realtest.NewKubernetes(t)
	w, log := world(t, k, "one")
	w.Notice = 2 * time.Second
	start := time.Now()
	err := w.Do(t.Context(), "probe", k.Namespace, func(ctx context.Context, s *run.Session) error {
		short := true
		if err := s.Step(ctx, "short", func(context.Context) error {
			if short {
				short = false
				return run.Later(errors.New("a moment"))
			}
			return nil
		}); err != nil {
			return err
		}
		return s.Step(ctx, "long", func(context.Context) error {
			if waited := time.Since(start); waited < 8*time.Second {
				return run.Later(fmt.Errorf("not after %s", waited.Round(time.Second)))
			}
			return nil
		})
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	events, err := k.EventsV1().Events(k.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range events.Items {
		if e.Reason == "Waiting" {
			told = append(told, e.Type+" "+e.Note)
		}
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "Warning long: not after ") {
		t.Errorf("told: %q", told)
	}
}

func TestAFaultIsLoggedAndTold(t *testing.T) {
	k := realtest.NewKubernetes(t)
	w, log := world(t, k, "one")
	attempts := 0
	err := w.Do(t.Context(), "probe", k.Namespace, func(ctx context.Context, s *run.Session) error {
		return s.Step(ctx, "mend", func(context.Context) error {
			if attempts++; attempts < 3 {
				return run.Later(errors.New("not yet"))
			}
			return run.ByHand(errors.New("choose one of the two"))
		})
	})
	if run.Code(err) != run.CodeByHand || attempts != 3 {
		t.Errorf("code %d after %d attempts", run.Code(err), attempts)
	}
	for _, want := range []string{`"step":"mend"`, `"reason":"mend: not yet"`, `"msg":"mend: choose one of the two"`, `"exit":3`, `"job":"probe"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in\n%s", want, log)
		}
	}
	if strings.Count(log.String(), "not yet") != 1 {
		t.Errorf("a wait is told more than once:\n%s", log)
	}
	events, err := k.EventsV1().Events(k.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(events.Items) != 1 || !tells(events.Items[0]) {
		t.Errorf("events: %+v", events.Items)
	}
}

func tells(e eventsv1.Event) bool {
	return e.Type == "Warning" && e.Reason == "Failed" && e.Note == "mend: choose one of the two" && e.Regarding.Name == "one"
}
