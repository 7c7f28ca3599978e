// Package apply brings a stack to a cluster as a GitOps engine would: one stage
// after the other, each when those before it are healthy. It has the rights of
// its caller, and keeps nothing in the cluster but the objects and their labels.
package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/render"
)

// Stage is a step: its objects, and how long they may take to be healthy.
type Stage struct {
	Name    string
	Objects []*unstructured.Unstructured
	Timeout time.Duration
	// Waits is false where what the stage holds may be unhealthy for long.
	Waits bool
	// Joins is true where the next stage needs neither this one's objects nor their
	// health: that one could not be applied is told at the end, and it is waited for then.
	Joins bool
}

// Applier applies to one cluster.
type Applier struct {
	cluster
	// Tell is told of each step, a line at a time.
	Tell func(format string, args ...any)
	// Interval is how often the cluster is asked while something is waited for.
	Interval time.Duration
}

// Outcome counts what became of a stack's objects.
type Outcome struct{ Created, Configured, Unchanged, Pruned int }

// String is for the last line.
func (o Outcome) String() string {
	return fmt.Sprintf("%d created, %d configured, %d unchanged, %d pruned", o.Created, o.Configured, o.Unchanged, o.Pruned)
}

// Apply applies the stages in order. With prune, what an earlier render of the
// same stack made in the namespace and these stages do not hold is removed, once
// all of them are healthy.
func (a *Applier) Apply(ctx context.Context, namespace string, stages []Stage, prune bool) (Outcome, error) {
	var total Outcome
	var wanted []*unstructured.Unstructured
	for _, s := range stages {
		wanted = append(wanted, s.Objects...)
	}
	var later []Stage
	var unhealthy []error
	for _, s := range stages {
		if err := a.applyStage(ctx, s, &total); err != nil {
			if !s.Joins {
				return total, err
			}
			unhealthy = append(unhealthy, err)
			continue
		}
		if prune {
			if err := a.replaceJobs(ctx, namespace, s, wanted, &total); err != nil {
				return total, err
			}
		}
		if s.Joins {
			later = append(later, s)
			continue
		}
		if err := a.wait(ctx, s); err != nil {
			return total, err
		}
	}
	for _, s := range later {
		unhealthy = append(unhealthy, a.wait(ctx, s))
	}
	if err := errors.Join(unhealthy...); err != nil {
		return total, err
	}
	if !prune {
		return total, nil
	}
	return total, a.prune(ctx, namespace, wanted, &total)
}

// applyStage applies the objects of a stage, once the server has said of each
// that it would take it: what is refused leaves the stage as it was.
func (a *Applier) applyStage(ctx context.Context, s Stage, total *Outcome) error {
	if err := each(s.Objects, func(_ int, u *unstructured.Unstructured) error { return a.wouldTake(ctx, u) }); err != nil {
		return fmt.Errorf("stage %s is refused, and nothing of it was applied:\n%w", s.Name, err)
	}
	changes := map[change]int{}
	for _, group := range inOrder(s.Objects) {
		made := make([]change, len(group))
		err := each(group, func(i int, u *unstructured.Unstructured) (err error) {
			made[i], err = a.apply(ctx, u)
			return err
		})
		if err != nil {
			return fmt.Errorf("stage %s: %w", s.Name, err)
		}
		for _, c := range made {
			changes[c]++
		}
	}
	o := Outcome{Created: changes[created], Configured: changes[configured], Unchanged: changes[unchanged]}
	a.Tell("%s: %d created, %d configured, %d unchanged", s.Name, o.Created, o.Configured, o.Unchanged)
	total.Created, total.Configured, total.Unchanged = total.Created+o.Created, total.Configured+o.Configured, total.Unchanged+o.Unchanged
	return nil
}

// each does something with every object, a few at a time, and joins the errors.
func each(objects []*unstructured.Unstructured, do func(int, *unstructured.Unstructured) error) error {
	errs := make([]error, len(objects))
	var workers errgroup.Group
	workers.SetLimit(8)
	for i, u := range objects {
		workers.Go(func() error {
			errs[i] = do(i, u)
			return nil
		})
	}
	_ = workers.Wait() // errors are collected, so that all are told
	return errors.Join(errs...)
}

// inOrder groups the objects of a stage: definitions, then namespaces, then what
// may need them.
func inOrder(objects []*unstructured.Unstructured) [][]*unstructured.Unstructured {
	groups := make([][]*unstructured.Unstructured, 3)
	for _, u := range objects {
		switch u.GetKind() {
		case "CustomResourceDefinition":
			groups[0] = append(groups[0], u)
		case "Namespace":
			groups[1] = append(groups[1], u)
		default:
			groups[2] = append(groups[2], u)
		}
	}
	return groups
}

// Stages are a stack's manifests as steps; timeouts says how long each may take.
// What belongs to no stage goes with the first.
func Stages(manifests render.Manifests, foreign []*unstructured.Unstructured, timeouts func(render.Stage) time.Duration) []Stage {
	var stages []Stage
	for _, name := range render.StageNames() {
		stage, err := render.ParseStage(name)
		if err != nil {
			continue
		}
		objects := slices.Clone([]*unstructured.Unstructured(manifests.Only(stage)))
		if len(stages) == 0 {
			objects = append(objects, foreign...)
		}
		if len(objects) == 0 {
			continue
		}
		stages = append(stages, Stage{
			Name: name, Objects: objects, Timeout: timeouts(stage),
			Waits: stage != render.Exposure, Joins: stage >= render.Applications || stage == render.Clients,
		})
	}
	return stages
}
