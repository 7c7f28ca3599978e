package helm

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// A line that ends a YAML document. What follows `---` on its line belongs to
// the next document.
var documentEnd = regexp.MustCompile(`(?m)^(?:---(?:[ \t]|\r?$)|\.\.\.[ \t]*\r?$)`)

// parseManifests reads the objects of a rendered file. Empty documents are left
// out, lists are taken apart, and a key given twice is an error.
func parseManifests(text string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for i, document := range documentEnd.Split(text, -1) {
		if strings.TrimSpace(document) == "" {
			continue
		}
		parsed, err := parseDocument(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %s", i+1, oneLine(err.Error()))
		}
		all = append(all, parsed...)
	}
	return all, nil
}

func parseDocument(document string) ([]*unstructured.Unstructured, error) {
	data, err := yaml.YAMLToJSONStrict([]byte(document))
	if err != nil {
		return nil, err
	}
	var content any
	if err := utiljson.Unmarshal(data, &content); err != nil {
		return nil, err
	}
	fields, ok := content.(map[string]any)
	switch {
	case content == nil || ok && len(fields) == 0:
		return nil, nil
	case !ok:
		return nil, errors.New("not an object but a scalar or a list")
	}
	object := &unstructured.Unstructured{Object: fields}
	if object.GetKind() == "" || object.GetAPIVersion() == "" {
		return nil, errors.New("an object without kind or apiVersion")
	}
	if !object.IsList() {
		if object.GetName() == "" && object.GetGenerateName() == "" {
			return nil, fmt.Errorf("a %s without a name", object.GetKind())
		}
		return []*unstructured.Unstructured{object}, nil
	}
	var items []*unstructured.Unstructured
	err = object.EachListItem(func(item runtime.Object) error {
		items = append(items, item.(*unstructured.Unstructured))
		return nil
	})
	return items, err
}

const hookPrefix = "helm.sh/hook"

// withoutHooks drops Helm tests and removes the hook annotations of the rest.
func withoutHooks(all []*unstructured.Unstructured) []*unstructured.Unstructured {
	kept := all[:0]
	for _, object := range all {
		annotations := object.GetAnnotations()
		if isTest(annotations[hookPrefix]) {
			continue
		}
		before := len(annotations)
		for key := range annotations {
			if strings.HasPrefix(key, hookPrefix) {
				delete(annotations, key)
			}
		}
		switch {
		case len(annotations) == 0 && before > 0:
			object.SetAnnotations(nil)
		case len(annotations) < before:
			object.SetAnnotations(annotations)
		}
		kept = append(kept, object)
	}
	return kept
}

// isTest tells whether hooks, such as "post-install,test", name a Helm test;
// test-success and test-failure are its Helm 2 names.
func isTest(hooks string) bool {
	for hook := range strings.SplitSeq(hooks, ",") {
		if strings.HasPrefix(strings.TrimSpace(hook), "test") {
			return true
		}
	}
	return false
}
