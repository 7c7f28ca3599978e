// Package redis renders the control plane's cache: a single Redis, or a cluster
// of shards and the Job that forms it.
package redis

import (
	"embed"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components/redis/cluster"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the Redis that is managed; one that exists needs nothing.
func Component() render.Component {
	return render.Component{
		Name:    "redis",
		Stage:   render.Data,
		Enabled: func(s *render.Stack) bool { return *s.Cluster.Spec.Redis.Managed },
		Build:   build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	r := s.Cluster.Spec.Redis
	objects := base.Objects()
	set := kustomize.Find[*appsv1.StatefulSet](objects)
	set.Spec.Replicas = r.Replicas
	store(&set.Spec.VolumeClaimTemplates[0].Spec, r.Storage)

	pod := &set.Spec.Template.Spec
	s.Place(pod, r.Workload)
	container(pod, "meet").Image = s.Cluster.Spec.Jobs.Image
	pod.Containers[0].Args[1] = maxMemory(r.Resources)

	if r.Mode == v1.RedisStandalone {
		standalone(objects, pod)
		return objects, nil
	}
	formation, err := cluster.Objects(s)
	return append(objects, formation...), err
}

// standalone takes away what only a cluster needs.
func standalone(objects []runtime.Object, pod *corev1.PodSpec) {
	redis := &pod.Containers[0]
	redis.Args = redis.Args[:2]
	redis.Env = slices.DeleteFunc(redis.Env, func(e corev1.EnvVar) bool { return e.Name != "REDISCLI_AUTH" })
	redis.Ports = slices.DeleteFunc(redis.Ports, func(p corev1.ContainerPort) bool { return p.Name == "bus" })
	pod.Containers = slices.DeleteFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == "meet" })
	for _, o := range objects {
		if service, ok := o.(*corev1.Service); ok {
			service.Spec.Ports = slices.DeleteFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == "tcp-bus" })
		}
	}
}

// maxMemory leaves four tenths of the memory limit to what Redis does not
// count; without a limit it has none of its own either.
func maxMemory(r corev1.ResourceRequirements) string {
	limit, ok := r.Limits[corev1.ResourceMemory]
	if !ok {
		return "0"
	}
	return fmt.Sprintf("%dmb", max(limit.Value()>>20*6/10, 1))
}

func container(pod *corev1.PodSpec, name string) *corev1.Container {
	i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == name })
	return &pod.Containers[i] // the base has it
}

func store(claim *corev1.PersistentVolumeClaimSpec, storage v1.Storage) {
	claim.Resources.Requests[corev1.ResourceStorage] = storage.Size
	if storage.StorageClass != "" {
		claim.StorageClassName = &storage.StorageClass
	}
}
