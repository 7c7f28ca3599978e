// Package diff says what a change of manifests will do to the cluster: it
// compares two lists of objects by what they mean, and classes each change by
// what it risks. It is pure: it reads nothing and asks no cluster.
package diff

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Side is one side of a comparison.
type Side struct {
	// Name is what it is called: a revision, a folder, the live cluster.
	Name    string
	Objects []*unstructured.Unstructured
	// Beside are those of the objects that are not rendered and stand in a stack's
	// namespace, or in none that is written.
	Beside map[ID]bool
	// Documents are the specs that the objects were rendered of.
	Documents []Document
	// Prefix begins the names of the documents' files, on this side only.
	Prefix string
}

// Options of a comparison.
type Options struct {
	// Fingerprint stands for secret values.
	Fingerprint Fingerprint
	// Refusals are what an API server said of objects of the head that it
	// would not take.
	Refusals map[ID]string
}

// Action is what happens to an object.
type Action string

// The actions.
const (
	Create Action = "create"
	Delete Action = "delete"
	Update Action = "update"
)

// Object is an object that differs.
type Object struct {
	ID
	// BaseName and HeadName are the names on either side where the object is
	// named by its content.
	BaseName string    `json:"baseName,omitempty"`
	HeadName string    `json:"headName,omitempty"`
	Stage    string    `json:"stage"`
	Action   Action    `json:"action"`
	Class    Class     `json:"class"`
	Findings []Finding `json:"findings"`
	Changes  []Change  `json:"changes"`
	// Noise is the number of changes that say nothing by themselves.
	Noise int `json:"noise"`
}

// Rollout is a workload whose pods are replaced.
type Rollout struct {
	Stage  string `json:"stage"`
	Object ID     `json:"object"`
	// Pods is how many, of those that are there before and after; -1 stands for one a node.
	Pods  int64  `json:"pods"`
	Order string `json:"order"`
}

// Report is the whole difference.
type Report struct {
	Version int    `json:"version"`
	Base    string `json:"base"`
	Head    string `json:"head"`
	// Hash is over what changes, and nothing else: the same change of other
	// revisions has the same.
	Hash    string         `json:"hash"`
	Worst   Class          `json:"worst,omitempty"`
	Counts  map[Class]int  `json:"counts"` // of objects, by their worst class
	Actions map[Action]int `json:"actions"`
	Noise   int            `json:"noise"`
	// Documents are what changes in the specs.
	Documents []DocumentChange `json:"documents"`
	Objects   []Object         `json:"objects"`  // by stage, kind and name
	Restarts  []Rollout        `json:"restarts"` // in the order of a sync
}

// Compare finds what differs between two sides. An error names an object that
// a side has twice.
func Compare(base, head Side, o Options) (*Report, error) {
	pairs, err := match(base.Objects, head.Objects)
	if err != nil {
		return nil, err
	}
	r := &Report{Version: 1, Base: base.Name, Head: head.Name, Counts: map[Class]int{}, Actions: map[Action]int{},
		Objects: []Object{}, Restarts: []Rollout{}}
	refusals := make(map[ID]string, len(o.Refusals))
	for id, message := range o.Refusals {
		refusals[id] = o.Fingerprint.text(message, "")
	}
	beside := map[ID]bool{}
	maps.Copy(beside, base.Beside)
	maps.Copy(beside, head.Beside)
	for _, p := range pairs {
		p.sides.refusals, p.sides.beside = refusals, beside
		if p.base != nil && p.now != nil && reflect.DeepEqual(p.base.Object, p.now.Object) && p.refused() == "" {
			continue
		}
		p.base, p.now = o.Fingerprint.object(p.base), o.Fingerprint.object(p.now)
		if object, ok := p.compare(); ok {
			r.Objects = append(r.Objects, object)
			r.restarts(p, object)
		}
	}
	r.Documents = o.Fingerprint.documents(base, head)
	r.count()
	return r, r.sum()
}

// Objects are copies in which fingerprints stand for secret values.
func (f Fingerprint) Objects(list []*unstructured.Unstructured) []*unstructured.Unstructured {
	all := make([]*unstructured.Unstructured, len(list))
	for i, u := range list {
		all[i] = f.object(u)
	}
	return all
}

func (p *pair) compare() (Object, bool) {
	u := p.one()
	o := Object{ID: p.id, Stage: stageName(u), Action: Update, Changes: p.changes()}
	switch {
	case p.base == nil:
		o.Action, o.HeadName = Create, p.now.GetName()
	case p.now == nil:
		o.Action, o.BaseName = Delete, p.base.GetName()
	default:
		o.BaseName, o.HeadName = p.base.GetName(), p.now.GetName()
	}
	if len(o.Changes) == 0 && p.refused() == "" {
		return o, false
	}
	for _, c := range o.Changes {
		if c.Noise != "" {
			o.Noise++
		}
	}
	o.Findings = classify(p, o.Changes)
	o.Class = o.Findings[0].Class
	return o, true
}

// changes are the differences of the two sides. An object that one side has not
// is a change at the root.
func (p *pair) changes() []Change {
	switch {
	case p.base == nil:
		return []Change{{Path: Path{}, Op: Add, New: p.now.Object}}
	case p.now == nil:
		return []Change{{Path: Path{}, Op: Remove, Old: p.base.Object}}
	}
	c := comparer{embedded: p.id.Kind == "ConfigMap"}
	c.values(nil, p.base.Object, p.now.Object, schemaOf(p.now))
	silence(c.changes)
	return c.changes
}

func (r *Report) restarts(p *pair, o Object) {
	for _, f := range o.Findings {
		if f.Class == Restart && o.Kind != "ConfigMap" { // its pods' workload is another object
			_, _, order := rollout(p)
			r.Restarts = append(r.Restarts, Rollout{o.Stage, o.ID, p.replaced(), order})
			return
		}
	}
}

func (r *Report) count() {
	for _, o := range r.Objects {
		r.Counts[o.Class]++
		r.Actions[o.Action]++
		r.Noise += o.Noise
	}
	for _, d := range r.Documents {
		if len(d.Findings) > 0 {
			r.Counts[d.Findings[0].Class]++
		}
	}
	for _, class := range slices.Backward(Classes) {
		if r.Counts[class] > 0 {
			r.Worst = class
		}
	}
}

// Empty tells whether nothing differs.
func (r *Report) Empty() bool { return len(r.Objects)+len(r.Documents) == 0 }

// sum computes the hash of what changes.
func (r *Report) sum() error {
	type object struct {
		ID
		BaseName, HeadName string
		Changes            []Change
	}
	all := make([]object, len(r.Objects))
	for i, o := range r.Objects {
		all[i] = object{o.ID, o.BaseName, o.HeadName, o.Changes}
	}
	documents := make([]object, len(r.Documents))
	for i, d := range r.Documents {
		documents[i] = object{ID: d.ID, Changes: d.Changes}
	}
	text, err := json.Marshal([]any{all, documents})
	if err != nil {
		return err
	}
	hash := sha256.Sum256(text)
	r.Hash = hex.EncodeToString(hash[:20])
	return nil
}
