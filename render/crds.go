package render

import (
	"io/fs"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Definitions are the CustomResourceDefinitions in files, as objects of the
// first stage.
func Definitions(files fs.FS) (Manifests, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	var objects Manifests
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		text, err := yaml.YAMLToJSON(data)
		if err != nil {
			return nil, err
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(text); err != nil {
			return nil, err
		}
		setAnnotation(u, StageAnnotation, Foundation.String())
		objects = append(objects, u)
	}
	if err := annotate(objects); err != nil {
		return nil, err
	}
	return sorted(objects)
}
