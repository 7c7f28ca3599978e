// Package certificates renders the certificates inside the stack through
// cert-manager; where cert-manager is not wanted, the secrets Job makes them.
package certificates

import (
	"embed"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the internal authority and what it signs. A Secret that
// the user provides needs neither.
func Component() render.Component {
	return render.Component{
		Name:  "certificates",
		Stage: render.Secrets,
		Enabled: func(s *render.Stack) bool {
			return s.Cluster.Spec.Certificates.CertManager && s.Cluster.Spec.OpenBao.TLS.SecretName == ""
		},
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	issuer := s.Cluster.Spec.Certificates.Issuer
	var objects []runtime.Object
	for _, o := range base.Objects() {
		u := o.(*unstructured.Unstructured)
		leaf := u.GetName() == jobs.SecretOpenBaoTLS
		if issuer != nil && !leaf {
			continue // the given issuer takes the place of the own authority
		}
		if leaf {
			complete(u, s.Cluster.Namespace, issuer)
		}
		objects = append(objects, u)
	}
	return objects, nil
}

func complete(certificate *unstructured.Unstructured, namespace string, issuer *v1.IssuerRef) {
	spec := certificate.Object["spec"].(map[string]any)
	spec["dnsNames"] = anys(jobs.OpenBaoDNSNames(namespace))
	spec["ipAddresses"] = anys(jobs.OpenBaoIPAddresses)
	if issuer != nil {
		ref := spec["issuerRef"].(map[string]any)
		ref["kind"], ref["name"] = issuer.Kind, issuer.Name
	}
}

func anys(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}
