package diff

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// objectName is the merge key of lists of objects.
const objectName = "metadata.name"

// mergeKeys tell apart the elements of lists that no schema describes, the
// most telling first.
var mergeKeys = []string{objectName, "name", "key", "mountPath", "containerPort", "alert", "record", "leader_api_addr", "uid", "id", "refId", "host", "port", "secretName", "path", "topologyKey", "type", "kind"}

// element is one element of a list and what it is known by.
type element struct {
	label string
	step  Step
	value any
}

func (c *comparer) lists(path Path, old, now []any, s schema) {
	if equal(old, now) {
		return
	}
	was, is, ok := identified(old, now, s.mergeKey)
	if !ok {
		c.places(path, old, now, s)
		return
	}
	before, after := index(was), index(is)
	var kept, added []string
	for _, e := range was {
		if _, stays := after[e.label]; stays {
			kept = append(kept, e.label)
		} else {
			c.add(Change{Path: path.with(e.step), Op: Remove, Old: e.value})
		}
	}
	for _, e := range is {
		if i, there := before[e.label]; there {
			c.values(path.with(e.step), was[i].value, e.value, s.element())
		} else {
			added = append(added, e.label)
			c.add(Change{Path: path.with(e.step), Op: Add, New: e.value})
		}
	}
	c.order(path, append(kept, added...), labels(is))
}

// order adds a change where what is kept and added does not stand as in the head.
func (c *comparer) order(path Path, before, after []string) {
	if slices.Equal(before, after) {
		return
	}
	places := make([]int, len(after))
	for i, label := range after {
		places[i] = slices.Index(before, label)
	}
	c.add(Change{Path: path, Op: Order, Old: texts(before), New: texts(after), Places: places})
}

func texts(labels []string) []any {
	list := make([]any, len(labels))
	for i, label := range labels {
		list[i] = label
	}
	return list
}

// places compares lists place by place where they are equally long, or else as
// a whole.
func (c *comparer) places(path Path, old, now []any, s schema) {
	if len(old) != len(now) {
		c.add(Change{Path: path, Op: Replace, Old: old, New: now})
		return
	}
	for i := range old {
		c.values(path.with(Step{Index: &i}), old[i], now[i], s.element())
	}
}

// identified finds what tells the elements of two lists apart: a merge key, or
// their content where one list is longer.
func identified(old, now []any, mergeKey string) (was, is []element, ok bool) {
	keys := mergeKeys
	if mergeKey != "" {
		keys = append([]string{mergeKey}, mergeKeys...)
	}
	for _, key := range keys {
		byKey := func(v any) (Step, bool) {
			value := at(v, strings.Split(key, ".")...)
			return Step{By: key, Key: value}, scalar(value)
		}
		if was, ok = elements(old, byKey); !ok {
			continue
		}
		if is, ok = elements(now, byKey); ok {
			return was, is, true
		}
	}
	byValue := func(v any) (Step, bool) { // of as many, each is compared with the one in its place
		text, _ := v.(string) // of several lines, it is no name
		return Step{Value: v}, v != nil && len(old) != len(now) && !strings.Contains(text, "\n")
	}
	if was, ok = elements(old, byValue); !ok {
		return nil, nil, false
	}
	is, ok = elements(now, byValue)
	return was, is, ok
}

func elements(list []any, step func(any) (Step, bool)) ([]element, bool) {
	all := make([]element, len(list))
	seen := make(map[string]bool, len(list))
	for i, v := range list {
		s, ok := step(v)
		if !ok {
			return nil, false
		}
		label := s.label()
		if seen[label] {
			return nil, false
		}
		seen[label] = true
		all[i] = element{label, s, v}
	}
	return all, true
}

// label tells elements of one list apart; a number is not its digits.
func (s Step) label() string {
	v := s.Key
	if s.By == "" {
		v = s.Value
	}
	if text, ok := v.(string); ok {
		return text
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return "\x00" + string(text)
}

func index(list []element) map[string]int {
	places := make(map[string]int, len(list))
	for i, e := range list {
		places[e.label] = i
	}
	return places
}

func labels(list []element) []string {
	all := make([]string, len(list))
	for i, e := range list {
		all[i] = e.label
	}
	return all
}

func scalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any, nil:
		return false
	}
	return true
}
