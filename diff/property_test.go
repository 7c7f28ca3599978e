package diff_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/golden"
)

var options = diff.Options{Fingerprint: diff.NewFingerprint([]byte("a key of the tests"))}

func compare(t testing.TB, base, head []*unstructured.Unstructured) *diff.Report {
	t.Helper()
	r, err := diff.Compare(diff.Side{Name: "base", Objects: base}, diff.Side{Name: "head", Objects: head}, options)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func stacks(t testing.TB) map[string][]*unstructured.Unstructured {
	t.Helper()
	all := map[string][]*unstructured.Unstructured{}
	for _, name := range golden.Files(t, "golden/stacks") {
		all[name] = parse(t, golden.Read(t, "golden/stacks/"+name))
	}
	return all
}

func parse(t testing.TB, text []byte) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for document := range bytes.SplitSeq(text, []byte("---\n")) {
		var tree map[string]any
		if err := yaml.Unmarshal(document, &tree); err != nil {
			t.Fatal(err)
		}
		if len(tree) > 0 {
			objects = append(objects, &unstructured.Unstructured{Object: tree})
		}
	}
	return objects
}

func TestNothingDiffersFromItself(t *testing.T) {
	for name, objects := range stacks(t) {
		if r := compare(t, objects, objects); !r.Empty() || r.Worst != "" {
			t.Errorf("%s: %d objects differ", name, len(r.Objects))
		}
	}
}

// The JSON of a diff, applied over the base, is the head: nothing is left out.
func TestAppliedOverTheBaseItIsTheHead(t *testing.T) {
	all := stacks(t)
	names := slices.Sorted(maps.Keys(all))
	for i, from := range names {
		for _, to := range []string{names[(i+1)%len(names)], "production.yaml"} {
			applies(t, from+" to "+to, all[from], all[to])
		}
	}
}

func applies(t *testing.T, name string, base, head []*unstructured.Unstructured) {
	t.Helper()
	text, err := json.Marshal(compare(t, base, head))
	if err != nil {
		t.Fatal(err)
	}
	var r diff.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	got, err := diff.Apply(options.Fingerprint.Objects(base), &r)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if d := cmp.Diff(byName(options.Fingerprint.Objects(head)), byName(got)); d != "" {
		t.Errorf("%s:\n%s", name, d)
	}
}

func byName(objects []*unstructured.Unstructured) map[string]any {
	all := map[string]any{}
	for _, u := range objects {
		all[fmt.Sprint(u.GroupVersionKind().Group, u.GetKind(), u.GetNamespace(), u.GetName())] = u.Object
	}
	return all
}

// Neither the order of the objects nor that of their fields tells.
func TestOrderOfInputDoesNotTell(t *testing.T) {
	all := stacks(t)
	base, head := all["minimal.yaml"], all["production.yaml"]
	want := compare(t, base, head)
	base, head = slices.Clone(base), slices.Clone(head)
	slices.Reverse(base)
	slices.Reverse(head)
	if d := cmp.Diff(want, compare(t, base, head)); d != "" {
		t.Error(d)
	}
}
