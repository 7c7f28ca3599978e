package strict

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

const statefulSet = `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: openbao
  namespace: vault
  creationTimestamp: 2024-05-06T07:08:09Z
  labels: &labels
    app.kubernetes.io/name: openbao
    app.kubernetes.io/version: "2.0"
  annotations:
    note: |
      --- several
      lines
    folded: >-
      a
      b
    empty: ""
spec:
  serviceName: openbao-internal
  replicas: 3
  podManagementPolicy: Parallel
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 50%, partition: 0}}
  selector:
    matchLabels: *labels
  template:
    metadata:
      labels:
        <<: *labels
        role: server
    spec:
      terminationGracePeriodSeconds: 1_0
      securityContext: {runAsNonRoot: true, fsGroup: 0x3e8}
      nodeSelector:
      affinity: ~
      containers:
      - name: openbao
        image: openbao/openbao:2.0
        args: [server, -config=/etc/openbao]
        command: []
        env:
        - {name: DATE, value: 2020-01-01}
        - {name: QUOTED, value: "yes"}
        ports:
        - {name: http, containerPort: 8200}
        readinessProbe:
          httpGet: {path: /v1/sys/health, port: http, scheme: HTTPS}
        livenessProbe:
          tcpSocket: {port: 8200}
        resources:
          requests: {cpu: 0.5, memory: 1Gi, ephemeral-storage: 1e3}
          limits: {cpu: 2, memory: "1073741824"}
      volumes:
      - name: config
        secret: {secretName: config, defaultMode: 0440}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 10Gi}}
`

func TestDecodeAgreesWithKubernetes(t *testing.T) {
	var want, got appsv1.StatefulSet
	if err := yaml.UnmarshalStrict([]byte(statefulSet), &want); err != nil {
		t.Fatal(err)
	}
	documents, faults := Split("f", []byte(statefulSet))
	if len(documents) != 1 {
		t.Fatal(faults)
	}
	faults = append(faults, documents[0].Decode(&got)...)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not as Kubernetes decodes it (-want +got):\n%s", diff)
	}
}

func TestValueAgreesWithKubernetes(t *testing.T) {
	for _, text := range []string{statefulSet, header + "a: [yes, n, Off, 0o17, 017, 08, .5, 1., +3, -0x1f, 1_0.5, 1:20, ~, Null, 1e400]\n"} {
		want, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		documents, faults := Split("f", []byte(text))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		got, err := json.Marshal(documents[0].Value())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("not as Kubernetes reads it (-want +got):\n%s", diff)
		}
	}
}
