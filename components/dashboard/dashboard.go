// Package dashboard renders the control plane's web page.
package dashboard

import (
	"embed"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the dashboard; with no replicas there is none.
func Component() render.Component {
	return render.Component{
		Name:    "dashboard",
		Stage:   render.Applications,
		Enabled: func(s *render.Stack) bool { return *s.Cluster.Spec.Dashboard.Replicas > 0 },
		Build:   build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	objects, spec := base.Objects(), s.Cluster.Spec.Dashboard

	config := kustomize.Find[*corev1.ConfigMap](objects)
	config.Data["API_URL"] = "https://api." + s.Cluster.Spec.Domain

	deployment := kustomize.Find[*appsv1.Deployment](objects)
	deployment.Spec.Replicas = spec.Replicas
	if len(s.Restores) > 0 {
		deployment.Spec.Replicas = nil // the restore's, which stops the pods
	}
	s.Place(&deployment.Spec.Template.Spec, spec.Workload)

	if *spec.Replicas == 1 { // of one pod, it would stop every drain
		objects = slices.DeleteFunc(objects, func(o runtime.Object) bool {
			_, budget := o.(*policyv1.PodDisruptionBudget)
			return budget
		})
	}
	return objects, nil
}
