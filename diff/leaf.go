package diff

import (
	"maps"
	"slices"
	"strconv"
)

// leaf is a single value that changes, however large the change is that it is
// part of.
type leaf struct {
	change   *Change
	inside   bool // of an embedded document, below the path of the text
	segments []string
	old, now any
}

// leaves are the single values of changes.
func leaves(changes []Change) []leaf {
	var all []leaf
	for i := range changes {
		c := &changes[i]
		all = append(all, spread(leaf{change: c, segments: c.Path.segments(), old: c.Old, now: c.New}, c.Op)...)
		if c.Inside == nil {
			continue
		}
		for _, l := range leaves(c.Inside.Changes) {
			l.change, l.inside = c, true
			all = append(all, l)
		}
	}
	return all
}

func spread(l leaf, op Op) []leaf {
	var all []leaf
	switch op {
	case Add:
		walk(l.segments, l.now, func(s []string, v any) { all = append(all, leaf{l.change, false, s, nil, v}) })
	case Remove:
		walk(l.segments, l.old, func(s []string, v any) { all = append(all, leaf{l.change, false, s, v, nil}) })
	case Replace:
		if scalar(l.old) && scalar(l.now) {
			return []leaf{l}
		}
		return append(spread(l, Remove), spread(l, Add)...)
	default:
		all = append(all, l)
	}
	return all
}

// walk visits what has no parts below v.
func walk(segments []string, v any, visit func([]string, any)) {
	below := func(segment string, v any) {
		walk(append(segments[:len(segments):len(segments)], segment), v, visit)
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			visit(segments, v)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			below(key, v[key])
		}
	case []any:
		if len(v) == 0 {
			visit(segments, v)
		}
		for i, item := range v {
			segment := strconv.Itoa(i)
			if name, ok := at(item, "name").(string); ok {
				segment = name
			}
			below(segment, item)
		}
	default:
		visit(segments, v)
	}
}
