package render

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

const (
	labelInstance  = "app.kubernetes.io/instance"
	labelPartOf    = "app.kubernetes.io/part-of"
	labelManagedBy = "app.kubernetes.io/managed-by"
)

// clusterScoped are the kinds of ours that live in no namespace.
var clusterScoped = map[string]bool{
	"Namespace":          true,
	"ClusterRole":        true,
	"ClusterRoleBinding": true,

	"ValidatingAdmissionPolicy":        true,
	"ValidatingAdmissionPolicyBinding": true,
}

// identify puts every object into the stack's namespace and labels it, its
// pods and what selects them as the stack's, where its component has not.
func identify(s *Stack, objects Manifests) {
	instance := s.Cluster.Name
	for _, u := range objects {
		if !clusterScoped[u.GetKind()] {
			u.SetNamespace(s.Cluster.Namespace)
		}
		labels := u.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		if labels[labelInstance] == "" {
			labels[labelInstance] = instance
			labelPods(u, instance)
		}
		labels[labelPartOf] = "banhbaoring"
		labels[labelManagedBy] = "banhbaoring"
		u.SetLabels(labels)
	}
}

func labelPods(u *unstructured.Unstructured, instance string) {
	paths := map[string][][]string{
		"Job":         {{"spec", "template", "metadata", "labels"}},
		"CronJob":     {{"spec", "jobTemplate", "spec", "template", "metadata", "labels"}},
		"Deployment":  {{"spec", "template", "metadata", "labels"}, {"spec", "selector", "matchLabels"}},
		"StatefulSet": {{"spec", "template", "metadata", "labels"}, {"spec", "selector", "matchLabels"}},
		"Service":     {{"spec", "selector"}},
	}
	for _, path := range paths[u.GetKind()] {
		if labels, ok, _ := unstructured.NestedMap(u.Object, path...); ok {
			labels[labelInstance] = instance
			// The path exists and holds a map, so that this cannot fail.
			_ = unstructured.SetNestedMap(u.Object, labels, path...)
		}
	}
}
