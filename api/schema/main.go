// Command schema prints a JSON schema of the four kinds, for editors, from the
// CustomResourceDefinitions.
package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/api/crds"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write() error {
	names, err := fs.Glob(crds.Files, "*.yaml")
	if err != nil {
		return err
	}
	var kinds []any
	for _, name := range names {
		kind, err := schemaOf(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		kinds = append(kinds, kind)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"title":   "banhbaoring.io/v1",
		"oneOf":   kinds,
	})
}

// schemaOf is the schema of one definition's only version, told apart from the
// others by its kind.
func schemaOf(name string) (map[string]any, error) {
	data, err := fs.ReadFile(crds.Files, name)
	if err != nil {
		return nil, err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(data, &crd); err != nil {
		return nil, err
	}
	version := crd.Spec.Versions[0]
	text, err := json.Marshal(version.Schema.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	properties := schema["properties"].(map[string]any)
	properties["apiVersion"] = map[string]any{"const": crd.Spec.Group + "/" + version.Name}
	properties["kind"] = map[string]any{"const": crd.Spec.Names.Kind}
	schema["required"] = []string{"apiVersion", "kind", "metadata", "spec"}
	refuseUnknown(schema)
	return schema, nil
}

// refuseUnknown refuses unknown fields wherever an object's fields are listed, except
// in metadata, whose fields are Kubernetes' own.
func refuseUnknown(schema map[string]any) {
	if properties, ok := schema["properties"].(map[string]any); ok {
		schema["additionalProperties"] = false
		for _, property := range properties {
			if p, ok := property.(map[string]any); ok {
				refuseUnknown(p)
			}
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		refuseUnknown(items)
	}
}
