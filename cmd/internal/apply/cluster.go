package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// Manager is the field manager that owns what is applied.
const Manager = "banhbaoring"

// kubectl is the field manager of `kubectl apply --server-side`.
const kubectl = "kubectl"

// cluster is what the work needs of a cluster, with the rights of the caller.
type cluster struct {
	client dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

// New is an Applier with the rights of a configuration.
func New(config *rest.Config, tell func(format string, args ...any)) (*Applier, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 100, 200
	config.WarningHandler = rest.NoWarnings{}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	return &Applier{cluster: cluster{client, mapper}, Tell: tell, Interval: 2 * time.Second}, nil
}

// of is where objects of a kind are.
func (c *cluster) of(kind schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.client.Resource(mapping.Resource), nil
	}
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return c.client.Resource(mapping.Resource).Namespace(namespace), nil
}

// everywhere is where objects of a kind are, in all namespaces.
func (c *cluster) everywhere(kind schema.GroupVersionKind) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	return c.client.Resource(mapping.Resource), nil
}

// get is an object as the cluster has it, nil where it has none.
func (c *cluster) get(ctx context.Context, u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	resource, err := c.of(u.GroupVersionKind(), u.GetNamespace())
	if err != nil {
		return nil, err
	}
	live, err := resource.Get(ctx, u.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return live, err
}

// wouldTake asks the server, by a dry run, whether it would take an object. Of one
// whose kind or namespace comes with the same stage it cannot know yet.
func (c *cluster) wouldTake(ctx context.Context, u *unstructured.Unstructured) error {
	live, err := c.get(ctx, u)
	if meta.IsNoMatchError(err) {
		return nil // applying it tells, when the stage's definitions are there
	}
	if err != nil {
		return named(u, err)
	}
	_, err = c.send(ctx, u, live, metav1.DryRunAll)
	if live == nil && apierrors.IsNotFound(err) {
		return nil
	}
	return named(u, err)
}

type change int

const (
	unchanged change = iota
	created
	configured
)

// apply applies an object. The server writes nothing where nothing differs.
func (c *cluster) apply(ctx context.Context, u *unstructured.Unstructured) (change, error) {
	live, err := c.get(ctx, u)
	for tries := 0; meta.IsNoMatchError(err) && tries < 30; tries++ { // its definition may have just come
		select {
		case <-ctx.Done():
			return unchanged, ctx.Err()
		case <-time.After(time.Second):
		}
		c.mapper.Reset()
		live, err = c.get(ctx, u)
	}
	if err != nil {
		return unchanged, named(u, err)
	}
	applied, err := c.send(ctx, u, live)
	switch {
	case err != nil:
		return unchanged, named(u, err)
	case live == nil:
		return created, nil
	case live.GetResourceVersion() == applied.GetResourceVersion():
		return unchanged, nil
	}
	return configured, nil
}

func (c *cluster) send(ctx context.Context, u, live *unstructured.Unstructured, dryRun ...string) (*unstructured.Unstructured, error) {
	resource, err := c.of(u.GroupVersionKind(), u.GetNamespace())
	if err != nil {
		return nil, err
	}
	return resource.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: managerOf(live), Force: true, DryRun: dryRun})
}

// managerOf goes on as kubectl where kubectl began: a field that the render no
// longer has goes only if the one who owns it applies.
func managerOf(live *unstructured.Unstructured) string {
	if live != nil {
		for _, entry := range live.GetManagedFields() {
			if entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "" && entry.Manager == kubectl {
				return kubectl
			}
		}
	}
	return Manager
}

// named says which object an error is about. What a server says about a Secret
// is not repeated, since it may hold the value.
func named(u *unstructured.Unstructured, err error) error {
	if err == nil {
		return nil
	}
	if status := apierrors.APIStatus(nil); u.GetKind() == "Secret" && errors.As(err, &status) {
		err = fmt.Errorf("the API server answers %s", status.Status().Reason)
	}
	return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
}
