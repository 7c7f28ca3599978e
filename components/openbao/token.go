package openbao

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// mostReplicas is the largest number of pods that the spec allows.
const mostReplicas = 7

// onlyOwnPods limits the chart's Role, over all pods of the namespace, to what
// service_registration does: read its pod, and label it. Source: OpenBao,
// serviceregistration/kubernetes/client.
func onlyOwnPods(role *unstructured.Unstructured) {
	names := make([]any, mostReplicas) // however many there are: growing needs no new right
	for i := range names {
		names[i] = fmt.Sprintf("%s-openbao-%d", release, i)
	}
	role.Object["rules"] = []any{object{
		"apiGroups": []any{""}, "resources": []any{"pods"}, "resourceNames": names, "verbs": []any{"get", "patch"},
	}}
}

// giveToken mounts the service account's token, as Kubernetes would into every
// container, into OpenBao's alone: sidecars have no use for it.
func giveToken(pod object) {
	const name, path = "service-account", "/var/run/secrets/kubernetes.io/serviceaccount"
	pod["automountServiceAccountToken"] = false
	volumes, _ := pod["volumes"].([]any)
	pod["volumes"] = append(volumes, object{"name": name, "projected": object{
		"defaultMode": int64(0o440),
		"sources": []any{
			object{"serviceAccountToken": object{"path": "token", "expirationSeconds": int64(3607)}},
			object{"configMap": object{"name": "kube-root-ca.crt", "items": []any{object{"key": "ca.crt", "path": "ca.crt"}}}},
			object{"downwardAPI": object{"items": []any{object{"path": "namespace", "fieldRef": object{"apiVersion": "v1", "fieldPath": "metadata.namespace"}}}}},
		},
	}})
	for _, c := range pod["containers"].([]any) {
		if c := c.(object); c["name"] == "openbao" {
			mounts, _ := c["volumeMounts"].([]any)
			c["volumeMounts"] = append(mounts, object{"name": name, "mountPath": path, "readOnly": true})
		}
	}
}
