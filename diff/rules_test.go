package diff_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// update is the flag of the golden files, which goldie defines.
func update() bool { return flag.Lookup("update").Value.String() == "true" }

// files are the parts of a test case.
func files(t testing.TB, path string) (*txtar.Archive, map[string][]byte) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, f := range archive.Files {
		parts[f.Name] = f.Data
	}
	return archive, parts
}

// side is what a text holds: specs as documents, and the rest as objects.
func side(t testing.TB, name string, text []byte) diff.Side {
	t.Helper()
	documents, faults := strict.Split(name+".yaml", text)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	s := diff.Side{Name: name}
	for _, d := range documents {
		if strings.HasPrefix(d.APIVersion, "banhbaoring.io/") {
			s.Documents = append(s.Documents, d)
			continue
		}
		tree, _ := d.Value().(map[string]any)
		s.Objects = append(s.Objects, &unstructured.Unstructured{Object: tree})
	}
	return s
}

// withBeside is a side of a case, with what stands beside a stack on it.
func withBeside(t testing.TB, name string, parts map[string][]byte) diff.Side {
	t.Helper()
	s, others := side(t, name, parts[name+".yaml"]), side(t, name, parts[name+"-beside.yaml"])
	s.Beside = map[diff.ID]bool{}
	for _, u := range others.Objects {
		s.Objects = append(s.Objects, u)
		s.Beside[diff.ID{Group: u.GroupVersionKind().Group, Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}] = true
	}
	return s
}

// Each rule has a case of its own name in testdata/rules: a base, a head, and
// what is printed of them.
func TestEachRule(t *testing.T) {
	seen := map[string]bool{}
	paths, err := filepath.Glob(filepath.Join("testdata", "rules", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			archive, parts := files(t, path)
			o := options
			if name == "rejected" {
				o.Refusals = map[diff.ID]string{{Group: "apps", Kind: "Deployment", Namespace: "keys", Name: "banhbaoring-api"}: "spec.replicas: Invalid value: -1"}
			}
			r, err := diff.Compare(withBeside(t, "base", parts), withBeside(t, "head", parts), o)
			if err != nil {
				t.Fatal(err)
			}
			rule := about(t, name, r)
			seen[rule] = true
			text := r.Text(diff.TextOptions{Width: 100})
			if update() {
				for i := range archive.Files {
					if archive.Files[i].Name == "want" {
						archive.Files[i].Data = []byte(text)
					}
				}
				if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(parts["want"]), text); d != "" {
				t.Error(d)
			}
		})
	}
	for _, rule := range diff.Rules {
		if !seen[rule.ID] {
			t.Errorf("rule %s has no case", rule.ID)
		}
	}
}

// about is the rule that a case is named after, which its report must name.
func about(t *testing.T, name string, r *diff.Report) string {
	t.Helper()
	var found []string
	note := func(findings []diff.Finding) {
		for _, f := range findings {
			found = append(found, f.Rule)
		}
	}
	for _, o := range r.Objects {
		note(o.Findings)
	}
	for _, d := range r.Documents {
		note(d.Findings)
	}
	for _, rule := range found {
		if rule == name || strings.HasPrefix(name, rule+"-") {
			return rule
		}
	}
	t.Errorf("no finding of rule %s, only %v", name, found)
	return ""
}

// The table is in order, says why and what to do, and leaves no word unfilled.
func TestTableOfRules(t *testing.T) {
	seen := map[string]bool{}
	word := regexp.MustCompile(`\{(\w+)\}`)
	last := 0
	for _, r := range diff.Rules {
		rank := slices.Index(diff.Classes, r.Class)
		if rank < 0 || r.ID == "" || seen[r.ID] || r.Reason == "" {
			t.Errorf("rule %q", r.ID)
		}
		if r.Class.AtLeast(diff.Disruption) {
			if rank < last {
				t.Errorf("rule %s stands behind a lesser class", r.ID)
			}
			if r.Remedy == "" {
				t.Errorf("rule %s has no remedy", r.ID)
			}
			last = rank
		}
		seen[r.ID] = true
		for _, m := range word.FindAllStringSubmatch(r.Reason+r.Remedy, -1) {
			if !slices.Contains([]string{"object", "name", "old", "new", "between", "pods", "others", "order", "refusal"}, m[1]) {
				t.Errorf("rule %s: %s", r.ID, m[0])
			}
		}
	}
}
