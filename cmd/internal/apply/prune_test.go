package apply

import (
	"maps"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

func object(apiVersion, kind, name string, annotations map[string]string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	u.SetName(name)
	u.SetNamespace("keys")
	u.SetAnnotations(annotations)
	return u
}

func staged(more map[string]string) map[string]string {
	a := map[string]string{render.StageAnnotation: "data"}
	maps.Copy(a, more)
	return a
}

// Only what a render made, has no owner, is wanted no more and is not protected
// by either engine's mark is removed.
func TestWhatIsPruned(t *testing.T) {
	owned := object("apps/v1", "ReplicaSet", "owned", staged(nil))
	owned.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Deployment", Name: "x"}})
	found := []*unstructured.Unstructured{
		object("v1", "ConfigMap", "gone", staged(nil)),
		object("v1", "ConfigMap", "wanted", staged(nil)),
		object("v1", "Service", "wanted", staged(nil)),
		owned,
		object("v1", "ConfigMap", "made-by-a-job", nil),
		object("v1", "ConfigMap", "receipt", staged(v1.NeverPruned())),
		object("v1", "ConfigMap", "argo", staged(map[string]string{"argocd.argoproj.io/sync-options": "ServerSideApply=true, Prune=false"})),
		object("v1", "ConfigMap", "argo-delete", staged(map[string]string{"argocd.argoproj.io/sync-options": "Delete=false"})),
		object("v1", "ConfigMap", "flux", staged(map[string]string{"kustomize.toolkit.fluxcd.io/prune": "disabled"})),
		object("v1", "ConfigMap", "pruned-by-choice", staged(map[string]string{"kustomize.toolkit.fluxcd.io/prune": "enabled"})),
	}
	var got []string
	for _, u := range Gone(found, []*unstructured.Unstructured{object("v1", "ConfigMap", "wanted", nil)}) {
		got = append(got, u.GetKind()+"/"+u.GetName())
	}
	if want := []string{"ConfigMap/gone", "Service/wanted", "ConfigMap/pruned-by-choice"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// No kind that holds data or keys, and none that is cluster-wide, is looked for.
func TestWhatHoldsDataIsNotLookedFor(t *testing.T) {
	for _, kind := range Prunable {
		if slices.Contains([]string{"Namespace", "Secret", "PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition", "Cluster", "ClusterRole", "ClusterRoleBinding"}, kind.Kind) {
			t.Errorf("%s is", kind)
		}
	}
}
