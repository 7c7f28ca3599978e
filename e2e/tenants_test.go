//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// twoTenants are on a stack of a single node.
const twoTenants = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: shared, namespace: "%NAMESPACE%"}
spec:
  domain: keys.example.com
  plan: free
  openbao: {version: 2.4.0, autoUnseal: {provider: static}}
  database: {version: "15"}
  redis: {version: "7"}
  api: {image: "localhost/http:1"}
  dashboard: {replicas: 0}
  signer: {enabled: true}
  monitoring: {enabled: false}
  patches:
  - target: {kind: Deployment, name: banhbaoring-api}
    patch: '[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "PORT", "value": "8080"}}]'
---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingTenant
metadata: {name: acme, namespace: "%NAMESPACE%"}
spec:
  clusterRef: {name: shared}
  admin: {email: admin@acme.example.com}
  suspended: false # acme
  apiKeys: [{name: admin, role: admin}, {name: sequencer, rotate: "1"}]
  keys:
  - name: batcher
    type: evm
    policy: {rules: [{chain: 901, to: "0xff00000000000000000000000000000000000901", selectors: any}], types: [eip1559], fees: &fees {maxGas: 2000000, maxFeePerGas: 500gwei, maxPriorityFeePerGas: 50gwei, maxTotalFee: 1.5ether}}
    clients: [{name: op-batcher, auth: mtls, namespace: "%NAMESPACE%-rollup", deliver: true}]
  - name: poster
    type: evm
    policy: {rules: [{chain: 901, to: "0xff00000000000000000000000000000000000902", selectors: any}], types: [eip1559], fees: *fees}
    clients: [{name: poster, auth: apiKey, namespace: rollup}]
---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingTenant
metadata: {name: beta, namespace: "%NAMESPACE%"}
spec:
  clusterRef: {name: shared}
  admin: {email: admin@beta.example.com}
  apiKeys: [{name: admin, role: admin}, {name: sequencer}]
`

// TestTenants has two tenants sign with their own API keys, each out of the
// other's reach, through all that happens to a tenant.
func TestTenants(t *testing.T) {
	t.Parallel()
	s := newInstalled(t, "tenants", twoTenants)
	namespace(t, s.ns+"-rollup")
	kubectl(t, "", "create", "namespace", s.ns+"-rollup")
	s.apply()
	s.ready(6 * time.Minute)
	for _, tenant := range []string{"acme", "beta"} {
		s.must(tenant+" makes a key", s.withKey(tenant, "admin", "tenant-"+tenant), "bao write -f secp256k1/keys/main")
		s.wantSignature(t, tenant)
	}
	t.Run("neither reaches the other", func(t *testing.T) {
		s.t = t
		for own, other := range map[string]string{"acme": "beta", "beta": "acme"} {
			for _, script := range []string{
				"bao list secp256k1/keys", "bao read secp256k1/keys/main", "bao write -f secp256k1/keys/mine",
				"bao write secp256k1/sign/main input=bWVzc2FnZQ==", "bao read secp256k1/export/main", "bao delete secp256k1/keys/main",
			} {
				s.refused(own+" in the namespace of "+other, s.withKey(own, "admin", "tenant-"+other), script, "permission denied")
			}
		}
	})
	t.Run("what would take a key out of OpenBao is refused", func(t *testing.T) {
		s.t = t
		for _, script := range []string{"bao write secp256k1/keys/out exportable=true", "bao read secp256k1/export/main"} {
			s.refused("acme's admin", s.withKey("acme", "admin", "tenant-acme"), script, "permission denied")
		}
	})
	t.Run("the API signs for tenants, and makes no exportable key", func(t *testing.T) {
		s.t = t
		for _, tenant := range []string{"acme", "beta"} {
			s.must("a signature", s.withAPIToken, "export BAO_NAMESPACE=tenant-"+tenant+"; bao write secp256k1/sign/main input=bWVzc2FnZQ==")
			s.refused("the API", s.withAPIToken, "export BAO_NAMESPACE=tenant-"+tenant+"; bao write secp256k1/keys/out exportable=true", "permission denied")
		}
	})
	t.Run("the signer signs for a rollup's client what the key's policy allows", s.rollupSigns)
	t.Run("a suspended tenant is shut out, and comes back with its key", func(t *testing.T) {
		s.t = t
		s.change("suspended: false # acme", "suspended: true # acme")
		s.apply()
		s.ready(3 * time.Minute)
		s.refused("acme's sequencer", s.withKey("acme", "sequencer", "tenant-acme"), "bao read secp256k1/keys/main", "Code: ")
		s.wantSignature(t, "beta")
		s.change("suspended: true # acme", "suspended: false # acme")
		s.apply()
		s.ready(3 * time.Minute)
		s.wantSignature(t, "acme")
	})
	t.Run("a rotated API key lets nobody in", func(t *testing.T) {
		s.t = t
		before := secretData(t, s.ns, jobs.TenantKeySecret("acme", "sequencer"))
		s.change(`rotate: "1"`, `rotate: "2"`)
		s.apply()
		s.ready(3 * time.Minute)
		s.wantSignature(t, "acme")
		s.refused("the one before", s.login(before, "tenant-acme"), "bao read secp256k1/keys/main", "invalid role or secret ID")
	})
	t.Run("a tenant that is gone is locked, and comes back with its key", func(t *testing.T) {
		s.t = t
		whole := s.spec
		s.spec = s.spec[:strings.LastIndex(s.spec, "---\n")]
		s.apply()
		s.ready(3 * time.Minute)
		s.refused("beta's sequencer", s.withKey("beta", "sequencer", "tenant-beta"), "bao read secp256k1/keys/main", "Code: ")
		s.spec = whole
		s.change("domain:", "rerun: {tenants: again}\n  domain:")
		s.apply()
		s.ready(3 * time.Minute)
		s.wantSignature(t, "beta")
	})
	t.Run("the static seal moves to another key", func(t *testing.T) {
		s.rotateSeal(t, func() {
			s.wantSignature(t, "acme")
			s.wantSignature(t, "beta")
		})
	})
	s.t = t
	s.unsealedOnce()
	s.search()
}

// withKey runs a script with a tenant's API key, in a namespace of OpenBao.
func (s *installed) withKey(tenant, key, namespace string) func(string) (string, error) {
	return func(script string) (string, error) {
		return s.login(secretData(s.t, s.ns, jobs.TenantKeySecret(tenant, key)), namespace)(script)
	}
}

// login runs a script with the API key in a Secret, logged in to the tenant that
// it is of. That one may be refused shows in the script alone.
func (s *installed) login(key map[string][]byte, namespace string) func(string) (string, error) {
	return func(script string) (string, error) {
		return s.shell(string(key["secret-id"]), fmt.Sprintf(
			`BAO_TOKEN=$(BAO_NAMESPACE=%s bao write -field=token auth/approle/login role_id=%s secret_id="$secret"); BAO_NAMESPACE=%s; export BAO_TOKEN BAO_NAMESPACE; %s`,
			key["namespace"], key["role-id"], namespace, script))
	}
}

// wantSignature has a tenant's sequencer sign, and openssl verify that.
func (s *installed) wantSignature(t *testing.T, tenant string) {
	t.Helper()
	s.t = t
	out := s.must(tenant+" signs", s.withKey(tenant, "sequencer", "tenant-"+tenant),
		"bao write -format=json secp256k1/sign/main input="+base64.StdEncoding.EncodeToString([]byte(tenant))+" output_format=der; bao read -format=json secp256k1/keys/main")
	if err := verifyOutside(out, tenant); err != nil {
		t.Error(err)
	}
}
