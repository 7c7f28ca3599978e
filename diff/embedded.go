package diff

import (
	"bytes"
	"encoding/json"
	"path"

	"github.com/hashicorp/hcl"
	"sigs.k8s.io/yaml"
)

// parseBoth reads two texts as the document that the name of their key says
// they are; format is empty where they are none, or not both.
func parseBoth(name, old, now string) (format string, was, is any) {
	var parse func(string) (any, bool)
	switch path.Ext(name) {
	case ".hcl":
		format, parse = "HCL", parseHCL
	case ".json":
		format, parse = "JSON", parseJSON
	case ".yaml", ".yml":
		format, parse = "YAML", parseYAML
	default:
		return "", nil, nil
	}
	was, ok := parse(old)
	if !ok {
		return "", nil, nil
	}
	if is, ok = parse(now); !ok {
		return "", nil, nil
	}
	return describe(format, is), was, is
}

// describe names what a document is, where its content shows it.
func describe(format string, v any) string {
	m, _ := v.(map[string]any)
	_, groups := m["groups"].([]any)
	_, panels := m["panels"].([]any)
	switch {
	case groups && format == "YAML":
		return "Prometheus rules"
	case panels && format == "JSON":
		return "dashboard"
	}
	return format
}

func parseJSON(text string) (any, bool) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil || decoder.More() {
		return nil, false
	}
	return normal(v), true
}

func parseYAML(text string) (any, bool) {
	var v any
	if yaml.Unmarshal([]byte(text), &v) != nil {
		return nil, false
	}
	return normal(v), true
}

// parseHCL reads the language of OpenBao's configuration. A block is a list of
// mappings; one that stands alone is shown as the mapping.
func parseHCL(text string) (any, bool) {
	var v map[string]any
	if hcl.Decode(&v, text) != nil {
		return nil, false
	}
	return flatten(v), true
}

func flatten(v any) any {
	switch v := v.(type) {
	case []map[string]any:
		if len(v) == 1 {
			return flatten(v[0])
		}
		list := make([]any, len(v))
		for i, block := range v {
			list[i] = flatten(block)
		}
		return list
	case map[string]any:
		tree := make(map[string]any, len(v))
		for key, value := range v {
			tree[key] = flatten(value)
		}
		return tree
	case []any:
		list := make([]any, len(v))
		for i, value := range v {
			list[i] = flatten(value)
		}
		return list
	}
	return normal(v)
}
