package apply

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Uninstall removes what runs: whatever a render of the stack has made in the
// namespace, and what the given manifests hold beside it, which is cluster-wide or in
// namespaces of others.
// What holds data or keys stays, and so does the namespace, which would take it
// along.
func (a *Applier) Uninstall(ctx context.Context, namespace string, manifests []*unstructured.Unstructured) (Outcome, error) {
	var total Outcome
	if err := a.prune(ctx, namespace, nil, &total); err != nil {
		return total, err
	}
	for _, u := range manifests {
		if u.GetNamespace() == namespace || protected(u) {
			continue
		}
		live, err := a.get(ctx, u)
		if err != nil {
			return total, fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
		if live == nil {
			continue
		}
		if len(Gone([]*unstructured.Unstructured{live}, nil)) == 0 {
			a.Tell("left %s %s: no render of this program made it", u.GetKind(), u.GetName())
			continue
		}
		if err := a.remove(ctx, live, &total); err != nil {
			return total, err
		}
	}
	return total, nil
}

// Left are the names of what a namespace still holds of data and keys.
func (a *Applier) Left(ctx context.Context, namespace string) (secrets, claims []string, err error) {
	for _, kind := range []struct {
		kind  string
		names *[]string
	}{{"Secret", &secrets}, {"PersistentVolumeClaim", &claims}} {
		resource, err := a.of(schema.GroupVersionKind{Version: "v1", Kind: kind.kind}, namespace)
		if err != nil {
			return nil, nil, err
		}
		all, err := resource.List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, nil, err
		}
		for _, item := range all.Items {
			*kind.names = append(*kind.names, item.GetName())
		}
	}
	return secrets, claims, nil
}
