package render

import (
	"strings"

	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Contents are documents as whoever applies them takes them: what has items is a
// list of objects, at any depth, whatever its kind is called. A list of which a
// part cannot be told stands beside what can.
func Contents(documents []*strict.Document) []*strict.Document {
	var all []*strict.Document
	for _, d := range documents {
		if !d.IsList() {
			all = append(all, d)
			continue
		}
		apiVersion, kind := d.APIVersion, strings.TrimSuffix(d.Kind, "List")
		if kind == "" {
			apiVersion = ""
		}
		items, faults := d.Items(apiVersion, kind)
		if len(faults) > 0 {
			all = append(all, d)
		}
		all = append(all, Contents(items)...)
	}
	return all
}
