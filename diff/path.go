package diff

import (
	"fmt"
	"strings"
)

// Step is one step of a path: to a field of a mapping, or to an element of a
// list by its merge key, by its own value (of a list of scalars), or by its
// place in the base's list.
type Step struct {
	Field string `json:"field,omitempty"`
	// By is the merge key, such as name, and Key the element's value of it.
	By    string `json:"by,omitempty"`
	Key   any    `json:"key,omitempty"`
	Value any    `json:"value,omitempty"`
	Index *int   `json:"index,omitempty"`
}

func (s Step) segment() string {
	switch {
	case s.By != "":
		return fmt.Sprint(s.Key)
	case s.Index != nil:
		return fmt.Sprint(*s.Index)
	case scalar(s.Value):
		return fmt.Sprint(s.Value)
	case s.Value != nil:
		return shorten(compact(s.Value), 40)
	}
	return s.Field
}

// Path leads from an object's root to what changed.
type Path []Step

// String is the path as Kubernetes writes it: spec.containers[api].image.
func (p Path) String() string {
	var text strings.Builder
	for i, s := range p {
		plain := s.By == "" && s.Index == nil && s.Value == nil && !strings.ContainsAny(s.Field, ".[]/ ") && s.Field != ""
		switch {
		case !plain:
			text.WriteString("[" + s.segment() + "]")
		case i > 0:
			text.WriteString("." + s.Field)
		default:
			text.WriteString(s.Field)
		}
	}
	return text.String()
}

func (p Path) with(s Step) Path { return append(p[:len(p):len(p)], s) }

func (p Path) field(name string) Path { return p.with(Step{Field: name}) }

func (p Path) segments() []string {
	segments := make([]string, len(p))
	for i, s := range p {
		segments[i] = s.segment()
	}
	return segments
}

// matches tells whether segments fit a pattern: words between spaces, of which
// * stands for one segment and ** for any number.
func matches(pattern string, segments []string) bool {
	return fits(patterns[pattern], segments)
}

// patterns are the words of every pattern in the tables.
var patterns = func() map[string][]string {
	words := map[string][]string{}
	for _, r := range Rules {
		for _, p := range append(r.Paths[:len(r.Paths):len(r.Paths)], r.Inside...) {
			words[p] = strings.Fields(p)
		}
	}
	for _, n := range noises {
		for _, p := range n.paths {
			words[p] = strings.Fields(p)
		}
	}
	return words
}()

func fits(pattern, segments []string) bool {
	for i, word := range pattern {
		if word == "**" {
			for skip := 0; skip+i <= len(segments); skip++ {
				if fits(pattern[i+1:], segments[i+skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(segments) || word != "*" && word != segments[i] && !prefixed(word, segments[i]) {
			return false
		}
	}
	return len(pattern) == len(segments)
}

// prefixed fits words such as checksum/*.
func prefixed(word, segment string) bool {
	start, ok := strings.CutSuffix(word, "*")
	return ok && strings.HasPrefix(segment, start)
}
