package render

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

// Place puts what the spec says of a workload into its pod: image and
// resources into the first container, and where the pod may run.
func (s *Stack) Place(pod *corev1.PodSpec, w v1.Workload) {
	pod.Containers[0].Image = w.Image
	pod.Containers[0].Resources = w.Resources
	pod.NodeSelector = w.NodeSelector
	pod.Tolerations = w.Tolerations
	if w.Affinity != nil {
		pod.Affinity = w.Affinity
		pod.TopologySpreadConstraints = nil
	}
	for _, secret := range s.Cluster.Spec.ImagePullSecrets {
		pod.ImagePullSecrets = append(pod.ImagePullSecrets, corev1.LocalObjectReference{Name: secret.Name})
	}
}

// Job completes the base of a Job: a ConfigMap that holds config, the Job
// itself and its rights, if it needs any.
func (s *Stack) Job(name string, base kustomize.Base, config any) ([]runtime.Object, *batchv1.Job, error) {
	objects := base.Objects()
	data, err := jobs.Encode(config)
	if err != nil {
		return nil, nil, err
	}
	kustomize.Find[*corev1.ConfigMap](objects).Data = data
	for _, o := range objects {
		// A Job that asks nothing of the API server has no rights.
		if binding, ok := o.(*rbacv1.RoleBinding); ok {
			binding.Subjects[0].Namespace = s.Cluster.Namespace
		}
	}

	job := kustomize.Find[*batchv1.Job](objects)
	s.Place(&job.Spec.Template.Spec, s.Cluster.Spec.Jobs.Workload)
	if value := s.Cluster.Spec.Rerun[name]; value != "" {
		job.Spec.Template.Annotations = map[string]string{"banhbaoring.io/rerun": value}
	}
	return objects, job, nil
}
