package monitoring

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

type object = map[string]any

// edit changes the YAML that stands under a key of a ConfigMap.
func edit(cm *corev1.ConfigMap, key string, change func(object)) error {
	var content object
	if err := yaml.Unmarshal([]byte(cm.Data[key]), &content); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	change(content)
	text, err := yaml.Marshal(content)
	if err != nil {
		return err
	}
	cm.Data[key] = string(text)
	return nil
}

// checksum is over ConfigMaps, for the pods that read them: none of the
// programs sees a change by itself.
func checksum(template *corev1.PodTemplateSpec, configs ...*corev1.ConfigMap) {
	hash := sha256.New()
	for _, cm := range configs {
		for _, key := range slices.Sorted(maps.Keys(cm.Data)) {
			fmt.Fprintf(hash, "%s\n%s\n", key, cm.Data[key])
		}
	}
	template.Annotations = map[string]string{"banhbaoring.io/config": fmt.Sprintf("%x", hash.Sum(nil))}
}
