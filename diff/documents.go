package diff

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Document is a spec as it was written.
type Document = *strict.Document

// DocumentChange is what changes in a spec.
type DocumentChange struct {
	ID
	// BaseFile and HeadFile are where it stands on either side.
	BaseFile string    `json:"baseFile,omitempty"`
	HeadFile string    `json:"headFile,omitempty"`
	Moved    bool      `json:"moved,omitempty"` // to another file
	Findings []Finding `json:"findings"`
	Changes  []Change  `json:"changes"`
	// Positions are the places of the changes, by the change's number: in the
	// head, or in the base where the field is gone.
	Positions []string `json:"positions"`
}

// documents compares specs by kind, namespace and name: a file that was renamed
// is the same document elsewhere.
func (f Fingerprint) documents(base, head Side) []DocumentChange {
	was, is := map[ID]Document{}, map[ID]Document{}
	var ids []ID
	note := func(into map[ID]Document, list []Document) {
		for _, d := range list {
			id := ID{Group: v1.GroupVersion.Group, Kind: d.Kind, Namespace: cmp.Or(d.Namespace, v1.DefaultNamespace), Name: d.Name}
			if was[id] == nil && is[id] == nil {
				ids = append(ids, id)
			}
			into[id] = d
		}
	}
	note(was, base.Documents)
	note(is, head.Documents)
	slices.SortFunc(ids, func(a, b ID) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	changes := []DocumentChange{}
	for _, id := range ids {
		if c, ok := f.document(id, was[id], is[id]); ok {
			c.Moved = c.BaseFile != "" && c.HeadFile != "" &&
				strings.TrimPrefix(c.BaseFile, base.Prefix) != strings.TrimPrefix(c.HeadFile, head.Prefix)
			changes = append(changes, c)
		}
	}
	return changes
}

func (f Fingerprint) document(id ID, old, now Document) (DocumentChange, bool) {
	p := &pair{id: id, base: f.spec(old), now: f.spec(now), sides: &sides{}}
	c := DocumentChange{ID: id, Findings: []Finding{}, Changes: p.changes()}
	if old != nil {
		c.BaseFile = old.File
	}
	if now != nil {
		c.HeadFile = now.File
	}
	if len(c.Changes) == 0 {
		return c, false
	}
	for _, change := range c.Changes {
		place, tree := now, p.now
		if place == nil || change.Op == Remove && old != nil {
			place, tree = old, p.base
		}
		c.Positions = append(c.Positions, place.Position(change.Path.within(tree.Object)).String())
	}
	for _, finding := range classify(p, c.Changes) {
		if !finding.generic() {
			c.Findings = append(c.Findings, finding)
		}
	}
	return c, true
}

// generic tells whether a finding says nothing of a spec: the objects that are
// rendered of it do.
func (f Finding) generic() bool {
	for _, r := range Rules {
		if r.ID == f.Rule {
			return r.Rest
		}
	}
	return false
}

func (f Fingerprint) spec(d Document) *unstructured.Unstructured {
	if d == nil {
		return nil
	}
	tree, _ := d.Value().(map[string]any)
	return f.object(&unstructured.Unstructured{Object: tree})
}

// within is the path in a tree with the places of list elements, as positions
// are found; up to the first element that is not there.
func (p Path) within(tree any) string {
	places := make(Path, 0, len(p))
	for _, s := range p {
		if list, ok := tree.([]any); ok {
			i := s.find(list)
			if i < 0 {
				break
			}
			s, tree = Step{Index: &i}, list[i]
		} else {
			tree = at(tree, s.Field)
		}
		places = append(places, s)
	}
	return places.String()
}
