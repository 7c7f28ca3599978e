package kustomize

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Each component's base is one that `kustomize build` accepts as it stands, and
// builds to the objects that are decoded here.
func TestBasesAreWhatKustomizeBuilds(t *testing.T) {
	components := filepath.Join("..", "..", "components")
	for _, base := range bases(t, components) {
		name, err := filepath.Rel(components, base)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			decoded, err := decode(os.DirFS(components), filepath.ToSlash(name))
			if err != nil {
				t.Fatal(err)
			}
			built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), base)
			if err != nil {
				t.Fatal(err)
			}
			if built.Size() != len(decoded) {
				t.Fatalf("kustomize builds %d objects, decoded are %d", built.Size(), len(decoded))
			}
			for i, r := range built.Resources() {
				content, err := r.AsYAML()
				if err != nil {
					t.Fatal(err)
				}
				want, err := decodeObject(content)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, decoded[i]); diff != "" {
					t.Errorf("%s (-kustomize +decoded):\n%s", r.CurId(), diff)
				}
			}
		})
	}
}

// bases are the folders of all bases, those of components within components too.
func bases(t *testing.T, components string) []string {
	t.Helper()
	var found []string
	for _, depth := range []string{"*", "*/*"} {
		more, err := filepath.Glob(filepath.Join(components, depth, "base"))
		if err != nil || len(more) == 0 {
			t.Fatalf("found %d bases in %s: %v", len(more), depth, err)
		}
		found = append(found, more...)
	}
	return found
}

// An object that a base does not list would be left out. What is no object goes
// into a ConfigMap, from Go.
func TestBasesListAllTheirObjects(t *testing.T) {
	for _, base := range bases(t, filepath.Join("..", "..", "components")) {
		list, err := os.ReadFile(filepath.Join(base, "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(base, "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			object := strings.Contains("\n"+string(text), "\napiVersion: ") && filepath.Base(file) != "kustomization.yaml"
			if object && !strings.Contains(string(list), "\n- "+filepath.Base(file)+"\n") {
				t.Errorf("%s is not listed", file)
			}
		}
	}
}
