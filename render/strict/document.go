package strict

import (
	"bytes"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// Document is one Kubernetes object as it was written.
type Document struct {
	File string
	Raw  []byte // its exact text, comments included, without --- separators

	APIVersion, Kind string // never empty
	Namespace, Name  string // of its metadata; empty when absent
	// Implied says, by its path, what sets a field that is absent, such as "the
	// application's destination".
	Implied map[string]string

	root     *yaml.Node // a tidied mapping
	overlays []*Document
}

// Text is the document as it was written, as one of a stream.
func (d *Document) Text() []byte {
	text := append([]byte("---\n"), d.Raw...)
	if !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	return text
}

// identify fills in which object this is, and reports whether it is one.
func (d *Document) identify(r *report) bool {
	if d.root.Kind != yaml.MappingNode {
		r.fault(d.root, "a document must be a mapping"+got(d.root), "")
		return false
	}
	text := func(n *yaml.Node, name string) string {
		if v := entry(n, name); v != nil && v.Kind == yaml.ScalarNode && v.Tag == stringTag {
			return v.Value
		}
		return ""
	}
	d.APIVersion, d.Kind = text(d.root, "apiVersion"), text(d.root, "kind")
	if metadata := entry(d.root, "metadata"); metadata != nil {
		d.Namespace, d.Name = text(metadata, "namespace"), text(metadata, "name")
	}
	for _, name := range []string{"apiVersion", "kind"} {
		r.enter(name)
		v := entry(d.root, name)
		switch {
		case v == nil || v.Tag == nullTag || v.Tag == stringTag && v.Value == "":
			r.fault(d.root, "is required", "")
		case v.Kind != yaml.ScalarNode || v.Tag != stringTag:
			r.fault(v, "must be a string"+got(v), quoteHint(v))
		}
		r.leave()
	}
	return d.APIVersion != "" && d.Kind != ""
}

// entry returns the value at name in a mapping, nil if there is none.
func entry(n *yaml.Node, name string) *yaml.Node {
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

// Position returns where the field at path stands, path being written as
// k8s field.Path does: a.b[0].c, or a.b[key with dots].c. It is the place of
// the key, or of the value in a list. An absent field is where its nearest
// present parent is.
func (d *Document) Position(path string) Position {
	if position, ok := d.overlaid(path); ok {
		return position
	}
	at, _, _ := d.reach(path)
	return Position{d.File, at.Line, at.Column}
}

// reach goes along path as far as the document does: to a place and what stands
// there. The rest of the path is not written.
func (d *Document) reach(path string) (at, value *yaml.Node, rest string) {
	at, value = d.root, d.root
	for path != "" {
		next, inner, used := child(value, path)
		if used == 0 {
			break
		}
		at, value, path = next, inner, path[used:]
	}
	return at, value, path
}

// Scalar returns what is written at path, and whether anything is: a null is nothing.
// The text is empty where that is no scalar.
func (d *Document) Scalar(path string) (text string, written bool) {
	for i := len(d.overlays) - 1; i >= 0; i-- {
		if text, written := d.overlays[i].Scalar(path); written {
			return text, true
		}
	}
	_, value, rest := d.reach(path)
	if rest != "" || value.Tag == nullTag {
		return "", false
	}
	return value.Value, true
}

// listItem is a step of a path into a list.
var listItem = regexp.MustCompile(`\[[0-9]+\]`)

// Written returns path, or the list that path leads into where the document has
// no such item: nobody wrote the item, and a message about it would puzzle.
func (d *Document) Written(path string) string {
	if _, ok := d.overlaid(path); ok {
		return path
	}
	_, _, rest := d.reach(path)
	if item := listItem.FindStringIndex(rest); item != nil {
		return path[:len(path)-len(rest)+item[0]]
	}
	return path
}

// Given returns the path of each value that the document sets, in its order.
// Those are scalars, and mappings and lists that are empty; a null sets
// nothing. What a merge key brings comes last in its mapping, and what is laid
// over the document last of all.
func (d *Document) Given() []string {
	var paths []string
	var steps []step
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Tag == nullTag {
			return
		}
		if len(n.Content) == 0 {
			paths = append(paths, pathOf(steps))
			return
		}
		steps = append(steps, step{index: -1})
		last := len(steps) - 1
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i < len(n.Content); i += 2 {
				steps[last].key = n.Content[i].Value
				walk(n.Content[i+1])
			}
		case yaml.SequenceNode:
			for i, item := range n.Content {
				steps[last].index = i
				walk(item)
			}
		}
		steps = steps[:last]
	}
	walk(d.root)
	for _, fields := range d.overlays {
		paths = append(paths, fields.Given()...)
	}
	return paths
}

// Value returns the whole document as map[string]any, with values of the types
// that JSON has: map[string]any, []any, string, bool, int64 (float64 where it
// does not fit), float64 and nil. Each call returns a new copy.
func (d *Document) Value() any {
	return plainValue(d.root)
}
