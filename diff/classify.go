package diff

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Finding is a rule that a change falls under.
type Finding struct {
	Rule   string `json:"rule"`
	Class  Class  `json:"class"`
	Reason string `json:"reason"`
	Remedy string `json:"remedy,omitempty"`
	// Paths are those of the changes that the rule is about.
	Paths []string `json:"paths,omitempty"`
}

// classify applies the rules to an object, the worst class first.
func classify(p *pair, changes []Change) []Finding {
	all := leaves(changes)
	claimed := make([]bool, len(all))
	var findings []Finding
	for _, r := range Rules {
		if r.On&fate(p) == 0 || r.Kinds != "" && !slices.Contains(strings.Fields(r.Kinds), p.id.Kind) {
			continue
		}
		if len(r.Paths)+len(r.Inside) == 0 {
			if (!r.Rest || len(findings) == 0) && (r.When == nil || r.When(p, leaf{})) {
				findings = append(findings, r.finding(p, nil))
			}
			continue
		}
		var hits []leaf
		for i, l := range all {
			if (!r.Rest || !claimed[i]) && r.about(l) && (r.When == nil || r.When(p, l)) {
				claimed[i] = true
				hits = append(hits, l)
			}
		}
		if len(hits) > 0 {
			findings = append(findings, r.finding(p, hits))
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return a.Class.rank() - b.Class.rank() })
	return findings
}

func fate(p *pair) on {
	switch {
	case p.base == nil:
		return created
	case p.now == nil:
		return deleted
	}
	return changed
}

func (r *Rule) about(l leaf) bool {
	patterns := r.Paths
	if l.inside {
		patterns = r.Inside
		if r.Rest { // it takes what lies inside as well
			patterns = r.Paths
		}
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, l.segments) })
}

func (r *Rule) finding(p *pair, hits []leaf) Finding {
	f := Finding{Rule: r.ID, Class: r.Class}
	for _, l := range hits {
		if path := l.change.Path.String(); path != "" && !slices.Contains(f.Paths, path) {
			f.Paths = append(f.Paths, path)
		}
	}
	var first leaf
	if len(hits) > 0 {
		first = hits[0]
	}
	count, others, order := rollout(p)
	words := strings.NewReplacer("{object}", p.id.String(), "{name}", p.id.Name,
		"{old}", shorten(show(first.old), 60), "{new}", shorten(show(first.now), 60), "{between}", between(first),
		"{pods}", count, "{others}", others, "{order}", order, "{refusal}", p.refused())
	f.Reason, f.Remedy = words.Replace(r.Reason), words.Replace(r.Remedy)
	return f
}

// rollout is how many pods of a workload are replaced, what becomes of the
// others, and the order in which it goes.
func rollout(p *pair) (count, others, order string) {
	u, n := p.one(), p.replaced()
	count = fmt.Sprintf("%d pods are", n)
	switch {
	case n < 0:
		count = "one pod a node is"
	case n == 1:
		count = "1 pod is"
	}
	if p.base != nil && p.now != nil && n >= 0 {
		switch more := podsOf(p.now) - podsOf(p.base); {
		case more > 0:
			others = fmt.Sprintf(" and %d new", more)
		case more < 0:
			others = fmt.Sprintf(" and %d gone", -more)
		}
	}
	switch {
	case u.GetKind() == "StatefulSet" && at(u.Object, "spec", "updateStrategy", "type") == "OnDelete":
		order = "each when it is deleted by hand"
	case u.GetKind() == "StatefulSet" && n > 1:
		order = "from the highest ordinal down, one at a time"
	case u.GetKind() == "Deployment" && at(u.Object, "spec", "strategy", "type") == "Recreate":
		order = "all old ones before the first new one"
	case u.GetKind() == "Deployment":
		order = "new ones before old ones"
	default:
		order = "with nothing in its place meanwhile"
	}
	return count, others, order
}

// replaced is how many pods there are on both sides.
func (p *pair) replaced() int64 {
	if p.base == nil || p.now == nil {
		return podsOf(p.one())
	}
	return min(podsOf(p.base), podsOf(p.now))
}

// podsOf is the number of a workload's pods; negative where it depends on the
// number of nodes.
func podsOf(u *unstructured.Unstructured) int64 {
	if u.GetKind() == "DaemonSet" {
		return -1
	}
	if n, ok := at(u.Object, "spec", "replicas").(int64); ok {
		return n
	}
	return 1
}
