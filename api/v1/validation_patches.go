package v1

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// validatePatch checks what can be known of a patch before there are objects.
// No fault shows its text: it may set a variable to a secret.
func validatePatch(at *field.Path, p Patch) field.ErrorList {
	const mapOrList = "a map of what to change, or a list of JSON 6902 operations"
	target, text := at.Child("target"), at.Child("patch")
	faults := p.Target.validate(target)
	add := func(more field.ErrorList) { faults = append(faults, more...) }

	var content any
	err := yaml.Unmarshal([]byte(p.Patch), &content)
	switch content := content.(type) {
	case map[string]any:
		missing := missingIdentity(content)
		add(forbidden(text, p.Target == nil && len(missing) > 0, "must name its object, or have a target: it lacks "+strings.Join(missing, ", ")))
	case []any:
		add(required(target, p.Target != nil, "what the list of operations is applied to"))
		for i, operation := range content {
			fault := operationFault(operation)
			add(forbidden(text, fault != "", fmt.Sprintf("operation %d: %s", i+1, fault)))
		}
	default:
		empty := strings.TrimSpace(p.Patch) == ""
		add(required(text, !empty, mapOrList))
		add(forbidden(text, err != nil, "must be YAML or JSON"))
		add(forbidden(text, err == nil && !empty, "must be "+mapOrList))
	}
	return faults
}

// missingIdentity lists what a strategic merge patch lacks to name its object.
func missingIdentity(patch map[string]any) []string {
	metadata, _ := patch["metadata"].(map[string]any)
	var missing []string
	for _, part := range []struct {
		path  string
		value any
	}{
		{"apiVersion", patch["apiVersion"]}, {"kind", patch["kind"]}, {"metadata.name", metadata["name"]},
	} {
		if text, _ := part.value.(string); text == "" {
			missing = append(missing, part.path)
		}
	}
	return missing
}

// operationFault tells what is wrong with a JSON 6902 operation, if anything.
func operationFault(operation any) string {
	fields, isMap := operation.(map[string]any)
	if !isMap {
		return "must be a map with op and path"
	}
	operations := []string{"add", "remove", "replace", "move", "copy", "test"}
	op, _ := fields["op"].(string)
	_, hasValue := fields["value"]
	switch {
	case !slices.Contains(operations, op):
		return "op must be " + either(operations)
	case !isPointer(fields["path"]):
		return "path must begin with /"
	case (op == "move" || op == "copy") && !isPointer(fields["from"]):
		return "from must begin with /"
	case (op == "add" || op == "replace" || op == "test") && !hasValue:
		return "value is required"
	}
	return ""
}

func isPointer(v any) bool {
	pointer, _ := v.(string)
	return strings.HasPrefix(pointer, "/")
}

func (t *PatchTarget) validate(at *field.Path) field.ErrorList {
	if t == nil {
		return nil
	}
	var faults field.ErrorList
	for _, f := range []struct{ name, value string }{
		{"group", t.Group}, {"version", t.Version}, {"kind", t.Kind}, {"name", t.Name}, {"namespace", t.Namespace},
	} {
		_, err := regexp.Compile(f.value)
		faults = append(faults, check(at.Child(f.name), f.value, err == nil, "must be a regular expression")...)
	}
	for _, f := range []struct{ name, value string }{
		{"labelSelector", t.LabelSelector}, {"annotationSelector", t.AnnotationSelector},
	} {
		_, err := labels.Parse(f.value)
		faults = append(faults, check(at.Child(f.name), f.value, err == nil, "must be a selector, such as app.kubernetes.io/component=api")...)
	}
	return faults
}
