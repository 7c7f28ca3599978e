package strict

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounded reports what in a text goes over the limits of size, depth and
// aliases that Split keeps, and nothing else that may be wrong with it: it may
// be no YAML at all. A text within it, such as a patch, has the same limits.
func Bounded(file string, data []byte) Faults {
	b := bounder{file: file, seen: map[*yaml.Node]bool{}}
	b.check(data, 1, 1, 0)
	return b.faults
}

type bounder struct {
	file   string
	faults Faults
	seen   map[*yaml.Node]bool
}

func (b *bounder) fault(line, column int, message string) {
	b.faults = append(b.faults, Fault{Position: Position{b.file, line, column}, Message: message})
}

// check reads every document that a parser finds before it gives up.
func (b *bounder) check(data []byte, line, column, depth int) {
	if depth > maxDepth {
		b.fault(line, column, fmt.Sprintf("holds texts within texts, deeper than %d levels", maxDepth))
		return
	}
	for _, c := range chunks(data) {
		if len(b.faults) > 0 {
			return
		}
		if len(c.raw) > MaxDocument {
			b.fault(c.line, c.column, fmt.Sprintf("a document of %d bytes is over the limit of %d (%d MiB)", len(c.raw), MaxDocument, MaxDocument>>20))
			return
		}
		text := c.text
		if c.json {
			text = jsonAsYAML(text)
		}
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		for {
			var document yaml.Node
			if decoder.Decode(&document) != nil || len(document.Content) == 0 {
				break
			}
			t := tidier{report: report{file: b.file}, limit: maxCopies + len(text)}
			if depth == 0 {
				t.line, t.column = c.line-1, c.column-1
			} else { // a text has no lines of its own
				t.line = line - 1
			}
			root := t.tidy(document.Content[0])
			if t.refused {
				b.faults = append(b.faults, t.faults[len(t.faults)-1])
				return
			}
			b.texts(root, depth)
		}
	}
}

// texts checks the texts below n that could hold an alias.
func (b *bounder) texts(n *yaml.Node, depth int) {
	if b.seen[n] || len(b.faults) > 0 {
		return
	}
	b.seen[n] = true
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "&") && strings.Contains(n.Value, "*") {
		b.check([]byte(n.Value), n.Line, n.Column, depth+1)
	}
	for _, child := range n.Content {
		b.texts(child, depth)
	}
}
