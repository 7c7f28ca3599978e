package render

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Only keeps the objects of one stage.
func (m Manifests) Only(stage Stage) Manifests {
	var kept Manifests
	for _, u := range m {
		if stageOf(u) == stage.String() {
			kept = append(kept, u)
		}
	}
	return kept
}

// YAML is the objects as one stream of documents.
func (m Manifests) YAML() ([]byte, error) {
	var out bytes.Buffer
	for _, u := range m {
		text, err := ObjectYAML(u)
		if err != nil {
			return nil, err
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return out.Bytes(), nil
}

// ObjectYAML is one object as a document, its keys in order.
func ObjectYAML(u *unstructured.Unstructured) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(u.Object); err != nil {
		return nil, fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return out.Bytes(), nil
}
