package render

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// StageAnnotation names an object's stage.
const StageAnnotation = "banhbaoring.io/stage"

// Annotations that a GitOps engine reads and the others ignore.
const (
	argoWave       = "argocd.argoproj.io/sync-wave"
	fluxSubstitute = "kustomize.toolkit.fluxcd.io/substitute"
)

// neverPruned are the kinds whose removal loses data or takes others along.
var neverPruned = map[string]bool{
	"Namespace":                true,
	"CustomResourceDefinition": true,
	"PersistentVolumeClaim":    true,
	"Secret":                   true,
	"Cluster":                  true, // CloudNativePG's, whose claims go with it
}

func stageOf(u *unstructured.Unstructured) string { return u.GetAnnotations()[StageAnnotation] }

func setAnnotation(u *unstructured.Unstructured, key, value string) {
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	u.SetAnnotations(annotations)
}

// annotate tells each engine the order of the stages and what it may not touch.
func annotate(objects Manifests) error {
	for _, u := range objects {
		stage, err := ParseStage(stageOf(u))
		if err != nil {
			return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
		setAnnotation(u, argoWave, strconv.Itoa(stage.Wave()))
		if neverPruned[u.GetKind()] {
			for key, value := range v1.NeverPruned() {
				setAnnotation(u, key, value)
			}
		}
		protectClaims(u)
		if containsSubstitution(u.Object) {
			setAnnotation(u, fluxSubstitute, "disabled")
		}
	}
	return nil
}

// protectClaims marks the claims that a StatefulSet makes. They bear its
// selector's labels, by which Argo CD takes them for part of an application of
// the same name that Git does not have.
func protectClaims(u *unstructured.Unstructured) {
	if u.GetKind() != "StatefulSet" {
		return
	}
	spec, _ := u.Object["spec"].(map[string]any)
	templates, _ := spec["volumeClaimTemplates"].([]any)
	for _, t := range templates {
		claim := &unstructured.Unstructured{Object: t.(map[string]any)}
		for key, value := range v1.NeverPruned() {
			setAnnotation(claim, key, value)
		}
	}
}

// containsSubstitution tells whether Flux's post-build substitution would
// touch a string in v. Source: github.com/fluxcd/pkg/envsubst reads ${ only.
func containsSubstitution(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, "${")
	case map[string]any:
		for key, value := range v {
			if strings.Contains(key, "${") || containsSubstitution(value) {
				return true
			}
		}
	case []any:
		for _, value := range v {
			if containsSubstitution(value) {
				return true
			}
		}
	}
	return false
}
