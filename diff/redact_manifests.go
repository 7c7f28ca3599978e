package diff

import (
	"encoding/json"
	"path"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// manifests redacts a text that holds objects, a patch of one, or a list of
// operations on one, as what it means, and writes it anew: its comments and
// layout go. Where it is known to be about a Secret, that one's values go too.
func (f Fingerprint) manifests(text string, ofSecret bool) (string, bool) {
	var written []string
	for _, part := range strings.Split("\n"+text, "\n---") {
		var v any
		if yaml.Unmarshal([]byte(part), &v) != nil {
			return "", false
		}
		switch v := v.(type) {
		case nil:
			continue
		case map[string]any:
			if ofSecret || v["kind"] == "Secret" {
				f.secret(v)
			}
			f.tree(v, "")
		case []any:
			for _, operation := range v {
				f.operation(operation, ofSecret)
			}
		default:
			return "", false
		}
		out, err := yaml.Marshal(v)
		if err != nil {
			return "", false
		}
		written = append(written, string(out))
	}
	return strings.Join(written, "---\n"), len(written) > 0
}

// holdsDocument reports whether a text may be YAML or JSON that holds a secret.
func holdsDocument(v string) bool {
	opens := strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[")
	if !opens && (!strings.Contains(v, "\n") || !strings.Contains(v, ":")) {
		return false
	}
	return slices.ContainsFunc(candidate.FindAllString(v, -1), func(name string) bool { return secretNamed(strings.Trim(name, "-")) })
}

// embedded redacts a text that is YAML or JSON, as what it means, and writes it anew
// where that hides anything; all else is left to be searched as a text.
func (f Fingerprint) embedded(text string) (string, bool) {
	before, ok := parseJSON(text)
	if !ok { // nothing of it may be lost: of several documents, or of a key that stands twice
		if strings.Contains("\n"+text, "\n---") || yaml.UnmarshalStrict([]byte(text), &before) != nil {
			return "", false
		}
		before = normal(before)
	}
	if scalar(before) {
		return "", false
	}
	after := f.tree(normal(before), "")
	if reflect.DeepEqual(before, after) {
		return "", false
	}
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		if out, err := json.MarshalIndent(after, "", "  "); err == nil {
			return string(out) + "\n", true
		}
	}
	out, err := yaml.Marshal(after)
	return string(out), err == nil
}

// operation redacts the value of a JSON 6902 operation, whose name is the end of
// its path.
func (f Fingerprint) operation(v any, ofSecret bool) {
	o, _ := v.(map[string]any)
	target, ok := o["path"].(string)
	if _, isOperation := o["op"].(string); !ok || !isOperation {
		f.tree(v, "")
		return
	}
	dir, name := path.Split(target)
	text, isText := o["value"].(string)
	values, isMap := o["value"].(map[string]any)
	secret := func(field string) bool { return field == "stringData" || ofSecret && field == "data" }
	switch {
	case isText && secret(path.Base(path.Clean(dir))):
		o["value"] = f.value(text)
	case isMap && secret(name):
		for key, value := range values {
			values[key] = f.value(show(value))
		}
	case isMap && ofSecret && target == "":
		f.secret(values)
	default:
		o["value"] = f.tree(o["value"], name)
	}
}
