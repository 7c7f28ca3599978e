package strict

import (
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"
)

const (
	// maxDepth bounds how deep values nest, aliases included.
	maxDepth = 100
	// maxCopies bounds how many values aliases add to a document, on top of
	// one for each byte of it.
	maxCopies = 100_000
	// maxKey bounds a key, in bytes. It is that of the parser for keys that
	// stand on one line, and well over any name in Kubernetes.
	maxKey = 1024
)

// tidier turns the tree of the parser into a plain one: aliases are replaced
// by what they stand for and merge keys by the entries they bring, keys are
// unique strings, tags are those of tags.go, lines count from the top of the
// file. It reports what has no place in such a tree.
type tidier struct {
	report
	line, column int // added to positions; column only on the first line
	limit        int // of copies
	copies       int // values added by aliases so far
	values       int // values so far, copies included
	anchors      map[*yaml.Node]extent
	refused      bool // the tree is not to be used
}

// extent is the size of a finished subtree.
type extent struct{ values, height int }

func (t *tidier) tidy(root *yaml.Node) *yaml.Node {
	root, _ = t.walk(root)
	return root
}

// refuse records a fault that ends the walk.
func (t *tidier) refuse(n *yaml.Node, message string) {
	if !t.refused {
		t.fault(n, message, "")
	}
	t.refused = true
}

// walk tidies n and returns the node to use in its place, and how many levels
// it spans.
func (t *tidier) walk(n *yaml.Node) (*yaml.Node, int) {
	if n.Line == 1 {
		n.Column += t.column
	}
	n.Line += t.line
	if n.Kind == yaml.AliasNode {
		return t.alias(n)
	}
	before, height := t.values, 1
	t.values++
	t.settleTag(n)
	if len(t.steps) >= maxDepth {
		t.refuse(n, fmt.Sprintf("is nested deeper than %d levels", maxDepth))
	}
	switch {
	case t.refused:
	case n.Kind == yaml.MappingNode:
		height += t.mapping(n)
	case n.Kind == yaml.SequenceNode:
		height += t.sequence(n)
	}
	if n.Anchor != "" {
		if t.anchors == nil {
			t.anchors = map[*yaml.Node]extent{}
		}
		t.anchors[n] = extent{t.values - before, height}
	}
	return n, height
}

func (t *tidier) alias(n *yaml.Node) (*yaml.Node, int) {
	// The anchor stands before its aliases, so it is finished unless this
	// alias is inside it.
	target, finished := t.anchors[n.Alias]
	t.values += target.values
	t.copies += target.values
	switch {
	case !finished:
		t.refuse(n, fmt.Sprintf("alias *%s stands inside the value it repeats", shorten(n.Value)))
	case t.copies > t.limit:
		t.refuse(n, fmt.Sprintf("aliases make the document larger than %d values", t.limit))
	case len(t.steps)+target.height > maxDepth:
		t.refuse(n, fmt.Sprintf("alias *%s nests deeper than %d levels", shorten(n.Value), maxDepth))
	}
	return n.Alias, target.height
}

func (t *tidier) sequence(n *yaml.Node) (height int) {
	for i, item := range n.Content {
		if t.refused {
			return height
		}
		t.item(i)
		resolved, h := t.walk(item)
		t.leave()
		n.Content[i] = resolved
		height = max(height, h)
	}
	return height
}

func (t *tidier) mapping(n *yaml.Node) (height int) {
	entries := entries{pairs: n.Content[:0]} // never ahead of the reading
	var merge *yaml.Node                     // the merge key
	var sources []*yaml.Node                 // the mappings to merge, the first one has precedence
	for i := 0; i+1 < len(n.Content) && !t.refused; i += 2 {
		isMerge := n.Content[i].ShortTag() == mergeTag && n.Content[i].Value == "<<"
		t.enter("")
		key, keyHeight := t.walk(n.Content[i])
		t.steps[len(t.steps)-1].key = shorten(key.Value)
		if len(key.Value) <= maxKey {
			t.steps[len(t.steps)-1].key = key.Value
		}
		value, valueHeight := t.walk(n.Content[i+1])
		height = max(height, keyHeight, valueHeight)

		first, duplicate := entries.find(key.Value)
		switch {
		case t.refused:
		case isMerge && merge != nil:
			t.fault(key, fmt.Sprintf("is set twice, first on line %d", merge.Line), "write <<: [*one, *two]")
		case isMerge:
			merge, sources = key, t.sources(value)
		case key.Kind != yaml.ScalarNode:
			t.fault(key, "a key must be a string"+got(key), "")
		case key.Tag != stringTag:
			t.fault(key, "a key must be a string"+got(key), quoteHint(key))
		case len(key.Value) > maxKey:
			t.fault(key, fmt.Sprintf("a key of %d bytes is over the limit of %d", len(key.Value), maxKey), "")
		case duplicate:
			t.fault(key, fmt.Sprintf("is set twice, first on line %d", first.Line), "")
		default:
			entries.add(key, value)
		}
		t.leave()
	}
	for _, source := range sources {
		for i := 0; i < len(source.Content); i += 2 {
			if _, exists := entries.find(source.Content[i].Value); !exists {
				entries.add(source.Content[i], source.Content[i+1])
			}
		}
	}
	n.Content = entries.pairs
	return height
}

// sources returns the mappings that the value of a merge key names.
func (t *tidier) sources(value *yaml.Node) []*yaml.Node {
	sources := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		sources = value.Content
	}
	for _, source := range sources {
		if source.Kind != yaml.MappingNode {
			t.fault(value, "must be a mapping, or a list of mappings, to merge"+got(source), "")
			return nil
		}
	}
	return sources
}

// entries is the content of a mapping under construction, with an index once
// it is large.
type entries struct {
	pairs []*yaml.Node
	index map[string]*yaml.Node
}

const largeMapping = 16

func (e *entries) find(key string) (*yaml.Node, bool) {
	if e.index != nil {
		found, ok := e.index[key]
		return found, ok
	}
	for i := 0; i < len(e.pairs); i += 2 {
		if e.pairs[i].Value == key {
			return e.pairs[i], true
		}
	}
	return nil, false
}

func (e *entries) add(key, value *yaml.Node) {
	e.pairs = append(e.pairs, key, value)
	switch {
	case e.index != nil:
		e.index[key.Value] = key
	case len(e.pairs) == 2*largeMapping:
		e.index = make(map[string]*yaml.Node, 2*largeMapping)
		for i := 0; i < len(e.pairs); i += 2 {
			e.index[e.pairs[i].Value] = e.pairs[i]
		}
	}
}

// settleTag gives n the tag that says how it is read; see tags.go.
func (t *tidier) settleTag(n *yaml.Node) {
	tag := settled(n)
	if tag == "" {
		t.fault(n, "tag "+printable(shorten(n.Tag))+" is not supported", "write the value without a tag")
		tag = stringTag
	}
	n.Tag = tag
	if tag == floatTag {
		if f := floating(n.Value); math.IsInf(f, 0) || math.IsNaN(f) {
			t.fault(n, "must be a finite number"+got(n), "")
			n.Value = "0"
		}
	}
}
