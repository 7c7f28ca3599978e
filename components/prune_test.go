package components_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// switches are turned on and off in each example.
var switches = map[string]string{
	"backups":          "backup: {enabled: true, destination: {gcs: {bucket: abc}}, encryption: {mode: none}}",
	"no backups":       "backup: null",
	"monitoring":       "monitoring: {enabled: true, alerting: {enabled: true}}",
	"no monitoring":    "monitoring: {enabled: false}",
	"an operator":      "monitoring: {mode: operator}",
	"no Grafana":       "monitoring: {grafana: {enabled: false}}",
	"no dashboard":     "dashboard: {replicas: 0}",
	"autoscaling":      "api: {autoscaling: {enabled: true, maxReplicas: 9}}",
	"a database away":  "database: {managed: false, connectionString: {secretName: db, key: url}}",
	"CloudNativePG":    "database: {engine: cloudnativepg}",
	"a Redis away":     "redis: {managed: false, connectionString: {secretName: redis, key: url}}",
	"no seal":          "openbao: {autoUnseal: null}",
	"no cert-manager":  "certificates: null",
	"no stores":        "secrets: null",
	"no guardrails":    "guardrails: false",
	"other containers": "imagePullSecrets: [{name: other}]",
}

// turned is an example with a part of its cluster's spec replaced; ok is false where
// that cannot be.
func turned(t *testing.T, text, part string) (s *render.Stack, ok bool) {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(part), &fields); err != nil {
		t.Fatal(err)
	}
	documents, _ := strict.Split("spec.yaml", []byte(text))
	var out []byte
	for _, d := range documents {
		value := d.Value().(map[string]any)
		if spec, isMap := value["spec"].(map[string]any); isMap && d.Kind == v1.KindCluster {
			for name, field := range fields {
				if spec[name] = field; field == nil {
					delete(spec, name)
				}
			}
		}
		written, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(append(out, written...), '\n')
	}
	in, err := render.Load(render.Source{Name: "spec.json", Data: out})
	if err != nil {
		return nil, false
	}
	return in.Stacks[0], true
}

// prunable is what is rendered, and by what it is known.
type prunable struct {
	name    string
	objects render.Manifests
	there   map[string]*unstructured.Unstructured
}

func newPrunable(t *testing.T, name string, s *render.Stack) prunable {
	t.Helper()
	v := prunable{name, renderAll(t, s), map[string]*unstructured.Unstructured{}}
	for _, u := range v.objects {
		v.there[id(u)] = u
	}
	return v
}

// An engine prunes what a stage has lost as soon as the stage is done, and an
// upgrade may hang before it reaches the next. What runs of a later stage, and
// goes on to run, is still as it was: it may read nothing that is pruned by then.
// What is itself switched off goes with its stage, and loses no more before than
// goesBefore says.
func TestNothingIsPrunedThatSomethingLaterStillNames(t *testing.T) {
	seen := 0
	compare := func(old, next prunable) {
		for _, u := range old.objects {
			goes := next.there[id(u)] == nil
			if goes && u.GetKind() == "Job" {
				continue // has run
			}
			for _, ref := range references(u) {
				named := old.there[ref]
				if named == nil || next.there[ref] != nil || goes && goesBefore(named) {
					continue
				}
				seen++
				if stageOf(t, named) < stageOf(t, u) && !kept(named) {
					t.Errorf("from %s to %s: %s of stage %s is pruned, which %s of stage %s reads until its own stage",
						old.name, next.name, ref, stageOf(t, named), id(u), stageOf(t, u))
				}
			}
		}
	}
	versions := []prunable{
		// What changes the configuration of every Job, and nothing else.
		newPrunable(t, "before", golden.Stack(t, before)),
		newPrunable(t, "other pull secrets", golden.Stack(t, before+"imagePullSecrets: [{name: registry}]\n")),
		newPrunable(t, "other domain and version", golden.Stack(t, strings.Replace(before, "2.6.2", "2.7.1", 1)+"imageRegistry: registry.example.com/mirror\n")),
	}
	tried := map[string]int{}
	for _, name := range golden.Examples(t) {
		if strings.Contains(name, "100") { // many tenants are like few
			continue
		}
		text := readExample(t, name)
		example := newPrunable(t, name, load(t, text))
		versions = append(versions, example)
		for what, part := range switches {
			if s, ok := turned(t, text, part); ok {
				tried[what]++
				other := newPrunable(t, name+" with "+what, s)
				compare(example, other)
				compare(other, example)
			}
		}
	}
	for _, old := range versions {
		for _, next := range versions {
			compare(old, next)
		}
	}
	if seen == 0 {
		t.Error("no pair prunes anything that is named: the law is not tried")
	}
	for what := range switches {
		if tried[what] == 0 {
			t.Errorf("%s: refused in each example", what)
		}
	}
}

// goesBefore reports whether an object of the first stage is pruned before what reads it,
// where that is switched off: its account, and the configuration of Redis.
func goesBefore(u *unstructured.Unstructured) bool {
	return u.GetKind() == "ServiceAccount" || id(u) == "ConfigMap/banhbaoring-redis"
}

// kept reports whether no engine prunes an object.
func kept(u *unstructured.Unstructured) bool {
	return slices.Contains(strings.Split(u.GetAnnotations()["argocd.argoproj.io/sync-options"], ","), "Prune=false")
}
