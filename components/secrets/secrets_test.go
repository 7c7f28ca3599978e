package secrets_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/secrets"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestSecrets(t *testing.T) {
	for name, spec := range map[string]string{
		"shamir":      "",
		"static":      "openbao: {autoUnseal: {provider: static}}",
		"staticown":   "openbao: {autoUnseal: {provider: static, keyId: current, key: {secretName: mine, key: current}}}",
		"certmanager": "certificates: {certManager: true}",
		"owntls":      "openbao: {tls: {secretName: my-tls}}",
		"signer":      "signer: {enabled: true}",
		"signer-cert": "signer: {enabled: true}\ncertificates: {certManager: true}",
		"backups":     "backup: {enabled: true, destination: {gcs: {bucket: backups}}}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, secrets.Component(), name, spec) })
	}
}
