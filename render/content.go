package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// NameByContent is the annotation of a ConfigMap whose name gets a hash of what
// it holds, so that those who mount it see one state of it.
const NameByContent = "banhbaoring.io/name-by-content"

// nameByContent appends to the name of each Job, and of the ConfigMap of the
// same name that configures it, a hash of what both contain. A Job's template
// is immutable: any change makes a new Job, and nothing else does.
func nameByContent(objects Manifests) (Manifests, error) {
	objects, err := nameConfigs(objects)
	if err != nil {
		return nil, err
	}
	configs := map[string]*unstructured.Unstructured{}
	for _, u := range objects {
		if u.GetKind() == "ConfigMap" {
			configs[u.GetName()] = u
		}
	}
	for _, job := range slices.Clone(objects) {
		if job.GetKind() != "Job" {
			continue
		}
		base, config := job.GetName(), configs[job.GetName()]
		hash, err := contentHash(job, config)
		if err != nil {
			return nil, fmt.Errorf("Job %s: %w", base, err)
		}
		job.SetName(base + "-" + hash)
		if config == nil {
			continue
		}
		if objects, err = nameConfig(objects, config, hash, func(u *unstructured.Unstructured) bool {
			return u == job || u.GetKind() == "CronJob" // which does the Job's work again
		}); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// nameConfigs names the ConfigMaps that ask for it, wherever they are mounted.
func nameConfigs(objects Manifests) (Manifests, error) {
	for _, config := range slices.Clone(objects) {
		if config.GetKind() != "ConfigMap" || config.GetAnnotations()[NameByContent] == "" {
			continue
		}
		hash, err := hashOf(config.Object["data"])
		if err != nil {
			return nil, fmt.Errorf("ConfigMap %s: %w", config.GetName(), err)
		}
		if objects, err = nameConfig(objects, config, hash, func(*unstructured.Unstructured) bool { return true }); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// nameConfig names a ConfigMap after its content, for all that read it, and gives
// each stage that does one of its own. An engine prunes the old one as soon as
// its stage is done; what runs of a later stage still reads it by then, for as
// long as the stages between take.
func nameConfig(objects Manifests, config *unstructured.Unstructured, hash string, mayRead func(*unstructured.Unstructured) bool) (Manifests, error) {
	base := config.GetName()
	readers := map[Stage]Manifests{}
	for _, u := range objects {
		if !mayRead(u) || !slices.Contains(configMapsOf(u.Object["spec"], nil), base) {
			continue
		}
		stage, err := ParseStage(stageOf(u))
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
		readers[stage] = append(readers[stage], u)
	}
	config.SetName(base + "-" + hash)
	for i, stage := range slices.Sorted(maps.Keys(readers)) {
		if i > 0 {
			config = config.DeepCopy()
			config.SetName(base + "-" + stage.String() + "-" + hash)
			objects = append(objects, config)
		}
		setAnnotation(config, StageAnnotation, stage.String())
		for _, u := range readers[stage] {
			renameConfig(u.Object["spec"], base, config.GetName())
		}
	}
	return objects, nil
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
