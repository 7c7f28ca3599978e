// Package dashboard renders the control plane's web page.
package dashboard

import (
	"embed"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/jobs"
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
	pod := &deployment.Spec.Template.Spec
	s.Place(pod, spec.Workload)
	if render.MountAuthority(pod, "hosts-ca", spec.CACert, jobs.HostsCADir) {
		pod.Containers[0].Env = append(pod.Containers[0].Env,
			render.CertDirs(render.PublicAuthorities, jobs.HostsCADir),
			// Node.js reads one more file. Source: nodejs.org/api/cli.html.
			corev1.EnvVar{Name: "NODE_EXTRA_CA_CERTS", Value: jobs.HostsCADir + "/" + jobs.AuthorityFile})
	}

	if *spec.Replicas == 1 { // of one pod, it would stop every drain
		objects = slices.DeleteFunc(objects, func(o runtime.Object) bool {
			_, budget := o.(*policyv1.PodDisruptionBudget)
			return budget
		})
	}
	return objects, nil
}
