package certificates_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/certificates"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestCertificates(t *testing.T) {
	for name, spec := range map[string]string{
		"ownauthority":  "certificates: {certManager: true}",
		"issuer":        "certificates: {certManager: true, issuer: {name: internal}}",
		"signer":        "certificates: {certManager: true}\nsigner: {enabled: true}",
		"clusterissuer": "certificates: {certManager: true, issuer: {name: internal, kind: ClusterIssuer}}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, certificates.Component(), name, spec) })
	}
}

func TestNoCertificatesWhereTheyAreMadeElsewhere(t *testing.T) {
	for name, spec := range map[string]string{
		"by the secrets job": "",
		"by the user":        "certificates: {certManager: true}\nopenbao: {tls: {secretName: my-tls}}\ndatabase: {managed: false, connectionString: {secretName: db, key: url}}",
	} {
		t.Run(name, func(t *testing.T) {
			if objects := golden.Render(t, certificates.Component(), spec); len(objects) > 0 {
				t.Errorf("rendered %d objects", len(objects))
			}
		})
	}
}
