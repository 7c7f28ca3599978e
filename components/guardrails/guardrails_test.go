package guardrails_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/components/guardrails"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

func TestGuardrails(t *testing.T) {
	golden.Component(t, guardrails.Component(), "default", "guardrails: true")
	if objects := golden.Render(t, guardrails.Component(), ""); len(objects) > 0 {
		t.Errorf("%d objects that nobody asked for", len(objects))
	}
}

// Whatever makes pods with OpenBao's label or account is held to its images; that the
// API server understands it so is tried in e2e.
func TestNothingPassesForOpenBaoWithAnotherImage(t *testing.T) {
	kinds := map[string]string{}
	for _, u := range golden.Render(t, guardrails.Component(), "guardrails: true") {
		rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "matchConstraints", "resourceRules")
		conditions, _, _ := unstructured.NestedSlice(u.Object, "spec", "matchConditions")
		for _, r := range rules {
			resources, _, _ := unstructured.NestedStringSlice(r.(map[string]any), "resources")
			for _, c := range conditions {
				if c := c.(map[string]any); c["name"] == "of-openbao" && !strings.HasSuffix(u.GetName(), "-exec") {
					for _, kind := range resources {
						kinds[kind] = c["expression"].(string)
					}
				}
			}
		}
	}
	for _, kind := range []string{"pods", "statefulsets", "deployments", "daemonsets", "replicasets", "jobs"} {
		for _, mark := range []string{`["app.kubernetes.io/name"] == "openbao"`, `spec.serviceAccountName == "banhbaoring-openbao"`} {
			if !strings.Contains(kinds[kind], mark) {
				t.Errorf("%s are not looked at by %s: %s", kind, mark, kinds[kind])
			}
		}
	}
}

// variable is what a policy of the whole stack says of itself.
func variable(t *testing.T, spec, policy, name string) string {
	t.Helper()
	objects, err := render.Render(golden.Stack(t, spec), components.All())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range objects {
		if u.GetKind() != "ValidatingAdmissionPolicy" || !strings.HasSuffix(u.GetName(), "-"+policy) {
			continue
		}
		variables, _, _ := unstructured.NestedSlice(u.Object, "spec", "variables")
		for _, v := range variables {
			if v := v.(map[string]any); v["name"] == name {
				return v["expression"].(string)
			}
		}
	}
	t.Fatalf("policy %s has no variable %s", policy, name)
	return ""
}

func TestPoliciesKnowWhatIsRendered(t *testing.T) {
	const patched = `
guardrails: true
openbao: {autoUnseal: {provider: static, key: {secretName: own-seal, key: k}}}
patches:
- target: {kind: Namespace}
  patch: '[{"op": "replace", "path": "/metadata/labels/pod-security.kubernetes.io~1enforce", "value": "baseline"}]'
- target: {kind: StatefulSet, name: banhbaoring-openbao}
  patch: '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "example.com/patched:1"}]'
`
	for _, policy := range []string{"images", "pods"} {
		if got := variable(t, patched, policy, "images"); !strings.Contains(got, `"example.com/patched:1"`) || strings.Contains(got, "quay.io/openbao/openbao") {
			t.Errorf("%s: %s", policy, got)
		}
	}
	if got := variable(t, patched, "security", "level"); got != `"baseline"` {
		t.Errorf("level %s", got)
	}
	if got := variable(t, patched, "deletion", "keys"); !strings.Contains(got, `"own-seal"`) || !strings.Contains(got, `"banhbaoring-openbao-"`) {
		t.Errorf("keys %s", got)
	}
}
