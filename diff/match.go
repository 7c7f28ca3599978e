package diff

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/render"
)

// ID is what makes an object itself. Name is the base where the object is named
// by its content.
type ID struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

func (id ID) String() string { return id.Kind + " " + id.Name }

// pair is an object on both sides; nil where a side has it not.
type pair struct {
	id        ID
	base, now *unstructured.Unstructured
	sides     *sides
}

// one is the object of the head, or of the base where it is gone.
func (p *pair) one() *unstructured.Unstructured {
	if p.now != nil {
		return p.now
	}
	return p.base
}

// sides are all objects, for rules that must look at more than one.
type sides struct {
	base, now []*unstructured.Unstructured
	refusals  map[ID]string
	beside    map[ID]bool
}

var hashSuffix = regexp.MustCompile(`^(.+)-[0-9a-f]{10}$`)

// hashedBase is the name without the hash of its content, if it has one.
func hashedBase(name string) (string, bool) {
	m := hashSuffix.FindStringSubmatch(name)
	if m == nil {
		return name, false
	}
	return m[1], true
}

// match pairs objects by group, kind, namespace and name. Jobs that are named by
// their content, and the ConfigMaps that bear a Job's name, are paired by what
// their name begins with.
func match(base, now []*unstructured.Unstructured) ([]*pair, error) {
	all := &sides{base: base, now: now}
	pairs := map[ID]*pair{}
	var order []*pair
	get := func(id ID) *pair {
		if pairs[id] == nil {
			pairs[id] = &pair{id: id, sides: all}
			order = append(order, pairs[id])
		}
		return pairs[id]
	}
	names := jobNames(base, now)
	for _, u := range latestFirst(base, now) {
		p := get(identify(u, names))
		if p.base != nil { // an older run of the same Job
			p = get(exact(u))
		}
		if p.base != nil {
			return nil, fmt.Errorf("the base has %s twice", p.id)
		}
		p.base = u
	}
	for _, u := range now {
		p := get(identify(u, names))
		if p.now != nil {
			return nil, fmt.Errorf("the head has %s twice", p.id)
		}
		p.now = u
	}
	slices.SortStableFunc(order, func(a, b *pair) int {
		return cmp.Or(cmp.Compare(stage(a.one()), stage(b.one())), cmp.Compare(a.id.Namespace, b.id.Namespace),
			cmp.Compare(a.id.Kind, b.id.Kind), cmp.Compare(a.id.Name, b.id.Name), cmp.Compare(a.id.Group, b.id.Group))
	})
	return order, nil
}

// latestFirst are the base's objects, those first that the head has under the
// very same name: of the runs of one Job, it is matched with that one.
func latestFirst(base, now []*unstructured.Unstructured) []*unstructured.Unstructured {
	stay := map[ID]bool{}
	for _, u := range now {
		stay[exact(u)] = true
	}
	sorted := slices.Clone(base)
	slices.SortStableFunc(sorted, func(a, b *unstructured.Unstructured) int {
		switch {
		case stay[exact(a)] == stay[exact(b)]:
			return 0
		case stay[exact(a)]:
			return -1
		}
		return 1
	})
	return sorted
}

// jobNames are the names, by namespace, that Jobs have.
func jobNames(lists ...[]*unstructured.Unstructured) map[string]bool {
	names := map[string]bool{}
	for _, list := range lists {
		for _, u := range list {
			if u.GetKind() == "Job" {
				names[u.GetNamespace()+"/"+u.GetName()] = true
			}
		}
	}
	return names
}

func exact(u *unstructured.Unstructured) ID {
	return ID{u.GroupVersionKind().Group, u.GetKind(), u.GetNamespace(), u.GetName()}
}

func identify(u *unstructured.Unstructured, jobs map[string]bool) ID {
	id := exact(u)
	if jobs[id.Namespace+"/"+id.Name] && (id.Kind == "Job" || id.Kind == "ConfigMap") {
		id.Name, _ = hashedBase(id.Name)
	}
	return id
}

// stage is an object's stage; what is not ours comes last.
func stage(u *unstructured.Unstructured) int {
	name := u.GetAnnotations()[render.StageAnnotation]
	if i := slices.Index(render.StageNames(), name); i >= 0 {
		return i
	}
	return len(render.StageNames())
}

func stageName(u *unstructured.Unstructured) string {
	if names, i := render.StageNames(), stage(u); i < len(names) {
		return names[i]
	}
	return others
}

// others stands where the name of a stage would: for objects that have none.
const others = "others"

func isOpenBao(u *unstructured.Unstructured) bool {
	return u.GetLabels()["app.kubernetes.io/name"] == "openbao" || strings.HasSuffix(u.GetName(), "-openbao")
}
