package strict

import (
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// step leads from a value to one inside it: to the entry of a mapping, or to
// the item of a list.
type step struct {
	key   string
	index int // of a list item; -1 for a mapping's entry
}

// pathOf writes steps as k8s field.Path does: spec.patches[0].target, and
// metadata.labels[app.kubernetes.io/name] for a key that a dot would split.
func pathOf(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		switch {
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case !plainKey(s.key):
			b.WriteString("[" + printable(s.key) + "]")
		case i > 0:
			b.WriteString("." + s.key)
		default:
			b.WriteString(s.key)
		}
	}
	return b.String()
}

// plainKey reports whether key can stand between dots.
func plainKey(key string) bool {
	return key != "" && !strings.ContainsAny(key, ".[]") && printable(key) == key
}

// printable returns key, quoted if it would not print on one line.
func printable(key string) string {
	for _, r := range key {
		if !unicode.IsPrint(r) {
			return strconv.Quote(key)
		}
	}
	return key
}

// child finds the part of n that path begins with. at is the node to point at
// (the key of an entry, or the item itself) and used is how much of path it
// takes; used is 0 when n has no such part.
func child(n *yaml.Node, path string) (at, value *yaml.Node, used int) {
	switch n.Kind {
	case yaml.SequenceNode:
		inner, _, closed := strings.Cut(strings.TrimPrefix(path, "["), "]")
		index, err := strconv.Atoi(inner)
		if path[0] != '[' || !closed || err != nil || index < 0 || index >= len(n.Content) {
			return nil, nil, 0
		}
		item := n.Content[index]
		return item, item, len(inner) + len("[]")
	case yaml.MappingNode:
		// A key may hold dots and brackets, so the longest that fits is meant.
		for i := 0; i < len(n.Content); i += 2 {
			if length := match(path, n.Content[i].Value); length > used {
				at, value, used = n.Content[i], n.Content[i+1], length
			}
		}
	}
	return at, value, used
}

// match returns how much of path names key, as .key or [key]; 0 if none does.
func match(path, key string) int {
	if inner, bracketed := strings.CutPrefix(path, "["); bracketed {
		for _, name := range []string{key, printable(key)} {
			if rest, ok := strings.CutPrefix(inner, name); ok && strings.HasPrefix(rest, "]") && boundary(rest[1:]) {
				return len(path) - len(rest) + 1
			}
		}
		return 0
	}
	rest, ok := strings.CutPrefix(strings.TrimPrefix(path, "."), key)
	if !ok || key == "" || !boundary(rest) {
		return 0
	}
	return len(path) - len(rest)
}

// boundary reports whether a step of a path may end before rest.
func boundary(rest string) bool {
	return rest == "" || rest[0] == '.' || rest[0] == '['
}
