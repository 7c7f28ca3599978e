package render

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// guard tells the admission policies what the finished objects hold: the images
// of OpenBao's pods, and the pod security that the namespace enforces.
func guard(objects Manifests) {
	var policies Manifests
	var images []string
	level := "privileged"
	for _, u := range objects {
		switch {
		case u.GetKind() == "ValidatingAdmissionPolicy":
			policies = append(policies, u)
		case u.GetKind() == "StatefulSet" && u.GetName() == "banhbaoring-openbao":
			EachImage(u.Object, func(image string) string {
				images = append(images, image)
				return image
			})
		case u.GetKind() == "Namespace":
			if enforced := u.GetLabels()["pod-security.kubernetes.io/enforce"]; enforced != "" {
				level = enforced
			}
		}
	}
	slices.Sort(images)
	for _, u := range policies {
		SetVariable(u, "images", CELList(slices.Compact(images)))
		SetVariable(u, "level", strconv.Quote(level))
	}
}

// SetVariable fills in a variable that a policy has left empty.
func SetVariable(policy *unstructured.Unstructured, name, expression string) {
	variables, _, _ := unstructured.NestedSlice(policy.Object, "spec", "variables")
	for _, v := range variables {
		if v := v.(map[string]any); v["name"] == name && v["expression"] == "" {
			v["expression"] = expression
		}
	}
	if variables != nil {
		// The path exists and holds a list, so that this cannot fail.
		_ = unstructured.SetNestedSlice(policy.Object, variables, "spec", "variables")
	}
}

// CELList writes texts as a list of CEL.
func CELList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strconv.Quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
