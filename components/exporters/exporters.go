// Package exporters renders what gives Prometheus the figures of PostgreSQL and
// Redis: a pod for each server, in the last stage, so that one that cannot run
// costs metrics and nothing else.
package exporters

import (
	"embed"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the exporters of the servers that are managed.
func Component() render.Component {
	return render.Component{
		Name:    "exporters",
		Stage:   render.Exposure,
		Enabled: func(s *render.Stack) bool { return *s.Cluster.Spec.Monitoring.Enabled },
		Build:   build,
	}
}

// build leaves out the servers that are not there. The pods may run where their
// servers may.
func build(s *render.Stack) ([]runtime.Object, error) {
	spec := &s.Cluster.Spec
	type exporter struct {
		enabled  bool
		image    string
		replicas *int32
		server   v1.Scheduling
	}
	exporters := map[string]exporter{
		"banhbaoring-postgres-exporter": {spec.ExportsPostgres(), spec.Database.Exporter.Image, spec.Database.Replicas, spec.Database.Scheduling},
		"banhbaoring-redis-exporter":    {spec.ExportsRedis(), spec.Redis.Exporter.Image, spec.Redis.Replicas, spec.Redis.Scheduling},
	}
	var objects []runtime.Object
	for _, o := range base.Objects() {
		e := exporters[o.(metav1.Object).GetName()]
		if !e.enabled {
			continue
		}
		if set, ok := o.(*appsv1.StatefulSet); ok {
			set.Spec.Replicas = e.replicas
			pod := &set.Spec.Template.Spec
			s.Place(pod, v1.Workload{Scheduling: e.server, Image: e.image, Resources: pod.Containers[0].Resources})
			pod.Affinity = nil // it is about the server
		}
		objects = append(objects, o)
	}
	return objects, nil
}
