package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// NameByContent is the annotation of a ConfigMap whose name gets a hash of what
// it holds, so that those who mount it see one state of it.
const NameByContent = "banhbaoring.io/name-by-content"

// nameByContent appends to the name of each Job, and of the ConfigMap of the
// same name that configures it, a hash of what both contain. A Job's template
// is immutable: any change makes a new Job, and nothing else does.
func nameByContent(objects Manifests) error {
	if err := nameConfigs(objects); err != nil {
		return err
	}
	configs := map[string]*unstructured.Unstructured{}
	for _, u := range objects {
		if u.GetKind() == "ConfigMap" {
			configs[u.GetName()] = u
		}
	}
	for _, job := range objects {
		if job.GetKind() != "Job" {
			continue
		}
		base, config := job.GetName(), configs[job.GetName()]
		hash, err := contentHash(job, config)
		if err != nil {
			return fmt.Errorf("Job %s: %w", base, err)
		}
		name := base + "-" + hash
		job.SetName(name)
		if config != nil {
			config.SetName(name)
			for _, u := range objects {
				if u == job || u.GetKind() == "CronJob" { // which does the Job's work again
					renameConfig(u.Object["spec"], base, name)
				}
			}
		}
	}
	return nil
}

// nameConfigs names the ConfigMaps that ask for it, wherever they are mounted.
func nameConfigs(objects Manifests) error {
	for _, config := range objects {
		if config.GetKind() != "ConfigMap" || config.GetAnnotations()[NameByContent] == "" {
			continue
		}
		base := config.GetName()
		hash, err := hashOf(config.Object["data"])
		if err != nil {
			return fmt.Errorf("ConfigMap %s: %w", base, err)
		}
		name := base + "-" + hash
		config.SetName(name)
		for _, u := range objects {
			renameConfig(u.Object["spec"], base, name)
		}
	}
	return nil
}

// contentHash is ten hexadecimal digits over the Job's spec and its config.
func contentHash(job, config *unstructured.Unstructured) (string, error) {
	content := []any{job.Object["spec"]}
	if config != nil {
		content = append(content, config.Object["data"])
	}
	return hashOf(content)
}

func hashOf(content any) (string, error) {
	// Maps are encoded in the order of their keys.
	text, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:5]), nil
}

// isConfigMapRef are the fields that refer to a ConfigMap: a volume's and a
// projected source's, an environment's as a whole and by key.
var isConfigMapRef = map[string]bool{"configMap": true, "configMapRef": true, "configMapKeyRef": true}

// renameConfig rewrites every reference to the ConfigMap of that name.
func renameConfig(v any, from, to string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			ref, ok := value.(map[string]any)
			if ok && ref["name"] == from && isConfigMapRef[key] {
				ref["name"] = to
			}
			renameConfig(value, from, to)
		}
	case []any:
		for _, value := range v {
			renameConfig(value, from, to)
		}
	}
}
