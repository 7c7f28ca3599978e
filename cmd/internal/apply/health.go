package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/plugin/flux"
	"github.com/banhbaoring/banhbaoring/status"
)

// health is what an object says of itself, by the rules of Flux.
type health struct {
	ready, failed bool
	message       string
}

// healthOf judges by kstatus, but for what that calls ready too early: a Job that
// runs, and an operator's object that the operator has not seen.
func healthOf(u *unstructured.Unstructured) health {
	result, err := kstatus.Compute(u)
	if err != nil {
		return health{message: err.Error()}
	}
	h := health{ready: result.Status == kstatus.CurrentStatus, failed: result.Status == kstatus.FailedStatus, message: result.Message}
	switch {
	case u.GetKind() == "Job":
		h.ready, h.message = conditionOf(u, "Complete") == "True", jobState(u)
	case flux.TellsReady(u.GetAPIVersion(), u.GetKind()):
		h.ready = conditionOf(u, "Ready") == "True"
	}
	if h.message == "" {
		h.message = "not ready"
	}
	return h
}

// jobState is what a Job that has not completed does.
func jobState(u *unstructured.Unstructured) string {
	var job batchv1.Job
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &job); err != nil {
		return err.Error()
	}
	return status.JobState(&job)
}

func conditionOf(u *unstructured.Unstructured, kind string) string {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == kind {
			value, _ := c["status"].(string)
			return value
		}
	}
	return ""
}

// wait waits until every object of a stage is healthy, and tells what it waits
// for, and why, whenever that changes.
func (a *Applier) wait(ctx context.Context, s Stage) error {
	if !s.Waits {
		return nil
	}
	start := time.Now()
	limit, stop := context.WithTimeout(ctx, s.Timeout)
	defer stop()
	var told string
	missing := s.Objects
	for {
		var waits []waiting
		var err error
		missing, waits, err = a.look(limit, missing)
		if err != nil && ctx.Err() == nil && limit.Err() == nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if err == nil && len(missing) == 0 {
			if took := time.Since(start).Round(time.Second); took > 0 {
				a.Tell("%s: ready after %s", s.Name, took)
			}
			return nil
		}
		if slices.ContainsFunc(waits, func(w waiting) bool { return w.failed }) {
			return a.notReady(ctx, s, waits, "failed")
		}
		if now := a.describe(limit, s.Name, waits); now != told && err == nil {
			told = now
			a.Tell("%s", now)
		}
		select {
		case <-limit.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("%s: interrupted; what is applied stays, and the same command goes on", s.Name)
			}
			ask, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			_, waits, _ := a.look(ask, missing)
			return a.notReady(ctx, s, waits, "not ready after "+s.Timeout.String())
		case <-time.After(a.Interval):
		}
	}
}

// waiting is an object that is not healthy.
type waiting struct {
	object *unstructured.Unstructured // as the cluster has it
	health
}

func (w waiting) String() string {
	return fmt.Sprintf("%s %s: %s", w.object.GetKind(), w.object.GetName(), status.OneLine(w.message))
}

// look returns those of the objects that are not healthy.
func (a *Applier) look(ctx context.Context, objects []*unstructured.Unstructured) (missing []*unstructured.Unstructured, waits []waiting, err error) {
	for _, u := range objects {
		live, err := a.get(ctx, u)
		switch {
		case err != nil:
			return objects, nil, err
		case live == nil:
			missing, waits = append(missing, u), append(waits, waiting{u, health{failed: true, message: "somebody deleted it"}})
			continue
		}
		if h := healthOf(live); !h.ready {
			missing, waits = append(missing, u), append(waits, waiting{live, h})
		}
	}
	return missing, waits, nil
}

// describe is one message: what is waited for, and below it what is known of why.
func (a *Applier) describe(ctx context.Context, stage string, waits []waiting) string {
	var text strings.Builder
	for i, w := range waits {
		if i > 0 {
			text.WriteByte('\n')
		}
		fmt.Fprintf(&text, "%s: waiting for %s", stage, w)
		for _, reason := range a.reasons(ctx, w.object) {
			fmt.Fprintf(&text, "\n%s:   %s", stage, reason)
		}
	}
	return text.String()
}

func (a *Applier) notReady(ctx context.Context, s Stage, waits []waiting, why string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	lines := []string{fmt.Sprintf("stage %s is %s: later stages were not applied", s.Name, why)}
	if s.Joins {
		lines[0] = fmt.Sprintf("stage %s is %s", s.Name, why)
	}
	for _, w := range waits {
		lines = append(lines, "  "+w.String())
		for _, reason := range a.reasons(ctx, w.object) {
			lines = append(lines, "    "+reason)
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}
