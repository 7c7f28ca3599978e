package strict

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// report collects the faults of one document, while steps follows the walk
// through it.
type report struct {
	file   string
	steps  []step
	faults Faults
}

// fault records what is wrong with n, which stands at the current path.
func (r *report) fault(n *yaml.Node, message, hint string) {
	switch {
	case len(r.faults) == maxFaults:
		r.faults = append(r.faults, Fault{
			Position: Position{r.file, n.Line, n.Column},
			Message:  fmt.Sprintf("more than %d faults, and the rest is not listed", maxFaults),
		})
	case len(r.faults) < maxFaults:
		r.faults = append(r.faults, Fault{Position{r.file, n.Line, n.Column}, pathOf(r.steps), message, hint})
	}
}

// full reports whether further faults are not recorded.
func (r *report) full() bool { return len(r.faults) > maxFaults }

func (r *report) enter(key string) { r.steps = append(r.steps, step{key, -1}) }
func (r *report) item(index int)   { r.steps = append(r.steps, step{"", index}) }
func (r *report) leave()           { r.steps = r.steps[:len(r.steps)-1] }

// got describes n as it was written, for the end of a message.
func got(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return " (got a mapping)"
	case n.Kind == yaml.SequenceNode:
		return " (got a list)"
	case n.Tag == nullTag:
		return " (got null)"
	case n.Style&quoted != 0 || n.Tag == stringTag:
		return " (got " + strconv.Quote(shorten(n.Value)) + ")"
	default:
		return " (got " + shorten(n.Value) + ")"
	}
}

// shorten cuts text to what fits in a message.
func shorten(text string) string {
	const limit = 60
	count := 0
	for i := range text {
		if count++; count > limit {
			return text[:i] + "..."
		}
	}
	return text
}
