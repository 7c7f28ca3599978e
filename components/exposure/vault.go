package exposure

import (
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// signing are the paths that a client of OpenBao's host needs: to log in and
// out, to sign, and to see whether it is there. A tenant's client names its
// namespace in the header X-Vault-Namespace, so that the paths are the same.
var signing = []struct {
	path   string
	prefix bool
}{
	{"/v1/secp256k1", true},
	{"/v1/auth/approle/login", false},
	{"/v1/auth/userpass/login", true},
	{"/v1/auth/userpass/users/admin/password", false}, // a tenant's admin changes his own
	{"/v1/auth/token/lookup-self", false},
	{"/v1/auth/token/renew-self", false},
	{"/v1/auth/token/revoke-self", false},
	{"/v1/sys/health", false},
}

// narrow limits what exposes OpenBao to these paths.
func narrow(o runtime.Object) {
	switch o := o.(type) {
	case *networkingv1.Ingress:
		http := o.Spec.Rules[0].HTTP
		all := http.Paths[0]
		http.Paths = nil
		for _, s := range signing {
			path, kind := all, networkingv1.PathTypeExact
			if s.prefix {
				kind = networkingv1.PathTypePrefix
			}
			path.Path, path.PathType = s.path, &kind
			http.Paths = append(http.Paths, path)
		}
	case *unstructured.Unstructured:
		if o.GetKind() != "HTTPRoute" {
			return
		}
		rule := o.Object["spec"].(map[string]any)["rules"].([]any)[0].(map[string]any)
		var matches []any
		for _, s := range signing {
			kind := "Exact"
			if s.prefix {
				kind = "PathPrefix"
			}
			matches = append(matches, map[string]any{"path": map[string]any{"type": kind, "value": s.path}})
		}
		rule["matches"] = matches
	}
}
