// Package cloudnativepg renders the database as a Cluster of CloudNativePG.
package cloudnativepg

import (
	"embed"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

type object = map[string]any

// Objects are the Cluster with those parameters of PostgreSQL beside the base's.
func Objects(s *render.Stack, parameters map[string]string) ([]runtime.Object, error) {
	objects := base.Objects()
	cluster := kustomize.Find[*unstructured.Unstructured](objects)
	spec, d := cluster.Object["spec"].(object), s.Cluster.Spec.Database

	spec["instances"] = int64(*d.Replicas)
	spec["imageName"] = d.Image
	storage := spec["storage"].(object)
	storage["size"] = d.Storage.Size.String()
	if d.Storage.StorageClass != "" {
		storage["storageClass"] = d.Storage.StorageClass
	}
	own := spec["postgresql"].(object)["parameters"].(object)
	for name, value := range parameters {
		own[name] = value
	}
	resources, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&d.Resources)
	if err != nil {
		return nil, err
	}
	spec["resources"] = resources
	if err := place(s, spec); err != nil {
		return nil, err
	}
	return objects, nil
}

// place says where the pods may run. CloudNativePG has fields of its own for it.
func place(s *render.Stack, spec object) error {
	d := s.Cluster.Spec.Database
	given, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&d.Scheduling)
	if err != nil {
		return err
	}
	affinity := spec["affinity"].(object)
	if own, ok := given["affinity"].(object); ok {
		delete(given, "affinity")
		affinity = object{"enablePodAntiAffinity": false}
		for field, as := range map[string]string{
			"nodeAffinity": "nodeAffinity", "podAffinity": "additionalPodAffinity", "podAntiAffinity": "additionalPodAntiAffinity",
		} {
			if rule, ok := own[field]; ok {
				affinity[as] = rule
			}
		}
		spec["affinity"] = affinity
	}
	maps.Copy(affinity, given)

	var secrets []any
	for _, secret := range s.Cluster.Spec.ImagePullSecrets {
		secrets = append(secrets, object{"name": secret.Name})
	}
	if secrets != nil {
		spec["imagePullSecrets"] = secrets
	}
	return nil
}
