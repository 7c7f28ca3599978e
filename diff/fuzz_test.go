package diff_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Whatever two objects hold, the diff applied over the base is the head, every
// format can be written, and nothing differs from itself.
func FuzzCompare(f *testing.F) {
	stack := parse(f, golden.Read(f, "golden/stacks/quickstart.yaml"))
	for i, u := range stack {
		one, err1 := yaml.Marshal(u.Object)
		other, err2 := yaml.Marshal(stack[(i+1)%len(stack)].Object)
		if err1 != nil || err2 != nil {
			f.Fatal(err1, err2)
		}
		f.Add(one, other)
	}
	f.Add([]byte(`{"kind": "ConfigMap", "data": {"a.hcl": "a \"b\" { c = [1, {d = 2}] }\na \"b\" {}", "b.json": "[1, 1]"}}`),
		[]byte(`{"kind": "ConfigMap", "data": {"a.hcl": "a = 1", "b.json": "[{\"name\": 1}]"}, "": [[], {}, null, 1.5]}`))
	f.Add([]byte(`{"kind": "NetworkPolicy", "spec": {"ingress": [1, {"ports": [null]}]}}`), []byte(`{"kind": "NetworkPolicy", "spec": {"ingress": [[2]], "policyTypes": {}}}`))
	f.Fuzz(func(t *testing.T, one, other []byte) {
		base, head := object(one), object(other)
		if base == nil || head == nil {
			t.Skip("no objects")
		}
		if r := compare(t, base, base); !r.Empty() {
			t.Errorf("%d objects differ from themselves", len(r.Objects))
		}
		applies(t, "fuzz", base, head)
		r := compare(t, base, head)
		if _, err := r.HTML(); err != nil {
			t.Error(err)
		}
		r.Text(diff.TextOptions{Width: 80})
		for _, part := range r.Markdown(3000, "") {
			if len([]rune(part)) > 3000 {
				t.Errorf("a part of %d characters", len([]rune(part)))
			}
		}
	})
}

// object is the one object in a text, of a kind and name that both sides have.
func object(text []byte) []*unstructured.Unstructured {
	var tree map[string]any
	if yaml.Unmarshal(text, &tree) != nil || tree == nil {
		return nil
	}
	if kind, ok := tree["kind"].(string); !ok || kind == "" {
		return nil
	}
	tree["apiVersion"], tree["metadata"] = "v1", map[string]any{"name": "a", "labels": tree["metadata"]}
	tree["kind"] = kindOf(tree["kind"].(string))
	if _, err := json.Marshal(tree); err != nil {
		return nil
	}
	return []*unstructured.Unstructured{{Object: tree}}
}

// kindOf keeps the kinds for which there are rules.
func kindOf(kind string) string {
	for _, known := range []string{"NetworkPolicy", "StatefulSet", "Deployment", "Service", "Role", "Job", "Ingress"} {
		if kind == known {
			return kind
		}
	}
	return "ConfigMap"
}

// What is narrowed loads as the same stacks that differ.
func FuzzNarrow(f *testing.F) {
	spec := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: a, namespace: ns-1}\nspec: {domain: a.example.com}\n"
	f.Add([]byte(spec+"---\n"+spec), []byte(spec+"---\n# x\n"+spec))
	f.Add([]byte(spec), []byte(strings.Replace(spec, "banhbaoring.io", "banhbaoRing.io", 1)+"---\n# x\n"+spec))
	f.Add([]byte("a: \xe2"), []byte("a: \xc2")) // breaks of YAML 1.1, cut off
	f.Add([]byte("--- {}\r\n%YAML 1.2\n---\n"+spec), []byte(spec+"...\n"+spec))
	f.Fuzz(func(t *testing.T, one, other []byte) {
		base, head := diff.Narrow([]render.Source{{Name: "f", Data: one}}, []render.Source{{Name: "f", Data: other}})
		for i, pair := range [][2][]byte{{one, base[0].Data}, {other, head[0].Data}} {
			whole, err1 := render.Load(render.Source{Name: "f", Data: pair[0]})
			narrow, err2 := render.Load(render.Source{Name: "f", Data: pair[1]})
			if err1 == nil && err2 != nil {
				t.Fatalf("side %d has faults that the whole has not: %v", i, err2)
			}
			if err1 != nil || err2 != nil {
				continue
			}
			placed := func(d *strict.Document) string {
				return fmt.Sprintf("%s %s %s/%s at %s", d.APIVersion, d.Kind, d.Namespace, d.Name, d.Position("metadata"))
			}
			places := map[string]bool{}
			for _, d := range whole.Documents {
				places[placed(d)] = true
			}
			for _, d := range narrow.Documents {
				if !places[placed(d)] {
					t.Errorf("the whole has no %s", placed(d))
				}
			}
		}
	})
}
