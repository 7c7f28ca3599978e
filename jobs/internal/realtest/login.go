package realtest

import (
	"testing"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// EnableLogin enables Kubernetes auth, as the init Job does.
func (b *OpenBao) EnableLogin(t *testing.T, k *Kubernetes, root string) {
	t.Helper()
	client := b.Client(t, 0, root)
	if err := client.Sys().EnableAuthWithOptions("kubernetes", &openbao.EnableAuthOptions{Type: "kubernetes"}); err != nil {
		t.Fatal(err)
	}
	b.Write(t, root, "auth/kubernetes/config", map[string]any{"kubernetes_host": k.Config.Host, "disable_local_ca_jwt": false})
}

// MakeRole makes a role and its policy of one name, for a service account.
func (b *OpenBao) MakeRole(t *testing.T, k *Kubernetes, root, name, account, policy string) {
	t.Helper()
	if err := b.Client(t, 0, root).Sys().PutPolicy(name, policy); err != nil {
		t.Fatal(err)
	}
	b.Write(t, root, "auth/kubernetes/role/"+name, map[string]any{
		"bound_service_account_names": account, "bound_service_account_namespaces": k.Namespace,
		"audience": jobs.TokenAudience, "token_policies": name, "token_ttl": "20m", "token_no_default_policy": true,
	})
}

// Write writes to a path of the first server, with a token.
func (b *OpenBao) Write(t *testing.T, token, path string, data map[string]any) map[string]any {
	t.Helper()
	secret, err := b.Client(t, 0, token).Logical().Write(path, data)
	if err != nil {
		t.Fatal(err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}

// Read reads a path of the first server, with a token.
func (b *OpenBao) Read(t *testing.T, token, path string) map[string]any {
	t.Helper()
	secret, err := b.Client(t, 0, token).Logical().Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}
