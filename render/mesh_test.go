package render_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

// podsOf is a component of one object of each kind that makes pods.
func podsOf(*render.Stack) ([]runtime.Object, error) {
	template := func() map[string]any {
		return map[string]any{"metadata": map[string]any{"labels": map[string]any{"app.kubernetes.io/name": "test", "app.kubernetes.io/instance": "test"}}}
	}
	long := func() map[string]any { return map[string]any{"template": template()} }
	var objects []runtime.Object
	for _, o := range []struct {
		version, kind string
		spec          map[string]any
	}{
		{"apps/v1", "Deployment", long()},
		{"apps/v1", "StatefulSet", long()},
		{"batch/v1", "Job", long()},
		{"batch/v1", "CronJob", map[string]any{"jobTemplate": map[string]any{"spec": long()}}},
		{"postgresql.cnpg.io/v1", "Cluster", map[string]any{"instances": int64(1)}},
		{"v1", "Service", map[string]any{"selector": map[string]any{"app.kubernetes.io/name": "test"}}},
	} {
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": o.version, "kind": o.kind, "spec": o.spec}}
		u.SetName("banhbaoring-test")
		objects = append(objects, u)
	}
	return objects, nil
}

func TestMesh(t *testing.T) {
	pods := render.Component{
		Name: "mesh", Stage: render.Applications, Build: podsOf,
		Enabled: func(*render.Stack) bool { return true },
	}
	for _, mesh := range []string{"none", "istio", "linkerd"} {
		t.Run(mesh, func(t *testing.T) {
			golden.Component(t, pods, mesh, "networking: {mesh: "+mesh+"}")
		})
	}
}
