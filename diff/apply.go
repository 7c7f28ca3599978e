package diff

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Apply turns the base's objects into the head's, in no particular order. It
// needs of the report what JSON holds, and leaves the objects of the base alone.
func Apply(base []*unstructured.Unstructured, r *Report) ([]*unstructured.Unstructured, error) {
	objects := map[ID]int{}
	all := make([]*unstructured.Unstructured, len(base))
	for i, u := range base {
		tree, _ := normal(u.Object).(map[string]any)
		all[i] = &unstructured.Unstructured{Object: tree}
		objects[exact(u)] = i
	}
	for _, o := range r.Objects {
		if o.Action == Create {
			u, err := patched(nil, o.Changes)
			if err != nil {
				return nil, err
			}
			all = append(all, u)
			continue
		}
		i, ok := objects[ID{o.Group, o.Kind, o.Namespace, o.BaseName}]
		if !ok {
			return nil, fmt.Errorf("the base has no %s %s", o.Kind, o.BaseName)
		}
		u, err := patched(all[i].Object, o.Changes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.ID, err)
		}
		all[i] = u
	}
	return slices.DeleteFunc(all, func(u *unstructured.Unstructured) bool { return u == nil }), nil
}

// patched applies the changes in their order; nil is left of an object that goes.
func patched(tree any, changes []Change) (*unstructured.Unstructured, error) {
	for _, c := range changes {
		var err error
		if tree, err = c.apply(tree, c.Path); err != nil {
			return nil, err
		}
	}
	object, _ := tree.(map[string]any)
	if object == nil {
		return nil, nil
	}
	return &unstructured.Unstructured{Object: object}, nil
}

// apply returns what becomes of v, below which path leads to the change.
func (c Change) apply(v any, path Path) (any, error) {
	if len(path) == 0 {
		return c.result(v)
	}
	step, last := path[0], len(path) == 1
	switch v := v.(type) {
	case map[string]any:
		if last && c.Op == Remove {
			delete(v, step.Field)
			return v, nil
		}
		child, err := c.apply(v[step.Field], path[1:])
		v[step.Field] = child
		return v, err
	case []any:
		i := step.find(v)
		switch {
		case last && c.Op == Add:
			return append(v, normal(c.New)), nil
		case i < 0:
			return nil, fmt.Errorf("there is no %s", c.Path)
		case last && c.Op == Remove:
			return slices.Delete(v, i, i+1), nil
		}
		child, err := c.apply(v[i], path[1:])
		v[i] = child
		return v, err
	}
	return nil, fmt.Errorf("there is no %s", c.Path)
}

func (c Change) result(v any) (any, error) {
	switch c.Op {
	case Add, Replace:
		return normal(c.New), nil
	case Remove:
		return nil, nil
	}
	old, ok := v.([]any)
	if !ok || len(old) != len(c.Places) {
		return nil, fmt.Errorf("%s is no list of %d elements", c.Path, len(c.Places))
	}
	ordered := make([]any, len(old))
	for i, place := range c.Places {
		if place < 0 || place >= len(old) {
			return nil, fmt.Errorf("%s has no element %d", c.Path, place)
		}
		ordered[i] = old[place]
	}
	return ordered, nil
}

// find is the place of the step's element in a list, -1 where it is not there.
func (s Step) find(list []any) int {
	if s.Index != nil {
		if *s.Index < 0 || *s.Index >= len(list) {
			return -1
		}
		return *s.Index
	}
	return slices.IndexFunc(list, func(v any) bool {
		if s.By != "" {
			return equal(at(v, strings.Split(s.By, ".")...), normal(s.Key))
		}
		return equal(v, normal(s.Value))
	})
}
