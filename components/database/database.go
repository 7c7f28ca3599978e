// Package database renders the control plane's PostgreSQL: a StatefulSet of one
// primary and its standbys, or a Cluster of CloudNativePG.
package database

import (
	"embed"
	"fmt"
	"path"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components/database/cloudnativepg"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the database that is managed; one that exists needs nothing.
func Component() render.Component {
	return render.Component{
		Name:    "database",
		Stage:   render.Data,
		Enabled: func(s *render.Stack) bool { return *s.Cluster.Spec.Database.Managed },
		Build:   build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	d := s.Cluster.Spec.Database
	if d.Engine == v1.DatabaseCloudNativePG {
		return cloudnativepg.Objects(s, sizes(d))
	}
	objects := base.Objects()
	config := kustomize.Find[*corev1.ConfigMap](objects)
	if err := fill(config, sizes(d)); err != nil {
		return nil, err
	}
	set := kustomize.Find[*appsv1.StatefulSet](objects)
	set.Spec.Replicas = d.Replicas
	store(&set.Spec.VolumeClaimTemplates[0].Spec, d.Storage)

	pod := &set.Spec.Template.Spec
	s.Place(pod, d.Workload)
	pod.InitContainers[0].Image = d.Image
	pod.InitContainers[0].Resources = d.Resources
	pod.Containers[1].Image = d.Image // reload
	return objects, nil
}

// fill puts the configuration's files into their ConfigMap.
func fill(config *corev1.ConfigMap, sizes map[string]string) error {
	config.Data = map[string]string{"sizes.conf": lines(sizes)}
	const dir = "base/files"
	entries, err := files.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		text, err := files.ReadFile(path.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		config.Data[entry.Name()] = string(text)
	}
	return nil
}

// lines are parameters as PostgreSQL's configuration writes them, in order.
func lines(parameters map[string]string) string {
	var out strings.Builder
	for _, name := range sortedKeys(parameters) {
		fmt.Fprintf(&out, "%s = '%s'\n", name, parameters[name])
	}
	return out.String()
}

func store(claim *corev1.PersistentVolumeClaimSpec, storage v1.Storage) {
	claim.Resources.Requests[corev1.ResourceStorage] = storage.Size
	if storage.StorageClass != "" {
		claim.StorageClassName = &storage.StorageClass
	}
}
