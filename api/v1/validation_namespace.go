package v1

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// foreignNamespaces are those of Kubernetes and of well-known controllers: the
// stack's deny-by-default policy and its pod security would stop what runs there.
var foreignNamespaces = []string{
	"argo", "argocd", "calico-apiserver", "calico-system", "cattle-system", "cert-manager", "cilium-secrets", "cnpg-system",
	"default", "envoy-gateway-system", "external-secrets", "flux-system", "gatekeeper-system", "gmp-system", "ingress-nginx",
	"istio-ingress", "istio-system", "keda", "knative-serving", "kyverno", "linkerd", "linkerd-viz", "local-path-storage",
	"longhorn-system", "metallb-system", "nginx-gateway", "projectcontour", "rook-ceph", "sealed-secrets", "tigera-operator",
	"traefik", "velero",
}

// sharedNamespaces are those that others often use.
var sharedNamespaces = []string{"apps", "database", "databases", "infra", "infrastructure", "monitoring", "observability", "openbao", "platform", "postgres", "postgresql", "prometheus", "redis", "security", "vault"}

// IsForeignNamespace reports whether a namespace is Kubernetes' own, or a
// well-known controller's.
func IsForeignNamespace(namespace string) bool {
	return slices.Contains(foreignNamespaces, namespace) || strings.HasPrefix(namespace, "kube-") || strings.HasPrefix(namespace, "openshift-")
}

// validateNamespace refuses the namespaces of others.
func validateNamespace(at *field.Path, namespace string) field.ErrorList {
	return check(at, namespace, !IsForeignNamespace(namespace), "must be a namespace of the stack's own: its policies would cut off what runs there\nhint: write "+DefaultNamespace)
}

// warnNamespace warns of a namespace that may be another's.
func warnNamespace(namespace string) field.ErrorList {
	return warn(field.NewPath("metadata", "namespace"), slices.Contains(sharedNamespaces, namespace),
		"should be a namespace that nothing else uses: all that runs there is cut off by a policy that denies by default")
}

// warnings finds what leaves more of the network open than is meant.
func (n *Networking) warnings(at *field.Path) field.ErrorList {
	const reached = "OpenBao, the API, the dashboard and Grafana are reached by the pods of any namespace"
	return slices.Concat(
		warn(at.Child("ingressControllerNamespace"), n.IngressControllerNamespace == "",
			"should be given, the namespace of the Ingress controller's or Gateway's pods: without it "+reached),
		warn(at.Child("apiServerCIDRs"), len(n.APIServerCIDRs) == 0,
			"should be given, the addresses of the Kubernetes API server: without them whatever asks it, OpenBao above all, may connect to any address on its ports"),
		warn(at.Child("openbao", "expose"), n.OpenBao.Expose == ExposeAll,
			"should be signing: all publishes operations that need no login, such as sys/seal-status and, before OpenBao 2.5.3, sys/generate-root"),
	)
}
