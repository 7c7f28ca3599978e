package kustomize

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/render/strict"
)

// checkTypes holds objects against Kubernetes' own types, as its API server does:
// a field that is unknown, or of another type. Kinds that are not Kubernetes' own
// are left to those who define them. No message shows a value: a patch may set a
// secret.
func checkTypes(objects []*unstructured.Unstructured) error {
	var faults []error
	for _, u := range objects {
		typed, err := checked().New(u.GroupVersionKind())
		if err != nil {
			continue
		}
		text, err := u.MarshalJSON()
		if err != nil {
			return err
		}
		documents, found := strict.Split("", text)
		for _, d := range documents {
			found = append(found, d.Decode(typed)...)
		}
		for _, fault := range found {
			faults = append(faults, fmt.Errorf("%s %s: %s: %s", u.GetKind(), u.GetName(), fault.Path, withoutValue(fault)))
		}
	}
	return errors.Join(faults...)
}

// withoutValue is a fault's message, and its hint on a line of its own.
func withoutValue(f strict.Fault) string {
	message, _, _ := strings.Cut(f.Message, " (got ")
	hint := f.Hint
	if strings.HasPrefix(message, "must be a quantity") {
		hint = "" // it is made of the value
	}
	if before, _, quotes := strings.Cut(hint, ": "); quotes && strings.HasPrefix(hint, "write it in quotes") {
		hint = before
	}
	if hint != "" {
		message += "\nhint: " + hint
	}
	return message
}
