package network

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// controlPlanes are the pods that sidecars have their orders from. Sources:
// istio, manifests/charts/istio-control; linkerd2, charts/linkerd-control-plane.
var controlPlanes = map[v1.Mesh][]networkingv1.NetworkPolicyPeer{
	v1.MeshIstio: podsAnywhere(metav1.LabelSelectorRequirement{
		Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"istiod"},
	}),
	v1.MeshLinkerd: podsAnywhere(metav1.LabelSelectorRequirement{
		Key: "linkerd.io/control-plane-component", Operator: metav1.LabelSelectorOpExists,
	}),
}

// controlPlanePorts are where they listen: Istio's on one for all, Linkerd's for
// identity, destinations and policy.
var controlPlanePorts = map[v1.Mesh][]int32{v1.MeshIstio: {15012}, v1.MeshLinkerd: {8080, 8086, 8090}}

// linkerdPort is where a sidecar of Linkerd's sends what it encrypts, whichever
// port is meant.
const linkerdPort int32 = 4143

// sidecars are the ends with a sidecar: what runs for long, but for the pods of
// CloudNativePG, which do without.
func sidecars(c *v1.BanhBaoRingClusterSpec) []string {
	names := list("openbao", "redis", "api", "dashboard", "signer", "prometheus", "alertmanager", "grafana", "exporter", "postgres-exporter", "redis-exporter")
	if !operated(c) {
		names = append(names, "postgres")
	}
	return names
}

// aside are the ports that sidecars leave alone, as their traffic is encrypted
// or is addressed to a pod.
var aside = []int32{openbaoPort, openbaoClusterPort, postgresPort, redisPort, redisBusPort, jobs.SignerKeyPort, jobs.SignerMTLSPort}

// throughLinkerd adds the port that leads from sidecar to sidecar.
func throughLinkerd(edges []Edge, sidecars []string) {
	for i := range edges {
		e := &edges[i]
		meant := func(p Port) bool { return !slices.Contains(aside, p.Number) }
		if slices.Contains(sidecars, e.To.Name) && e.To.Inside() && slices.ContainsFunc(e.Ports, meant) {
			e.Ports = append(slices.Clone(e.Ports), tcp(linkerdPort)...)
		}
	}
}
