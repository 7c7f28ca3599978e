package components_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/api/crds"
	"github.com/banhbaoring/banhbaoring/render"
)

// What holds data or keys, or takes such along, bears the marks of both engines:
// namespaces, Secrets, definitions, claims, operators' databases, and the claims that StatefulSets make.
func TestWhatHoldsDataIsNeverPruned(t *testing.T) {
	marked := func(t *testing.T, what string, u *unstructured.Unstructured) {
		t.Helper()
		for key, want := range map[string]string{
			"argocd.argoproj.io/sync-options":    "Prune=false,Delete=false",
			"argocd.argoproj.io/compare-options": "IgnoreExtraneous",
			"kustomize.toolkit.fluxcd.io/prune":  "disabled",
		} {
			if got := u.GetAnnotations()[key]; got != want {
				t.Errorf("%s has %s %q", what, key, got)
			}
		}
	}
	definitions, err := render.Definitions(crds.Files)
	if err != nil || len(definitions) != 4 {
		t.Fatalf("%d definitions: %v", len(definitions), err)
	}
	for _, u := range definitions {
		marked(t, id(u), u)
	}
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		namespaces := 0
		for _, u := range objects {
			switch u.GetKind() {
			case "Namespace":
				namespaces++
				marked(t, id(u), u)
			case "Secret", "PersistentVolumeClaim", "Cluster":
				marked(t, id(u), u)
			case "StatefulSet":
				templates, _, _ := unstructured.NestedSlice(u.Object, "spec", "volumeClaimTemplates")
				for _, template := range templates {
					claim := &unstructured.Unstructured{Object: template.(map[string]any)}
					marked(t, id(u)+": claim "+claim.GetName(), claim)
				}
			}
		}
		if namespaces != 1 {
			t.Errorf("%d namespaces", namespaces)
		}
	})
}

// Whoever deletes what a render holds, but for the Namespace, deletes no key and
// no data: Secrets are minted by Jobs and not in it, and claims are made by
// StatefulSets, which leave them.
func TestTheOutputHoldsNeitherKeysNorData(t *testing.T) {
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		for _, u := range objects {
			switch u.GetKind() {
			case "Secret", "PersistentVolumeClaim", "PersistentVolume":
				t.Errorf("%s is in it", id(u))
			case "StatefulSet":
				policy, _, _ := unstructured.NestedStringMap(u.Object, "spec", "persistentVolumeClaimRetentionPolicy")
				if policy["whenDeleted"] == "Delete" || policy["whenScaled"] == "Delete" {
					t.Errorf("%s takes its claims along: %v", id(u), policy)
				}
			}
		}
	})
}
