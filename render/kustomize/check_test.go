package kustomize_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

const checked = `apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  replicas: 1
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: a, image: a, env: [{name: A, value: a}]}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: a}
spec:
  schedule: "0 0 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {A: a}
---
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {ports: [{name: a, port: 80, targetPort: a}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a}
spec: {podSelector: {}, egress: [{ports: [{port: 53}]}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: a}
spec: {failurePolicy: Fail, matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [DELETE], resources: [secrets]}]}, validations: [{expression: "false"}]}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: a}
spec: {selector: {}}
`

// What a patch makes is held against Kubernetes' own types, field by field, as its
// API server would, whatever the form of the patch. No message shows a value.
func TestPatchedObjectsAreCheckedAgainstKubernetesTypes(t *testing.T) {
	const secret = "word-of-a-patch"
	set := func(path, value string) string { return "[{op: add, path: " + path + ", value: " + value + "}]" }
	for name, c := range map[string]struct {
		kind, patch string
		want        []string // the beginnings of what is told; none where it is applied
	}{
		"a number in its place":                   {"Deployment", set("/spec/replicas", "3"), nil},
		"a text for a number":                     {"Deployment", set("/spec/replicas", `"`+secret+`"`), []string{"Deployment a: spec.replicas: "}},
		"a fraction for a number":                 {"Deployment", set("/spec/replicas", "1.5"), []string{"Deployment a: spec.replicas: "}},
		"a number for a text":                     {"ConfigMap", set("/data/PORT", "8080"), []string{"ConfigMap a: data.PORT: must be a string"}},
		"a truth for a label":                     {"ConfigMap", set("/metadata/labels", "{a: true}"), []string{"ConfigMap a: metadata.labels.a: "}},
		"a number for a variable":                 {"Deployment", set("/spec/template/spec/containers/0/env/0/value", "1"), []string{"Deployment a: spec.template.spec.containers[0].env[0].value: "}},
		"a list for a mapping":                    {"Deployment", set("/spec/selector", "["+secret+"]"), []string{"Deployment a: spec.selector: "}},
		"a mapping for a list":                    {"Service", set("/spec/ports", "{a: "+secret+"}"), []string{"Service a: spec.ports: "}},
		"an amount that is none":                  {"Deployment", set("/spec/template/spec/containers/0/resources", "{limits: {memory: "+secret+"}}"), []string{"Deployment a: spec.template.spec.containers[0].resources.limits.memory: "}},
		"a port by name or by number":             {"Service", set("/spec/ports/0/targetPort", "8080"), nil},
		"a port that is neither":                  {"Service", set("/spec/ports/0/targetPort", "{a: b}"), []string{"Service a: spec.ports[0].targetPort: "}},
		"a misspelt field":                        {"Deployment", set("/spec/template/spec/priorityClasName", secret), []string{"Deployment a: spec.template.spec.priorityClasName: unknown field"}},
		"a misspelt field of a Job":               {"CronJob", set("/spec/jobTemplate/spec/backofLimit", "1"), []string{"CronJob a: spec.jobTemplate.spec.backofLimit: unknown field"}},
		"a misspelt field of a policy":            {"NetworkPolicy", set("/spec/egress/0/port", "[]"), []string{"NetworkPolicy a: spec.egress[0].port: unknown field"}},
		"a misspelt field of an admission policy": {"ValidatingAdmissionPolicy", set("/spec/failurPolicy", secret), []string{"ValidatingAdmissionPolicy a: spec.failurPolicy: unknown field"}},
		"an admission policy":                     {"ValidatingAdmissionPolicy", set("/spec/failurePolicy", "Ignore"), nil},
		"an amount with a unit of another way":    {"Deployment", set("/spec/template/spec/containers/0/resources", "{limits: {memory: 7Gb}}"), []string{"Deployment a: spec.template.spec.containers[0].resources.limits.memory: must be a quantity such as 500m or 10Gi"}},
		"a merge patch": {"", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {paused: " + secret + ", template: {spec: {hostNetwrk: true}}}", []string{
			"Deployment a: spec.paused: ", "Deployment a: spec.template.spec.hostNetwrk: unknown field"}},
		"a kind that is not Kubernetes'": {"PodMonitor", set("/spec/anything", "1"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var objects []*unstructured.Unstructured
			for document := range strings.SplitSeq(checked, "---\n") {
				u := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
					t.Fatal(err)
				}
				objects = append(objects, u)
			}
			p := types.Patch{Patch: c.patch}
			if c.kind != "" {
				p.Target = &types.Selector{}
				p.Target.Kind = c.kind
			}
			_, err := kustomize.Patch(objects, []types.Patch{p})
			var told []string
			if joined, ok := err.(interface{ Unwrap() []error }); ok {
				for _, one := range joined.Unwrap() {
					told = append(told, strings.TrimPrefix(one.Error(), "patch 0: "))
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if len(told) != len(c.want) {
				t.Fatalf("told %q, want %q", told, c.want)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(told[i], want) || strings.Contains(told[i], secret) || strings.Contains(told[i], "7G") {
					t.Errorf("told %q, want %q", told[i], want)
				}
			}
		})
	}
}
