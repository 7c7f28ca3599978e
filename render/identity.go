package render

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/jobs"
)

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

// OutsideOf is the namespace of the stack that an object in another one is part of; empty for
// those in the stack's own, and for what is cluster-wide.
func OutsideOf(u *unstructured.Unstructured) string { return u.GetLabels()[jobs.LabelStack] }

// Selector finds what the stack of a namespace has there, or outside of it. What other stacks
// have in its namespace is none of it.
func Selector(namespace string, outside bool) string {
	const ours = labelManagedBy + "=banhbaoring," + labelPartOf + "=banhbaoring,"
	if outside {
		return ours + jobs.LabelStack + "=" + namespace
	}
	return ours + "!" + jobs.LabelStack
}

// identify puts every object into the stack's namespace, but for those that bear
// jobs.LabelStack, and labels it, its pods and what selects them as the stack's,
// where its component has not.
func identify(s *Stack, objects Manifests) {
	instance := s.Cluster.Name
	for _, u := range objects {
		if !clusterScoped[u.GetKind()] && OutsideOf(u) == "" {
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
