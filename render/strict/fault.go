package strict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxFaults bounds how many faults one document reports, so that a hostile
// document cannot turn into a report many times its size.
const maxFaults = 1000

// Position is a place in a file. Line and Column count from 1, Column in
// characters; a Line of 0 means the file as a whole.
type Position struct {
	File         string
	Line, Column int
}

// String returns "file:line:column", or the file alone when Line is 0.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Fault is one thing wrong with a document. Path names the field, such as
// spec.patches[0].target, and is empty when the fault is not about a field.
// Hint says what to do about it, where that is known.
type Fault struct {
	Position
	Path, Message, Hint string
}

// Error returns "file:line:column: path: message", and the hint on a second
// line.
func (f Fault) Error() string {
	text := f.String() + ": "
	if f.Path != "" {
		text += f.Path + ": "
	}
	text += f.Message
	if f.Hint != "" {
		text += "\nhint: " + f.Hint
	}
	return text
}

// Faults is every fault found. It is an error when it is not empty; see Err.
type Faults []Fault

// Error returns the faults, each on its own lines.
func (fs Faults) Error() string {
	texts := make([]string, len(fs))
	for i, f := range fs {
		texts[i] = f.Error()
	}
	return strings.Join(texts, "\n")
}

// Err returns the faults as an error, which is nil when there are none.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// Sort orders the faults by file, line, column and path. Faults alike in all
// four keep their order.
func (fs Faults) Sort() {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path),
		)
	})
}
