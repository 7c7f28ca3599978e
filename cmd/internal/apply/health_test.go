package apply

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = u.UnmarshalJSON(data) // whole numbers, as the API server's are
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestHealth(t *testing.T) {
	for name, test := range map[string]struct {
		object        string
		ready, failed bool
	}{
		"a Job that runs is not ready": {object: `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {startTime: "2026-01-01T00:00:00Z", active: 1}}`},
		"a Job that has done its work": {object: `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {startTime: "2026-01-01T00:00:00Z", conditions: [{type: Complete, status: "True"}]}}`, ready: true},
		"a Job that gave up":           {object: `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {startTime: "2026-01-01T00:00:00Z", conditions: [{type: Failed, status: "True"}]}}`, failed: true},
		"a StatefulSet whose new pods do not run yet": {object: `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 2}, spec: {replicas: 1},
			status: {observedGeneration: 2, replicas: 1, readyReplicas: 1, currentReplicas: 0, updatedReplicas: 0, currentRevision: a, updateRevision: b}}`},
		"a StatefulSet that nobody has looked at": {object: `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 2}, spec: {replicas: 1},
			status: {observedGeneration: 1, replicas: 1, readyReplicas: 1, currentReplicas: 1, updatedReplicas: 1, currentRevision: b, updateRevision: b}}`},
		"a StatefulSet that is whole": {object: `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 2}, spec: {replicas: 1},
			status: {observedGeneration: 2, replicas: 1, readyReplicas: 1, currentReplicas: 1, updatedReplicas: 1, currentRevision: b, updateRevision: b}}`, ready: true},
		"a Deployment past its deadline": {object: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, spec: {replicas: 1},
			status: {observedGeneration: 1, conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded}]}}`, failed: true},
		"a Certificate that its operator has not seen": {object: `{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: a}}`},
		"a Certificate that is issued":                 {object: `{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: a}, status: {conditions: [{type: Ready, status: "True"}]}}`, ready: true},
		"a ConfigMap":                                  {object: `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`, ready: true},
	} {
		t.Run(name, func(t *testing.T) {
			if h := healthOf(parsed(t, test.object)); h.ready != test.ready || h.failed != test.failed {
				t.Errorf("%+v, want ready %t, failed %t", h, test.ready, test.failed)
			}
		})
	}
}
