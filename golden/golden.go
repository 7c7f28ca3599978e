// Package golden compares what is rendered with the files beside it. Run a
// test with -update to rewrite its files.
package golden

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sebdah/goldie/v2"

	"github.com/banhbaoring/banhbaoring/render"
)

// head is the document that the specs of component tests are written into.
const head = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata:
  name: test
  namespace: keys
spec:
  domain: keys.example.com
`

// Stack loads a cluster from what its spec holds beside the domain.
func Stack(t testing.TB, spec string) *render.Stack {
	t.Helper()
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(head + indent(spec))})
	if err != nil {
		t.Fatalf("the spec does not load:\n%v\n%s", err, spec)
	}
	return in.Stacks[0]
}

// Render renders one component of a cluster with that spec.
func Render(t testing.TB, c render.Component, spec string) render.Manifests {
	t.Helper()
	objects, err := render.Render(Stack(t, spec), []render.Component{c})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// Component compares what one component renders with
// golden/<component>/<name>.yaml; where kinds are given, objects of those only.
func Component(t *testing.T, c render.Component, name, spec string, kinds ...string) {
	t.Helper()
	objects := Render(t, c, spec)
	if len(kinds) > 0 {
		all := objects
		objects = nil
		for _, u := range all {
			if slices.Contains(kinds, u.GetKind()) {
				objects = append(objects, u)
			}
		}
	}
	text, err := objects.YAML()
	if err != nil {
		t.Fatal(err)
	}
	Assert(t, filepath.Join(c.Name, name), text)
}

// Assert compares text with golden/<name>.yaml.
func Assert(t *testing.T, name string, text []byte) {
	t.Helper()
	goldie.New(t,
		goldie.WithFixtureDir(filepath.Join(Root(t), "golden")),
		goldie.WithNameSuffix(".yaml"),
		goldie.WithDiffEngine(goldie.ColoredDiff),
	).Assert(t, filepath.ToSlash(name), text)
}

// Root is the folder of the repository.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("there is no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// Read is a file of the repository.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(t), path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Examples are the paths of the specs in examples, relative to it. What is for
// an engine is no spec.
func Examples(t testing.TB) []string {
	t.Helper()
	return slices.DeleteFunc(Files(t, "examples"), func(name string) bool {
		return strings.HasPrefix(name, "argocd/") || strings.HasPrefix(name, "flux/")
	})
}

// Files are the paths of the YAML files below a folder of the repository,
// relative to it, in order.
func Files(t testing.TB, folder string) []string {
	t.Helper()
	dir := filepath.Join(Root(t), folder)
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("%s holds %d YAML files: %v", folder, len(names), err)
	}
	return names
}

func indent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
