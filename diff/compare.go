package diff

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// Op is what happens to a field.
type Op string

// The operations. Order changes a list's order alone.
const (
	Add     Op = "add"
	Remove  Op = "remove"
	Replace Op = "replace"
	Order   Op = "order"
)

// Change is one difference between two objects.
type Change struct {
	Path Path `json:"steps"`
	Op   Op   `json:"op"`
	Old  any  `json:"old,omitempty"`
	New  any  `json:"new,omitempty"`
	// Places give a list its new order: element i of the head is element
	// Places[i] of the base without what is removed, and what is added after it.
	Places []int `json:"places,omitempty"`
	// Noise says why the change means nothing by itself; empty where it does.
	Noise string `json:"noise,omitempty"`
	// Inside are the changes within a text that is a document itself.
	Inside *Inside `json:"inside,omitempty"`
}

// Inside are the changes within an embedded document.
type Inside struct {
	Format  string   `json:"format"`
	Changes []Change `json:"changes"`
}

// comparer gathers the changes between two trees.
type comparer struct {
	changes []Change
	// embedded tells whether texts are looked into: those of a ConfigMap are.
	embedded bool
	// blocks tells that one mapping stands for a list of it, as HCL's do.
	blocks bool
}

func (c *comparer) add(change Change) { c.changes = append(c.changes, change) }

// values compares what stands at path; s knows the merge keys of its lists.
func (c *comparer) values(path Path, old, now any, s schema) {
	switch was := old.(type) {
	case map[string]any:
		if is, ok := now.(map[string]any); ok {
			c.mappings(path, was, is, s)
			return
		}
		if is, ok := now.([]any); ok && c.blocks {
			c.lists(path, []any{was}, is, s)
			return
		}
	case []any:
		if is, ok := now.([]any); ok {
			c.lists(path, was, is, s)
			return
		}
		if is, ok := now.(map[string]any); ok && c.blocks {
			c.lists(path, was, []any{is}, s)
			return
		}
	case string:
		if is, ok := now.(string); ok && was != is && c.embedded {
			c.texts(path, was, is)
			return
		}
	}
	if !equal(old, now) {
		c.add(Change{Path: path, Op: Replace, Old: old, New: now})
	}
}

func (c *comparer) mappings(path Path, old, now map[string]any, s schema) {
	for _, key := range slices.Sorted(maps.Keys(union(old, now))) {
		was, before := old[key]
		is, after := now[key]
		at := path.field(key)
		switch {
		case !before:
			c.add(Change{Path: at, Op: Add, New: is})
		case !after:
			c.add(Change{Path: at, Op: Remove, Old: was})
		default:
			c.values(at, was, is, s.child(key))
		}
	}
}

func union(a, b map[string]any) map[string]bool {
	keys := make(map[string]bool, len(a)+len(b))
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}

// texts compares two texts as the documents that they are, if they are.
func (c *comparer) texts(path Path, old, now string) {
	change := Change{Path: path, Op: Replace, Old: old, New: now}
	format, was, is := parseBoth(path[len(path)-1].Field, old, now)
	if format != "" {
		inner := comparer{blocks: format == "HCL"}
		inner.values(nil, was, is, schema{})
		change.Inside = &Inside{Format: format, Changes: inner.changes}
		if len(inner.changes) == 0 {
			change.Noise = "written differently, and the same " + format
		}
	}
	c.add(change)
}

// equal compares trees of what JSON has.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// normal turns a tree into one of map[string]any, []any, string, bool, nil and
// numbers: int64 where they are whole, float64 elsewhere. It is a deep copy.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		tree := make(map[string]any, len(v))
		for key, value := range v {
			tree[key] = normal(value)
		}
		return tree
	case []any:
		list := make([]any, len(v))
		for i, value := range v {
			list[i] = normal(value)
		}
		return list
	case nil, string, bool, int64:
		return v
	case float64:
		if whole := int64(v); v > -1<<53 && v < 1<<53 && float64(whole) == v {
			return whole
		}
		return v
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole
		}
		number, _ := v.Float64() // of a number that was decoded
		return normal(number)
	default: // typed values of an object that a component built
		text, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		var tree any
		if json.Unmarshal(text, &tree) != nil {
			return nil
		}
		return normal(tree)
	}
}
