// Package live asks a running cluster what it would make of manifests. It only
// reads: what it sends beside reads are server-side dry runs, and its transport
// refuses everything else.
package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/banhbaoring/banhbaoring/render"
)

// Cluster is a running cluster.
type Cluster struct {
	client dynamic.Interface
	mapper meta.RESTMapper
	Host   string
}

// Open reads a kubeconfig (that of the environment where path is empty) and
// asks the cluster what kinds it has.
func Open(path, kubeContext string) (*Cluster, error) {
	config, err := Config(path, kubeContext)
	if err != nil {
		return nil, err
	}
	return New(config)
}

// Config reads a kubeconfig, that of the environment where path is empty.
func Config(path, kubeContext string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: kubeContext}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return config, nil
}

// New is Open with a configuration that is read.
func New(config *rest.Config) (*Cluster, error) {
	config = reading(config)
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	groups, err := restmapper.GetAPIGroupResources(found)
	if err != nil {
		return nil, fmt.Errorf("asking the cluster for its kinds: %w", err)
	}
	client, err := dynamic.NewForConfig(config)
	return &Cluster{client, restmapper.NewDiscoveryRESTMapper(groups), config.Host}, err
}

// reading is a configuration that changes nothing.
func reading(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 100, 200
	config.WarningHandler = rest.NoWarnings{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return readOnly{next} })
	return config
}

// readOnly lets through what changes nothing.
type readOnly struct{ next http.RoundTripper }

var errWrite = errors.New("this command never writes to the cluster")

func (r readOnly) RoundTrip(q *http.Request) (*http.Response, error) {
	dry := q.URL.Query()["dryRun"]
	if q.Method != http.MethodGet && !slices.Equal(dry, []string{"All"}) {
		return nil, errWrite
	}
	return r.next.RoundTrip(q)
}

// Key names an object.
type Key struct{ Group, Kind, Namespace, Name string }

func keyOf(u *unstructured.Unstructured) Key {
	return Key{u.GroupVersionKind().Group, u.GetKind(), u.GetNamespace(), u.GetName()}
}

// Comparison is what a cluster has, and what it would have.
type Comparison struct {
	Live, Applied []*unstructured.Unstructured
	// Refusals are what the API server says of objects that it would not take.
	Refusals map[Key]string
}

// Compare asks the cluster, for each object, what it has and what applying the
// object would make of it; and what it has of the same stacks beside them.
func (c *Cluster) Compare(ctx context.Context, objects []*unstructured.Unstructured) (*Comparison, error) {
	results := make([]result, len(objects))
	workers, asking := errgroup.WithContext(ctx)
	workers.SetLimit(16)
	for i, u := range objects {
		workers.Go(func() error {
			var err error
			if results[i], err = c.ask(asking, u); err != nil {
				return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return nil, err
	}
	out := &Comparison{Refusals: map[Key]string{}}
	known := map[Key]bool{}
	for i, r := range results {
		known[keyOf(objects[i])] = true
		if r.live != nil {
			out.Live = append(out.Live, stripped(r.live))
		}
		out.Applied = append(out.Applied, stripped(r.applied))
		if r.refusal != "" {
			out.Refusals[keyOf(objects[i])] = r.refusal
		}
	}
	rest, err := c.beside(ctx, objects, known)
	out.Live = append(out.Live, rest...)
	return out, err
}

type result struct {
	live, applied *unstructured.Unstructured
	refusal       string
}

func (c *Cluster) ask(ctx context.Context, u *unstructured.Unstructured) (result, error) {
	resource, err := c.resource(u)
	if meta.IsNoMatchError(err) {
		return result{applied: u, refusal: "the cluster has no kind " + u.GetKind() + " of " + u.GetAPIVersion()}, nil
	}
	if err != nil {
		return result{}, err
	}
	live, err := resource.Get(ctx, u.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		live, err = nil, nil
	}
	if err != nil {
		return result{}, err
	}
	applied, err := resource.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{DryRun: []string{metav1.DryRunAll}, Force: true, FieldManager: manager(live)})
	switch {
	case err == nil:
		return result{live: live, applied: applied}, nil
	case apierrors.IsNotFound(err) && live == nil: // its namespace will be made in the same sync
		return result{applied: u}, nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err), apierrors.IsConflict(err):
		return result{live: live, applied: wanted(ctx, resource, live, u), refusal: refusal(u, err)}, nil
	}
	return result{}, err
}

// wanted is the refused object with the server's defaults: as it would be made
// anew, under another name.
func wanted(ctx context.Context, resource dynamic.ResourceInterface, live, u *unstructured.Unstructured) *unstructured.Unstructured {
	probe := u.DeepCopy()
	probe.SetName(u.GetName() + "-diff")
	applied, err := resource.Apply(ctx, probe.GetName(), probe, metav1.ApplyOptions{DryRun: []string{metav1.DryRunAll}, Force: true, FieldManager: manager(live)})
	if err != nil {
		return overlaid(live, u)
	}
	applied.SetName(u.GetName())
	return applied
}

func (c *Cluster) resource(u *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := u.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		namespace := u.GetNamespace()
		if namespace == "" {
			namespace = metav1.NamespaceDefault
		}
		return c.client.Resource(mapping.Resource).Namespace(namespace), nil
	}
	return c.client.Resource(mapping.Resource), nil
}

// manager is who applied the object: a field that the head no longer has goes
// only if the one who owns it applies.
func manager(live *unstructured.Unstructured) string {
	if live != nil {
		for _, entry := range live.GetManagedFields() {
			if entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "" {
				return entry.Manager
			}
		}
	}
	return "kubectl"
}

// refusal is what the API server said, but for a Secret, whose values it might
// repeat.
func refusal(u *unstructured.Unstructured, err error) string {
	if u.GetKind() == "Secret" {
		return string(apierrors.ReasonForError(err))
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}

// overlaid is what the object would be if the server took it.
func overlaid(live, u *unstructured.Unstructured) *unstructured.Unstructured {
	if live == nil {
		return u
	}
	merged := live.DeepCopy()
	overlay(merged.Object, u.DeepCopy().Object)
	return merged
}

func overlay(into, from map[string]any) {
	for key, value := range from {
		below, ok1 := into[key].(map[string]any)
		above, ok2 := value.(map[string]any)
		if ok1 && ok2 {
			overlay(below, above)
			continue
		}
		into[key] = value
	}
}

// Missing are those of the objects that the cluster has not, as "Kind name".
func (c *Cluster) Missing(ctx context.Context, objects []*unstructured.Unstructured) ([]string, error) {
	missing := make([]string, len(objects))
	workers, asking := errgroup.WithContext(ctx)
	workers.SetLimit(16)
	for i, u := range objects {
		workers.Go(func() error {
			resource, err := c.resource(u)
			if err == nil {
				_, err = resource.Get(asking, u.GetName(), metav1.GetOptions{})
			}
			switch {
			case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
				missing[i] = u.GetKind() + " " + u.GetName()
				return nil
			case apierrors.IsForbidden(err): // whoever may not read it cannot say
				return nil
			}
			return err
		})
	}
	err := workers.Wait()
	return slices.DeleteFunc(missing, func(s string) bool { return s == "" }), err
}

// beside are the objects of the same stacks that are live and not among those
// given: with pruning, a sync takes them away.
func (c *Cluster) beside(ctx context.Context, objects []*unstructured.Unstructured, known map[Key]bool) ([]*unstructured.Unstructured, error) {
	type place struct{ apiVersion, kind, namespace, outsideOf string }
	asked := map[place]bool{}
	var found []*unstructured.Unstructured
	for _, u := range objects {
		p := place{u.GetAPIVersion(), u.GetKind(), u.GetNamespace(), render.OutsideOf(u)}
		if p.namespace == "" || asked[p] { // what is cluster-wide belongs to no one namespace
			continue
		}
		asked[p] = true
		resource, err := c.resource(u)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all, err := resource.List(ctx, metav1.ListOptions{LabelSelector: render.Selector(cmp.Or(p.outsideOf, p.namespace), p.outsideOf != "")})
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", u.GetKind(), err)
		}
		for i := range all.Items {
			item := &all.Items[i]
			if !known[keyOf(item)] && len(item.GetOwnerReferences()) == 0 {
				found = append(found, stripped(item))
			}
		}
	}
	return found, nil
}

// stripped is without what only the server writes.
func stripped(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	delete(u.Object, "status")
	for _, field := range []string{"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(u.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	unstructured.RemoveNestedField(u.Object, "spec", "template", "metadata", "creationTimestamp")
	if u.GetKind() == "Job" { // each Job has its own
		for _, label := range []string{"batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"} {
			unstructured.RemoveNestedField(u.Object, "spec", "template", "metadata", "labels", label)
		}
		unstructured.RemoveNestedField(u.Object, "spec", "selector")
	}
	return u
}
