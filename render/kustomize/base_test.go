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
	bases, err := filepath.Glob(filepath.Join(components, "*", "base"))
	if err != nil || len(bases) == 0 {
		t.Fatalf("found %d bases: %v", len(bases), err)
	}
	for _, base := range bases {
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

// A file that a base does not list would be left out.
func TestBasesListAllTheirFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "components", "*", "base", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(file), "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if want := "\n- " + filepath.Base(file) + "\n"; !strings.Contains(string(text), want) {
			t.Errorf("%s is not listed", file)
		}
	}
}
