// Package api renders the control plane's API.
package api

import (
	"embed"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// migrate is the name of the Job that prepares the database, and of its config.
const migrate = "banhbaoring-migrate"

// Component renders the API and the Job that prepares its database.
func Component() render.Component {
	return render.Component{
		Name:  "api",
		Stage: render.Applications,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	spec := s.Cluster.Spec.API
	var objects []runtime.Object
	for _, o := range base.Objects() {
		switch o := o.(type) {
		case *corev1.ConfigMap:
			if o.Name == migrate && spec.Migrations == nil {
				continue
			}
		case *batchv1.Job:
			if spec.Migrations == nil {
				continue
			}
		case *autoscalingv2.HorizontalPodAutoscaler:
			if !*spec.Autoscaling.Enabled {
				continue
			}
			scale(o, spec.Autoscaling)
		case *policyv1.PodDisruptionBudget:
			if pods(spec) == 1 { // of one pod, it would stop every drain
				continue
			}
		}
		objects = append(objects, o)
	}

	config := configMap(objects, "banhbaoring-api")
	complete(config.Data, s.Cluster)
	deployment := kustomize.Find[*appsv1.Deployment](objects)
	deployment.Spec.Replicas = spec.Replicas
	if *spec.Autoscaling.Enabled || len(s.Restores) > 0 {
		deployment.Spec.Replicas = nil // the autoscaler's own, or the restore's, which stops the pods
	}
	s.Place(&deployment.Spec.Template.Spec, spec.Workload)
	container := &deployment.Spec.Template.Spec.Containers[0]
	container.Env = append(container.Env, secretEnv(s.Cluster.Spec)...)

	if spec.Migrations != nil {
		configMap(objects, migrate).Data = config.Data
		job := kustomize.Find[*batchv1.Job](objects)
		s.Place(&job.Spec.Template.Spec, spec.Workload)
		job.Spec.Template.Spec.Containers[0].Command = spec.Migrations.Command
		job.Spec.Template.Spec.Containers[0].Env = container.Env
		mountDatabaseAuthority(s, &job.Spec.Template.Spec)
	}
	container.Env = append(slices.Clone(container.Env), s.ProxyEnv()...)
	mountDatabaseAuthority(s, &deployment.Spec.Template.Spec)
	trust(s, &deployment.Spec.Template.Spec, config.Data[certDirs])
	return objects, mountTenants(s, &deployment.Spec.Template.Spec)
}

// pods is the least number of pods.
func pods(spec v1.API) int32 {
	if *spec.Autoscaling.Enabled {
		return *spec.Autoscaling.MinReplicas
	}
	return *spec.Replicas
}

func scale(hpa *autoscalingv2.HorizontalPodAutoscaler, spec v1.Autoscaling) {
	hpa.Spec.MinReplicas, hpa.Spec.MaxReplicas = spec.MinReplicas, spec.MaxReplicas
	hpa.Spec.Metrics[0].Resource.Target.AverageUtilization = &spec.TargetCPU
}

func configMap(objects []runtime.Object, name string) *corev1.ConfigMap {
	for _, o := range objects {
		if c, ok := o.(*corev1.ConfigMap); ok && c.Name == name {
			return c
		}
	}
	panic(fmt.Sprintf("api: the base has no ConfigMap %s", name))
}
