package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ConfigAnnotation of a pod template is a hash of the ConfigMaps that its pods
// read, so that their change rolls the pods. A base asks for it by leaving it
// empty.
const ConfigAnnotation = "banhbaoring.io/config"

// checksums fills in the annotation where it was left empty, from what the
// ConfigMaps hold in the end.
func checksums(objects Manifests) error {
	configs := map[string]*unstructured.Unstructured{}
	for _, u := range objects {
		if u.GetKind() == "ConfigMap" {
			configs[u.GetName()] = u
		}
	}
	for _, u := range objects {
		value, asked, _ := unstructured.NestedString(u.Object, "spec", "template", "metadata", "annotations", ConfigAnnotation)
		if !asked || value != "" {
			continue
		}
		read := map[string]any{}
		for _, name := range configMapsOf(u.Object["spec"], nil) {
			if config := configs[name]; config != nil {
				read[name] = []any{config.Object["data"], config.Object["binaryData"]}
			}
		}
		if len(read) == 0 {
			return fmt.Errorf("%s %s: none of its ConfigMaps is there, of which annotation %s is a hash", u.GetKind(), u.GetName(), ConfigAnnotation)
		}
		text, err := json.Marshal(read) // in the order of the keys
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		// The path exists, so that this cannot fail.
		_ = unstructured.SetNestedField(u.Object, hex.EncodeToString(sum[:]), "spec", "template", "metadata", "annotations", ConfigAnnotation)
	}
	return nil
}

// configMapsOf adds to names those of the ConfigMaps that v refers to.
func configMapsOf(v any, names []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			ref, ok := value.(map[string]any)
			if name, named := ref["name"].(string); ok && named && isConfigMapRef[key] {
				names = append(names, name)
			}
			names = configMapsOf(value, names)
		}
	case []any:
		for _, value := range v {
			names = configMapsOf(value, names)
		}
	}
	return names
}
