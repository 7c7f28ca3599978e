package strict

import "strings"

// Overlay lays fields over the document: Decode takes them for what the
// document says, and a field of theirs stands where they were read from. Later
// ones win.
func (d *Document) Overlay(fields *Document) { d.overlays = append(d.overlays, fields) }

// Parse reads one mapping, which need not be an object, for Overlay. Its
// positions name the file alone.
func Parse(file string, text []byte) (*Document, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	t := tidier{report: report{file: file}, limit: maxCopies + len(text)}
	root = t.tidy(root)
	return &Document{File: file, Raw: text, root: root}, t.faults.Err()
}

// overlaid is where the overlays give the field at path.
func (d *Document) overlaid(path string) (Position, bool) {
	for i := len(d.overlays) - 1; i >= 0; i-- {
		for _, given := range d.overlays[i].Given() {
			if given == path || strings.HasPrefix(path, given+".") {
				return Position{File: d.overlays[i].File}, true
			}
		}
	}
	return Position{}, false
}

// fileOnly takes the line and column from faults whose text nobody wrote.
func fileOnly(faults Faults) Faults {
	for i := range faults {
		faults[i].Line, faults[i].Column = 0, 0
	}
	return faults
}
