package render

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kindOrder is the order within a stage: what others refer to comes first.
// Kinds that are not listed come after those that are, by name.
var kindOrder = []string{
	"CustomResourceDefinition", "Namespace", "ServiceAccount", "ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding",
	"NetworkPolicy", "Secret", "ConfigMap", "PersistentVolumeClaim", "Issuer", "Certificate", "Service",
	"PodDisruptionBudget", "Deployment", "StatefulSet", "Job", "CronJob",
}

// sorted orders objects by stage, kind and name. Two objects of one identity
// are an error.
func sorted(objects Manifests) (Manifests, error) {
	seen := map[identity]bool{}
	for _, u := range objects {
		id := identityOf(u)
		if seen[id] {
			return nil, fmt.Errorf("%s %s is rendered twice", id.kind, id.name)
		}
		seen[id] = true
	}
	slices.SortFunc(objects, compare)
	return objects, nil
}

type identity struct{ group, kind, namespace, name string }

func identityOf(u *unstructured.Unstructured) identity {
	return identity{u.GroupVersionKind().Group, u.GetKind(), u.GetNamespace(), u.GetName()}
}

func compare(a, b *unstructured.Unstructured) int {
	return cmp.Or(
		cmp.Compare(mustStage(a), mustStage(b)),
		cmp.Compare(kindRank(a), kindRank(b)),
		cmp.Compare(a.GetAPIVersion(), b.GetAPIVersion()),
		cmp.Compare(a.GetKind(), b.GetKind()),
		cmp.Compare(a.GetNamespace(), b.GetNamespace()),
		cmp.Compare(a.GetName(), b.GetName()),
	)
}

func kindRank(u *unstructured.Unstructured) int {
	if i := slices.Index(kindOrder, u.GetKind()); i >= 0 {
		return i
	}
	return len(kindOrder)
}

// mustStage is the stage of an object that annotate has seen.
func mustStage(u *unstructured.Unstructured) Stage {
	stage, err := ParseStage(stageOf(u))
	if err != nil {
		panic(err)
	}
	return stage
}
