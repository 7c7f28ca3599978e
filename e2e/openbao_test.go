//go:build e2e

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// TestOpenBaoStartsJoinsAndInitialises applies the example of three nodes, with
// the Secrets that the secrets Job will mint made here, and initialises it by
// hand: the rendered configuration is right, not only well-formed.
func TestOpenBaoStartsJoinsAndInitialises(t *testing.T) {
	const ns = "banhbaoring"
	namespace(t, ns)
	manifests := render(t, "-f", "../examples/openbao-2.4.yaml", "--stage", "openbao")
	kubectl(t, render(t, "-f", "../examples/openbao-2.4.yaml", "--stage", "foundation"), "apply", "--server-side", "-f", "-")
	makeSecrets(t, ns)
	said := logsOf(t, ns)
	kubectl(t, manifests, "apply", "--server-side", "--validate=strict", "-f", "-")

	bao := func(pod int, args ...string) (string, error) {
		stdout, stderr, err := try("", append([]string{"exec", "-n", ns, fmt.Sprintf("%s-%d", jobs.OpenBaoName, pod), "-c", "openbao", "--", "bao"}, args...)...)
		if err != nil {
			err = fmt.Errorf("%w: %s", err, stderr)
		}
		return stdout, err
	}
	type status struct {
		Initialized, Sealed bool
		StorageType         string `json:"storage_type"`
		Type                string
	}
	statusOf := func(pod int) (status, error) {
		var s status
		out, err := bao(pod, "status", "-format=json") // exits 2 while it is sealed
		if json.Unmarshal([]byte(out), &s) == nil {
			err = nil
		}
		return s, err
	}
	for pod := range 3 {
		eventually(t, 2*time.Minute, fmt.Sprintf("server %d answers", pod), func() error {
			s, err := statusOf(pod)
			if err == nil && (s.Initialized || s.StorageType != "raft" || s.Type != "static") {
				err = fmt.Errorf("unexpected status %+v", s)
			}
			return err
		})
	}

	out, err := bao(0, "operator", "init", "-format=json", "-recovery-shares=1", "-recovery-threshold=1")
	if err != nil {
		t.Fatal(err)
	}
	var keys struct {
		RootToken string `json:"root_token"`
	}
	if err := json.Unmarshal([]byte(out), &keys); err != nil {
		t.Fatal(err)
	}
	for pod := range 3 {
		eventually(t, 2*time.Minute, fmt.Sprintf("server %d has joined and is unsealed", pod), func() error {
			s, err := statusOf(pod)
			if err == nil && (!s.Initialized || s.Sealed) {
				err = fmt.Errorf("status %+v", s)
			}
			return err
		})
	}
	withToken := func(pod int, command string) string {
		t.Helper()
		return kubectl(t, keys.RootToken+"\n", "exec", "-i", "-n", ns, fmt.Sprintf("%s-%d", jobs.OpenBaoName, pod), "-c", "openbao", "--",
			"sh", "-ec", "read -r BAO_TOKEN; export BAO_TOKEN; "+command)
	}
	eventually(t, time.Minute, "three voters", func() error {
		if peers := withToken(0, "bao operator raft list-peers"); strings.Count(peers, "true") != 3 {
			return fmt.Errorf("%s", peers)
		}
		return nil
	})

	t.Run("writes are seen on every node", func(t *testing.T) {
		withToken(0, "bao secrets enable -version=2 -path=probe kv && bao kv put probe/x y=z")
		for pod := range 3 {
			if got := withToken(pod, "bao kv get -field=y probe/x"); got != "z" {
				t.Errorf("server %d answers %q", pod, got)
			}
		}
	})
	t.Run("requests are audited on standard output, without the token", func(t *testing.T) {
		var logs string
		eventually(t, time.Minute, "the write is in the audit log", func() error {
			logs = said()
			if !strings.Contains(logs, `"path":"probe/data/x"`) {
				return errors.New("it is not")
			}
			return nil
		})
		if strings.Contains(logs, keys.RootToken) {
			t.Error("the root token is in the log")
		}
	})
	t.Run("the active Service has one endpoint, and the certificate covers its name", func(t *testing.T) {
		eventually(t, time.Minute, "one active pod", func() error {
			pods := kubectl(t, "", "get", "pods", "-n", ns, "-l", "openbao-active=true", "-o", "name")
			if strings.Count(pods, "\n") != 1 {
				return fmt.Errorf("active: %q", pods)
			}
			return nil
		})
		withToken(1, "BAO_ADDR="+jobs.ActiveAddress(ns)+" bao token lookup >/dev/null")
	})
	t.Run("the plugin lies in the plugin directory", func(t *testing.T) {
		if got := withToken(2, "cat /openbao/data/plugins/secp256k1-v1.0.0"); got != "a stand-in for the plugin\n" {
			t.Errorf("got %q", got)
		}
		withToken(0, `bao write -f sys/plugins/catalog/secret/probe command=secp256k1-v1.0.0 version=v1.0.0 sha256=$(sha256sum /openbao/data/plugins/secp256k1-v1.0.0 | cut -d" " -f1)`)
	})
	t.Run("metrics answer without a token", func(t *testing.T) {
		metrics := kubectl(t, "", "get", "--raw", "/api/v1/namespaces/"+ns+"/pods/https:"+jobs.OpenBaoName+"-0:8200/proxy/v1/sys/metrics?format=prometheus")
		if !strings.Contains(metrics, "vault_core_unsealed") {
			t.Error("no vault_core_unsealed")
		}
	})
	t.Run("a pod that is deleted comes back unsealed with its data", func(t *testing.T) {
		kubectl(t, "", "delete", "pod", "-n", ns, jobs.OpenBaoName+"-1", "--grace-period=10")
		eventually(t, 2*time.Minute, "server 1 is back", func() error {
			s, err := statusOf(1)
			if err == nil && s.Sealed {
				err = fmt.Errorf("sealed")
			}
			return err
		})
		eventually(t, time.Minute, "the data is there", func() error {
			got, err := bao(1, "version")
			if err != nil || !strings.Contains(got, "2.4.0") {
				return fmt.Errorf("%q %v", got, err)
			}
			return nil
		})
		if got := withToken(1, "bao kv get -field=y probe/x"); got != "z" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("applying the same again changes nothing", func(t *testing.T) {
		generation := func() string {
			return kubectl(t, "", "get", "statefulset", "-n", ns, jobs.OpenBaoName, "-o", "jsonpath={.metadata.generation} {.status.updateRevision}")
		}
		before := generation()
		kubectl(t, manifests, "apply", "--server-side", "-f", "-")
		if after := generation(); after != before {
			t.Errorf("generation and revision %s became %s", before, after)
		}
	})
}

// makeSecrets makes what the pods mount: a certificate for all in-cluster
// names, the trust bundle and a static seal key.
func makeSecrets(t *testing.T, ns string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: jobs.OpenBaoName},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		DNSNames: jobs.OpenBaoDNSNames(ns), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, ip := range jobs.OpenBaoIPAddresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(ip))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	seal := make([]byte, 32)
	if _, err := rand.Read(seal); err != nil {
		t.Fatal(err)
	}
	makeSecret(t, ns, jobs.SecretOpenBaoTLS, map[string][]byte{
		"tls.crt": certificate, "ca.crt": certificate,
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	})
	makeSecret(t, ns, jobs.SecretTrust, map[string][]byte{"ca.crt": certificate})
	makeSecret(t, ns, jobs.SecretOpenBaoSeal, map[string][]byte{"key": seal})
}

func makeSecret(t *testing.T, ns, name string, data map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"create", "secret", "generic", "-n", ns, name}
	for key, value := range data {
		path := filepath.Join(dir, key)
		if err := os.WriteFile(path, bytes.Clone(value), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--from-file="+key+"="+path)
	}
	kubectl(t, "", args...)
}
