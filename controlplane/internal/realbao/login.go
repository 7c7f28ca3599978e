package realbao

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer"
)

// The signer's service account.
const (
	kubernetesNamespace = "keys"
	serviceAccount      = "banhbaoring-signer"
)

// EnableLogin lets the signer's service account log in with the signer's own policy.
// What answers OpenBao's question about the account's token is a stand-in for
// Kubernetes' API server. The file with the token is returned.
func (c *Cluster) EnableLogin() (tokenFile string) {
	c.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(reviewToken))
	c.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	c.Must("POST", "", "sys/auth/kubernetes", map[string]any{"type": "kubernetes"})
	c.Must("POST", "", "auth/kubernetes/config", map[string]any{
		"kubernetes_host": server.URL, "kubernetes_ca_cert": string(authority), "token_reviewer_jwt": accountToken("vault", "reviewer"), "disable_local_ca_jwt": true,
	})
	c.Must("POST", "", "sys/policies/acl/signer", map[string]any{"policy": signer.Policy()})
	c.Must("POST", "", "auth/kubernetes/role/signer", map[string]any{
		"bound_service_account_names": serviceAccount, "bound_service_account_namespaces": kubernetesNamespace,
		"token_policies": "signer", "token_no_default_policy": true, "token_period": "72h",
	})
	tokenFile = filepath.Join(c.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte(accountToken(kubernetesNamespace, serviceAccount)), 0o600); err != nil {
		c.Fatal(err)
	}
	return tokenFile
}

// accountToken is a service account's token. Nobody here looks at its signature.
func accountToken(namespace, name string) string {
	part := func(v any) string {
		text, _ := json.Marshal(v) // maps of text: it cannot fail
		return base64.RawURLEncoding.EncodeToString(text)
	}
	account := map[string]any{"name": name, "uid": "1"}
	claims := map[string]any{
		"iss": "kubernetes", "sub": "system:serviceaccount:" + namespace + ":" + name, "exp": time.Now().Add(time.Hour).Unix(),
		"iat": time.Now().Add(-time.Minute).Unix(), "nbf": time.Now().Add(-time.Minute).Unix(), "aud": []string{"kubernetes"},
		"kubernetes.io": map[string]any{"namespace": namespace, "serviceaccount": account},
	}
	return part(map[string]string{"alg": "RS256", "typ": "JWT"}) + "." + part(claims) + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 256))
}

// reviewToken says of every token that it is the one of the signer's account.
func reviewToken(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
		"status": map[string]any{
			"authenticated": true,
			"user":          map[string]any{"username": "system:serviceaccount:" + kubernetesNamespace + ":" + serviceAccount, "uid": "1"},
			"audiences":     []string{"kubernetes"},
		},
	})
}
