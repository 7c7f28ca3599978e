package v1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProvidedSecretsAreMergedByName(t *testing.T) {
	c := decode(t, cluster(), validCluster, spec(`
billing: {stripe: {secretKeyRef: {name: stripe, key: b}, webhookSecretRef: {secretName: stripe, key: a}}}
api: {oauth: {google: {clientId: {name: oauth, key: id}, clientSecret: {name: oauth, key: secret}}}}
backup: {destination: {s3: {bucket: abc, credentials: {name: cloud}}}}
openbao: {autoUnseal: {provider: awskms, keyId: k, credentials: {accessKeyId: {name: cloud, key: access-key-id}, secretAccessKey: {name: cloud, key: other}}}}
`))
	tenant := decode(t, &BanhBaoRingTenant{}, validTenant, spec(`{admin: {password: {name: acme, key: password}}}`))
	backup := decode(t, &BanhBaoRingBackup{}, validBackup, spec(`{destination: {gcs: {bucket: abc, credentials: {name: google}}}}`))
	restore := decode(t, &BanhBaoRingRestore{}, validRestore)

	want := []ProvidedSecret{
		{"acme", []string{"password"}},
		{"banhbaoring-grafana", []string{"password"}}, // named by default
		{"cloud", []string{"access-key-id", "other", "secret-access-key"}},
		{"google", []string{"service-account.json"}},
		{"oauth", []string{"id", "secret"}},
		{"stripe", []string{"a", "b"}},
	}
	if diff := cmp.Diff(want, ProvidedSecrets(c, tenant, backup, restore)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
