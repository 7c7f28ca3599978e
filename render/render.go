// Package render turns a stack's spec into its manifests. Rendering is a pure
// function: no network, clock, randomness, environment or cluster.
package render

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Component is one part of the stack.
type Component struct {
	Name string
	// Stage of every object that names none with StageAnnotation.
	Stage Stage
	// Enabled tells whether a stack has the component; nil means always.
	Enabled func(*Stack) bool
	// Build returns the component's objects. It has no context and no client:
	// its signature shows that it is pure.
	Build func(*Stack) ([]runtime.Object, error)
}

// Manifests are the objects of one stack, in the order in which they are written.
type Manifests []*unstructured.Unstructured

// Render turns a stack into its manifests.
func Render(s *Stack, components []Component) (Manifests, error) {
	objects, err := build(s, components)
	if err != nil {
		return nil, err
	}
	identify(s, objects)
	fit(s, objects)
	mesh(s, objects)
	if objects, err = patch(s, objects); err != nil {
		return nil, err
	}
	if err := pin(s.lock, objects); err != nil {
		return nil, err
	}
	guard(objects)
	if err := checksums(objects); err != nil {
		return nil, err
	}
	if objects, err = nameByContent(objects); err != nil {
		return nil, err
	}
	if err := annotate(objects); err != nil {
		return nil, err
	}
	return sorted(objects)
}

func build(s *Stack, components []Component) (Manifests, error) {
	var objects Manifests
	var faults []error
	for _, c := range components {
		if c.Enabled != nil && !c.Enabled(s) {
			continue
		}
		built, err := c.Build(s)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.Name, err))
			continue
		}
		for _, o := range built {
			u, err := toUnstructured(o)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			if stageOf(u) == "" {
				setAnnotation(u, StageAnnotation, c.Stage.String())
			}
			objects = append(objects, u)
		}
	}
	return objects, errors.Join(faults...)
}

func toUnstructured(o runtime.Object) (*unstructured.Unstructured, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return nil, err
		}
		u = &unstructured.Unstructured{Object: content}
	}
	delete(u.Object, "status")
	return u, nil
}
