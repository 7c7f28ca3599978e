// Package network renders the NetworkPolicies: deny by default, then two for
// each edge that the stack needs, one that lets it out and one that lets it in.
package network

import (
	"embed"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the NetworkPolicies.
func Component() render.Component {
	return render.Component{
		Name:  "network",
		Stage: render.Foundation,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	objects := base.Objects()
	for _, e := range Edges(s) {
		if e.From.Inside() {
			p := policy(e.From, "to", e.To, e.Why)
			p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
			p.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: e.To.peers(), Ports: ports(e.Ports)}}
			objects = append(objects, p)
		}
		if e.To.Inside() {
			p := policy(e.To, "from", e.From, e.Why)
			p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: e.From.peers(), Ports: ports(e.Ports)}}
			objects = append(objects, p)
		}
	}
	return objects, nil
}

func policy(pods End, direction string, other End, why string) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        "banhbaoring-allow-" + pods.Name + "-" + direction + "-" + other.Name,
			Labels:      map[string]string{"app.kubernetes.io/name": "banhbaoring", "app.kubernetes.io/component": "network"},
			Annotations: map[string]string{"kubernetes.io/description": why},
		},
		Spec: networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: pods.Labels}},
	}
}

// peers are the end as the other end's policy names it.
func (e End) peers() []networkingv1.NetworkPolicyPeer {
	if !e.Inside() {
		return e.Peers
	}
	return []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: e.Labels}}}
}

func ports(list []Port) []networkingv1.NetworkPolicyPort {
	out := make([]networkingv1.NetworkPolicyPort, len(list))
	for i, p := range list {
		out[i].Protocol = &p.Protocol
		if p.Number != AnyPort {
			number := intstr.FromInt32(p.Number)
			out[i].Port = &number
		}
	}
	return out
}
