package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/banhbaoring/banhbaoring/render"
)

// Prunable are the kinds that a render may no longer hold. Those that hold data
// or keys, and what is cluster-wide, which belongs to no one stack's namespace,
// are not among them.
var Prunable = []schema.GroupVersionKind{
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "BackendTLSPolicy"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
	{Group: "monitoring.coreos.com", Version: "v1", Kind: "PodMonitor"},
	{Group: "monitoring.coreos.com", Version: "v1", Kind: "ServiceMonitor"},
	{Group: "monitoring.coreos.com", Version: "v1", Kind: "PrometheusRule"},
	{Group: "batch", Version: "v1", Kind: "CronJob"},
	{Group: "batch", Version: "v1", Kind: "Job"},
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"},
	{Group: "cert-manager.io", Version: "v1", Kind: "Issuer"},
	{Group: "external-secrets.io", Version: "v1", Kind: "ExternalSecret"},
	{Version: "v1", Kind: "Service"},
	{Version: "v1", Kind: "ConfigMap"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"},
	{Version: "v1", Kind: "ServiceAccount"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
}

// Outside are the kinds of them that a stack has in other namespaces too.
var Outside = []schema.GroupVersionKind{
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"},
}

// prune removes what an earlier render made and this one does not, in the order
// of Prunable.
func (a *Applier) prune(ctx context.Context, namespace string, wanted []*unstructured.Unstructured, total *Outcome) error {
	for i, kind := range slices.Concat(Outside, Prunable) {
		outside := i < len(Outside)
		found, err := a.ours(ctx, kind, namespace, outside)
		if outside && apierrors.IsForbidden(err) {
			a.Tell("not looked for in other namespaces: %s", kind.Kind)
			continue
		}
		if err != nil {
			return err
		}
		for _, u := range Gone(found, wanted) {
			if err := a.remove(ctx, u, total); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceJobs removes the Jobs of a stage that have not ended and that one of
// the stage's takes the place of: they would go on failing beside it.
func (a *Applier) replaceJobs(ctx context.Context, namespace string, s Stage, wanted []*unstructured.Unstructured, total *Outcome) error {
	replaced := map[string]bool{}
	for _, u := range s.Objects {
		if u.GetKind() == "Job" {
			replaced[componentOf(u)] = true
		}
	}
	if len(replaced) == 0 {
		return nil
	}
	found, err := a.ours(ctx, schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}, namespace, false)
	if err != nil {
		return err
	}
	for _, u := range Gone(found, wanted) {
		if u.GetAnnotations()[render.StageAnnotation] == s.Name && replaced[componentOf(u)] && conditionOf(u, "Complete") != "True" {
			if err := a.remove(ctx, u, total); err != nil {
				return err
			}
		}
	}
	return nil
}

func componentOf(u *unstructured.Unstructured) string {
	return u.GetLabels()["app.kubernetes.io/component"]
}

// ours are the objects of a kind that bear the stack's labels, in its namespace or in all
// others. A kind that the cluster does not have has none.
func (a *Applier) ours(ctx context.Context, kind schema.GroupVersionKind, namespace string, outside bool) ([]*unstructured.Unstructured, error) {
	resource, err := a.of(kind, namespace)
	if outside {
		resource, err = a.everywhere(kind)
	}
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := resource.List(ctx, metav1.ListOptions{LabelSelector: render.Selector(namespace, outside)})
	if err != nil {
		return nil, fmt.Errorf("looking for what is to be pruned: %w", err)
	}
	found := make([]*unstructured.Unstructured, len(all.Items))
	for i := range all.Items {
		found[i] = &all.Items[i]
	}
	return found, nil
}

func (a *Applier) remove(ctx context.Context, u *unstructured.Unstructured, total *Outcome) error {
	resource, err := a.of(u.GroupVersionKind(), u.GetNamespace())
	if err != nil {
		return err
	}
	// Only the object that was looked at: another of its name is another's.
	uid, background := u.GetUID(), metav1.DeletePropagationBackground
	err = resource.Delete(ctx, u.GetName(), metav1.DeleteOptions{PropagationPolicy: &background, Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("pruning %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	total.Pruned++
	where := ""
	if render.OutsideOf(u) != "" {
		where = " in namespace " + u.GetNamespace()
	}
	a.Tell("pruned %s %s%s", u.GetKind(), u.GetName(), where)
	return nil
}

// Gone are those of the found objects that a render made, this one does not hold,
// and nothing protects. What a controller or a Job made bears no stage or an owner.
func Gone(found, wanted []*unstructured.Unstructured) []*unstructured.Unstructured {
	type key struct{ group, kind, namespace, name string }
	of := func(u *unstructured.Unstructured) key {
		return key{u.GroupVersionKind().Group, u.GetKind(), u.GetNamespace(), u.GetName()}
	}
	keep := map[key]bool{}
	for _, u := range wanted {
		keep[of(u)] = true
	}
	var gone []*unstructured.Unstructured
	for _, u := range found {
		if !keep[of(u)] && u.GetAnnotations()[render.StageAnnotation] != "" && len(u.GetOwnerReferences()) == 0 && !protected(u) {
			gone = append(gone, u)
		}
	}
	return gone
}

// protected heeds the marks of both engines, whoever set them.
func protected(u *unstructured.Unstructured) bool {
	a := u.GetAnnotations()
	options := strings.Split(strings.ReplaceAll(a["argocd.argoproj.io/sync-options"], " ", ""), ",")
	return a["kustomize.toolkit.fluxcd.io/prune"] == "disabled" || slices.Contains(options, "Prune=false") || slices.Contains(options, "Delete=false")
}
