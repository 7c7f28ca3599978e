package strict

import (
	"slices"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// listFields are the fields of a list.
var listFields = []string{"apiVersion", "kind", "metadata", "items"}

// IsList reports whether a document has items, as whatever applies it tells a list.
func (d *Document) IsList() bool {
	items := entry(d.root, "items")
	return items != nil && items.Kind == yaml.SequenceNode
}

// Items returns the documents in a list. One that says neither apiVersion nor
// kind is of those given, as the items of a typed list may be. A list with a
// field of another name is a fault: what was meant to be in it would be left
// out.
func (d *Document) Items(apiVersion, kind string) ([]*Document, Faults) {
	r := &report{file: d.File}
	for i := 0; i < len(d.root.Content); i += 2 {
		if key := d.root.Content[i]; !slices.Contains(listFields, key.Value) {
			r.enter(key.Value)
			r.fault(key, "unknown field", fieldHint(key.Value, listFields))
			r.leave()
		}
	}
	r.enter("items")
	list := entry(d.root, "items")
	switch {
	case list == nil:
		r.fault(d.root, "is required", "")
		return nil, r.faults
	case list.Tag == nullTag:
		return nil, r.faults
	case list.Kind != yaml.SequenceNode:
		r.fault(list, "must be a list"+got(list), "")
		return nil, r.faults
	}
	var documents []*Document
	for i, n := range list.Content {
		r.item(i)
		item := &Document{File: d.File, root: typed(n, apiVersion, kind)}
		if item.identify(r) {
			item.Raw, _ = sigsyaml.Marshal(item.Value()) // of JSON's types
			documents = append(documents, item)
		}
		r.leave()
	}
	return documents, r.faults
}

// typed is a mapping that says what it is.
func typed(n *yaml.Node, apiVersion, kind string) *yaml.Node {
	if n.Kind != yaml.MappingNode || kind == "" {
		return n
	}
	whole := *n
	whole.Content = slices.Clone(n.Content)
	for _, field := range [][2]string{{"apiVersion", apiVersion}, {"kind", kind}} {
		if entry(n, field[0]) == nil {
			for _, text := range field {
				whole.Content = append(whole.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: stringTag, Value: text, Line: n.Line, Column: n.Column})
			}
		}
	}
	return &whole
}
