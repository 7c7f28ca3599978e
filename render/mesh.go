package render

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// aside are the ports that sidecars leave alone, in either direction: those of
// PostgreSQL, Redis and OpenBao, and of the metrics of each. Raft, standbys,
// shards and Prometheus call pods and not Services; an init container that
// clones the primary runs before there is a sidecar; Jobs have none, and would
// be refused where a mesh lets in its own only. OpenBao and PostgreSQL speak
// TLS of their own.
const aside = "5432,6379,8200,8201,8210,9121,9187,16379"

// asideOf adds those of the signer, which speaks TLS of its own to clients that are
// seldom of the mesh.
func asideOf(s *Stack) string {
	if !*s.Cluster.Spec.Signer.Enabled {
		return aside
	}
	return fmt.Sprintf("%s,%d,%d", aside, jobs.SignerKeyPort, jobs.SignerMTLSPort)
}

// metadata is what a pod template is given.
type metadata struct{ labels, annotations map[string]string }

// template is what pods that run for long are given, and those that must come to an end.
type template struct{ long, ending metadata }

// sidecars are what each mesh wants, and the ports that it is to leave alone. Sources:
// Istio's resource annotations, Linkerd's proxy configuration.
func sidecars(aside string) map[v1.Mesh]template {
	return map[v1.Mesh]template{v1.MeshIstio: {
		long: metadata{
			labels: map[string]string{"sidecar.istio.io/inject": "true"},
			annotations: map[string]string{
				"traffic.sidecar.istio.io/excludeInboundPorts":  aside,
				"traffic.sidecar.istio.io/excludeOutboundPorts": aside,
				// Probes come from the kubelet, which is not of the mesh.
				"sidecar.istio.io/rewriteAppHTTPProbers": "true",
				"proxy.istio.io/config":                  `{"holdApplicationUntilProxyStarts": true}`,
			},
		},
		ending: metadata{labels: map[string]string{"sidecar.istio.io/inject": "false"}},
	},
		v1.MeshLinkerd: {
			long: metadata{annotations: map[string]string{
				"linkerd.io/inject":                     "enabled",
				"config.linkerd.io/skip-inbound-ports":  aside,
				"config.linkerd.io/skip-outbound-ports": aside,
				"config.linkerd.io/proxy-await":         "enabled",
			}},
			ending: metadata{annotations: map[string]string{"linkerd.io/inject": "disabled"}},
		}}
}

// mesh tells the service mesh which pods get a sidecar, and what it may touch.
func mesh(s *Stack, objects Manifests) {
	sidecar, meshed := sidecars(asideOf(s))[s.Cluster.Spec.Networking.Mesh]
	if !meshed {
		return
	}
	kinds := map[string]struct {
		path []string
		metadata
	}{
		"Deployment":  {[]string{"spec", "template", "metadata"}, sidecar.long},
		"StatefulSet": {[]string{"spec", "template", "metadata"}, sidecar.long},
		"Job":         {[]string{"spec", "template", "metadata"}, sidecar.ending},
		"CronJob":     {[]string{"spec", "jobTemplate", "spec", "template", "metadata"}, sidecar.ending},
		// CloudNativePG's: it gives its pods and its Jobs the same.
		"Cluster": {[]string{"spec", "inheritedMetadata"}, sidecar.ending},
	}
	for _, u := range objects {
		if kind, known := kinds[u.GetKind()]; known {
			add(u, kind.labels, append(kind.path, "labels")...)
			add(u, kind.annotations, append(kind.path, "annotations")...)
		}
	}
}

// add adds texts to the map at a path, which wins over them.
func add(u *unstructured.Unstructured, texts map[string]string, path ...string) {
	if len(texts) == 0 {
		return
	}
	all := maps.Clone(texts)
	given, _, _ := unstructured.NestedStringMap(u.Object, path...)
	maps.Copy(all, given)
	// The objects are typed or come from charts, so that the path holds maps.
	_ = unstructured.SetNestedStringMap(u.Object, all, path...)
}
