package apply

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	discoveryfake "k8s.io/client-go/discovery/fake"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/restmapper"
	clienttesting "k8s.io/client-go/testing"
)

// withRoles is an Applier of a cluster that knows ConfigMaps and what RBAC has.
func withRoles(objects ...runtime.Object) (*Applier, *dynamicfake.FakeDynamicClient) {
	scheme := runtime.NewScheme()
	lists := map[schema.GroupVersionResource]string{
		{Version: "v1", Resource: "configmaps"}:                            "ConfigMapList",
		{Group: rbacv1.GroupName, Version: "v1", Resource: "roles"}:        "RoleList",
		{Group: rbacv1.GroupName, Version: "v1", Resource: "rolebindings"}: "RoleBindingList",
		{Group: rbacv1.GroupName, Version: "v1", Resource: "clusterroles"}: "ClusterRoleList",
	}
	client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(scheme, lists, objects...)
	found := &discoveryfake.FakeDiscovery{Fake: &clienttesting.Fake{Resources: []*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "configmaps", Kind: "ConfigMap", Namespaced: true}}},
		{GroupVersion: "rbac.authorization.k8s.io/v1", APIResources: []metav1.APIResource{
			{Name: "roles", Kind: "Role", Namespaced: true}, {Name: "rolebindings", Kind: "RoleBinding", Namespaced: true}, {Name: "clusterroles", Kind: "ClusterRole"},
		}},
	}}}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	return &Applier{cluster: cluster{client, mapper}, Tell: func(string, ...any) {}, Interval: time.Millisecond}, client
}

// role is one as a render makes it, of the stack in that namespace.
func role(namespace, name, stack string) *unstructured.Unstructured {
	u := object("rbac.authorization.k8s.io/v1", "Role", name, staged(nil))
	u.SetNamespace(namespace)
	labels := map[string]string{"app.kubernetes.io/managed-by": "banhbaoring", "app.kubernetes.io/part-of": "banhbaoring"}
	if stack != namespace {
		labels["banhbaoring.io/stack"] = stack
	}
	u.SetLabels(labels)
	return u
}

func roles(t *testing.T, client *dynamicfake.FakeDynamicClient) []string {
	t.Helper()
	all, err := client.Resource(schema.GroupVersionResource{Group: rbacv1.GroupName, Version: "v1", Resource: "roles"}).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range all.Items {
		names = append(names, u.GetNamespace()+"/"+u.GetName())
	}
	slices.Sort(names)
	return names
}

// What a stack has in namespaces of others is pruned and uninstalled with it; what others have
// in its own is not.
func TestRolesInOtherNamespacesAreTheirStacks(t *testing.T) {
	all := func() []runtime.Object {
		return []runtime.Object{
			role("keys", "gone", "keys"), role("keys", "kept", "keys"), role("keys", "banhbaoring-other-tenants", "other"),
			role("rollup", "banhbaoring-keys-tenants", "keys"), role("rollup", "banhbaoring-other-tenants", "other"),
			role("bridge", "banhbaoring-keys-tenants", "keys"),
		}
	}
	kept := []*unstructured.Unstructured{role("keys", "kept", "keys"), role("bridge", "banhbaoring-keys-tenants", "keys")}
	a, client := withRoles(all()...)
	if err := a.prune(t.Context(), "keys", kept, &Outcome{}); err != nil {
		t.Fatal(err)
	}
	if got, want := roles(t, client), []string{"bridge/banhbaoring-keys-tenants", "keys/banhbaoring-other-tenants", "keys/kept", "rollup/banhbaoring-other-tenants"}; !slices.Equal(got, want) {
		t.Errorf("pruned to %v, want %v", got, want)
	}

	others := []string{"keys/banhbaoring-other-tenants", "rollup/banhbaoring-other-tenants"}
	a, client = withRoles(all()...)
	if _, err := a.Uninstall(t.Context(), "keys", kept); err != nil {
		t.Fatal(err)
	}
	if got := roles(t, client); !slices.Equal(got, others) {
		t.Errorf("uninstalled to %v, want %v", got, others)
	}

	// Who may not look in other namespaces uninstalls what the manifests hold.
	a, client = withRoles(all()...)
	client.PrependReactor("list", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		return action.GetNamespace() == "", nil, apierrors.NewForbidden(schema.GroupResource{}, "", nil)
	})
	if _, err := a.Uninstall(t.Context(), "keys", kept); err != nil {
		t.Fatal(err)
	}
	client.ReactionChain = client.ReactionChain[1:]
	if got, want := roles(t, client), slices.Insert(slices.Clone(others), 1, "rollup/banhbaoring-keys-tenants"); !slices.Equal(got, want) {
		t.Errorf("uninstalled to %v, want %v", got, want)
	}
}

// A client's namespace that is not there holds up nothing else, and is told.
func TestAStageThatOthersDoNotNeedHoldsUpNone(t *testing.T) {
	a, client := withRoles()
	client.PrependReactor("patch", "roles", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "rollup")
	})
	client.PrependReactor("patch", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		return true, object("v1", "ConfigMap", action.(clienttesting.PatchAction).GetName(), nil), nil
	})
	var told []string
	a.Tell = func(format string, _ ...any) { told = append(told, format) }
	stage := func(name string, joins bool, u *unstructured.Unstructured) Stage {
		return Stage{Name: name, Objects: []*unstructured.Unstructured{u}, Joins: joins, Timeout: time.Second}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	outcome, err := a.Apply(ctx, "keys", []Stage{
		stage("clients", true, role("rollup", "banhbaoring-keys-tenants", "keys")), stage("tenants", false, object("v1", "ConfigMap", "tenants", nil)),
	}, true)
	if err == nil || !strings.Contains(err.Error(), `stage clients: Role banhbaoring-keys-tenants: namespaces "rollup" not found`) {
		t.Errorf("the error is %v", err)
	}
	if outcome.Created != 1 {
		t.Errorf("the stage after it: %v, %v", outcome, told)
	}
}
