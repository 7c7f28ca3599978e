package apply

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/banhbaoring/banhbaoring/status"
)

// reasons say why a workload is not ready: what its pods wait for, how their
// containers ended, and the last warning about it or what it made. Whoever may
// not read those learns less.
func (a *Applier) reasons(ctx context.Context, u *unstructured.Unstructured) []string {
	var reasons []string
	for _, pod := range a.pods(ctx, u) {
		reasons = append(reasons, status.PodReasons(&pod)...)
	}
	if warning := a.lastWarning(ctx, u); warning != "" {
		reasons = append(reasons, warning)
	}
	return reasons
}

func (a *Applier) pods(ctx context.Context, u *unstructured.Unstructured) []corev1.Pod {
	selector, ok, _ := unstructured.NestedStringMap(u.Object, "spec", "selector", "matchLabels")
	if !ok {
		return nil
	}
	pods := typed[corev1.Pod](a.list(ctx, schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, u.GetNamespace(), labels.SelectorFromSet(selector).String()))
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return pods
}

// list is what the caller may list.
func (a *Applier) list(ctx context.Context, kind schema.GroupVersionKind, namespace, selector string) []unstructured.Unstructured {
	resource, err := a.of(kind, namespace)
	if err != nil {
		return nil
	}
	all, err := resource.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil
	}
	return all.Items
}

// lastWarning is the newest warning about an object or what it has made.
func (a *Applier) lastWarning(ctx context.Context, u *unstructured.Unstructured) string {
	return status.Warning(typed[corev1.Event](a.list(ctx, schema.GroupVersionKind{Version: "v1", Kind: "Event"}, u.GetNamespace(), "")), u.GetName())
}

// typed are the objects as a type has them.
func typed[T any](list []unstructured.Unstructured) []T {
	var all []T
	for _, item := range list {
		var t T
		if runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &t) == nil {
			all = append(all, t)
		}
	}
	return all
}
