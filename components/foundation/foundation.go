// Package foundation renders what every other component stands on.
package foundation

import (
	"embed"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the namespace and the one right outside it.
func Component() render.Component {
	return render.Component{
		Name:  "foundation",
		Stage: render.Foundation,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	objects, namespace := base.Objects(), s.Cluster.Namespace

	kustomize.Find[*corev1.Namespace](objects).Name = namespace

	// What is cluster-wide carries the namespace in its name.
	name := "banhbaoring-" + namespace + "-token-review"
	kustomize.Find[*rbacv1.ClusterRole](objects).Name = name
	binding := kustomize.Find[*rbacv1.ClusterRoleBinding](objects)
	binding.Name, binding.RoleRef.Name = name, name
	binding.Subjects[0].Namespace = namespace

	return objects, nil
}
