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
			return s.Cluster.Spec.Certificates.CertManager && len(leaves(s.Cluster)) > 0
		},
		Build: build,
	}
}

// leaf is what a certificate is written from.
type leaf struct {
	dnsNames, ipAddresses []string
	labels                map[string]string // of its Secret
}

// leaves are the certificates that nobody else provides, by name.
func leaves(c *v1.BanhBaoRingCluster) map[string]leaf {
	all := map[string]leaf{}
	if c.Spec.OpenBao.TLS.SecretName == "" {
		all[jobs.SecretOpenBaoTLS] = leaf{dnsNames: jobs.OpenBaoDNSNames(c.Namespace), ipAddresses: jobs.OpenBaoIPAddresses}
	}
	if d := c.Spec.Database; *d.Managed {
		postgres := leaf{dnsNames: jobs.PostgresDNSNames(c.Namespace)}
		if d.Engine == v1.DatabaseCloudNativePG {
			postgres.labels = map[string]string{"cnpg.io/reload": ""} // without it a renewed one is not noticed
		}
		all[jobs.SecretPostgresTLS] = postgres
	}
	if *c.Spec.Signer.Enabled {
		all[jobs.SecretSignerTLS] = leaf{dnsNames: jobs.SignerDNSNames(c.Namespace)}
	}
	return all
}

func build(s *render.Stack) ([]runtime.Object, error) {
	issuer := s.Cluster.Spec.Certificates.Issuer
	wanted := leaves(s.Cluster)
	var objects []runtime.Object
	for _, o := range base.Objects() {
		u := o.(*unstructured.Unstructured)
		switch l, ok := wanted[u.GetName()]; {
		case ok:
			complete(u, l, issuer)
		case isLeaf(u) || issuer != nil:
			continue // a given issuer takes the place of the own authority
		}
		objects = append(objects, u)
	}
	return objects, nil
}

// isLeaf tells a certificate from the authority's own, and from issuers.
func isLeaf(u *unstructured.Unstructured) bool {
	authority, _, _ := unstructured.NestedBool(u.Object, "spec", "isCA")
	return u.GetKind() == "Certificate" && !authority
}

func complete(certificate *unstructured.Unstructured, l leaf, issuer *v1.IssuerRef) {
	spec := certificate.Object["spec"].(map[string]any)
	spec["dnsNames"] = anys(l.dnsNames)
	if len(l.ipAddresses) > 0 {
		spec["ipAddresses"] = anys(l.ipAddresses)
	}
	if len(l.labels) > 0 {
		labels := map[string]any{}
		for key, value := range l.labels {
			labels[key] = value
		}
		spec["secretTemplate"] = map[string]any{"labels": labels}
	}
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
