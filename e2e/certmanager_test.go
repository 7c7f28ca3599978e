//go:build e2e && neighbours

package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shortLived has cert-manager renew both leaves every minute.
const shortLived = `  patches:
  - target: {kind: Certificate, name: banhbaoring-(openbao|postgres)-tls}
    patch: |
      - {op: replace, path: /spec/duration, value: 1h}
      - {op: replace, path: /spec/renewBefore, value: 59m}
  - target: {kind: Deployment, name: banhbaoring-api}
    patch: '[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "PORT", "value": "8080"}}]'
`

// certManager runs cert-manager's controllers, CERT_MANAGER, until the test ends.
func certManager(t *testing.T) {
	t.Helper()
	program := os.Getenv("CERT_MANAGER")
	if program == "" {
		t.Fatal("set CERT_MANAGER to the program that e2e/certmanager is built to")
	}
	var said bytes.Buffer
	controllers := exec.Command(program)
	controllers.Env, controllers.Stdout, controllers.Stderr = os.Environ(), &said, &said
	if err := controllers.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = controllers.Process.Kill()
		_ = controllers.Wait()
		if t.Failed() {
			t.Logf("cert-manager says:\n%s", said.String())
		}
	})
}

// TestCertManager brings the example up with certificates that cert-manager's own
// controllers issue, which it renews every minute while keys sign.
func TestCertManager(t *testing.T) {
	if out, err := exec.Command("./definitions").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	certManager(t)
	example, err := os.ReadFile("../examples/cert-manager.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec := strings.NewReplacer("namespace: banhbaoring", `namespace: "%NAMESPACE%"`).Replace(string(example)) + shortLived
	spec = strings.Replace(spec, "  openbao:\n", smallParts, 1)
	s := newInstalled(t, "cert-manager-test", spec)
	start := time.Now()
	s.apply()
	s.ready(6 * time.Minute)
	t.Logf("from apply to all ready: %s", time.Since(start).Round(time.Second))
	s.must("a key", s.withAPIToken, "bao write -f secp256k1/keys/e2e")
	signing := startSigning(t, s)

	address := strings.TrimPrefix(forward(t, s.ns, "banhbaoring-openbao-0", 8200), "http://")
	serves := func() string { return served(t, address) }
	first := serves()
	if kept := serial(t, s.certificate("banhbaoring-openbao-tls", "tls.crt")); first != kept {
		t.Errorf("it serves certificate %s, and %s is in the Secret", first, kept)
	}
	for renewal := range 2 {
		before := serves()
		eventually(t, 4*time.Minute, fmt.Sprintf("renewal %d is served", renewal+1), func() error {
			if now := serves(); now == before {
				return fmt.Errorf("it serves %s still", now)
			}
			return nil
		})
		signing.goesOn(t)
	}

	// What `cmctl renew` does: the authority has a new certificate, and its old key.
	authority := serial(t, s.certificate("banhbaoring-ca", "tls.crt"))
	kubectl(t, "", "patch", "certificate", "-n", s.ns, "banhbaoring-ca", "--subresource=status", "--type=merge", "-p",
		`{"status": {"conditions": [{"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "renewed by hand", "lastTransitionTime": "`+time.Now().UTC().Format(time.RFC3339)+`"}]}}`)
	eventually(t, time.Minute, "the authority is renewed", func() error {
		if now := serial(t, s.certificate("banhbaoring-ca", "tls.crt")); now == authority {
			return fmt.Errorf("it is %s still", now)
		}
		return nil
	})
	before := serves()
	eventually(t, 4*time.Minute, "a certificate of the renewed authority is served", func() error {
		if now := serves(); now == before {
			return fmt.Errorf("it serves %s still", now)
		}
		return nil
	})
	signing.stop(t)
	if restarts := kubectl(t, "", "get", "pod", "-n", s.ns, "banhbaoring-openbao-0", "-o", `jsonpath={.status.containerStatuses[*].restartCount}`); restarts != "0 0" {
		t.Errorf("containers were started again: %s", restarts)
	}
	s.search()
}

// smallParts are images and resources that fit the test cluster.
const smallParts = `  plan: free
  api: {image: "localhost/http:1", resources: {requests: {cpu: 20m, memory: 16Mi}}}
  dashboard: {image: "localhost/http:1", resources: {requests: {cpu: 20m, memory: 16Mi}}}
  database: {version: "15", image: "docker.io/library/postgres:15", resources: {requests: {cpu: 20m, memory: 64Mi}}}
  redis: {version: "7", image: "docker.io/library/redis:7", resources: {requests: {cpu: 20m, memory: 16Mi}}}
  monitoring: {enabled: false}
  openbao:
    version: 2.4.0
    image: quay.io/openbao/openbao:2.4.0
    replicas: 1
    resources: {requests: {cpu: 20m, memory: 64Mi}}
`

// certificate is a key of a Secret.
func (s *installed) certificate(secret, key string) []byte {
	s.t.Helper()
	var o struct{ Data map[string]string }
	if err := json.Unmarshal([]byte(kubectl(s.t, "", "get", "secret", "-n", s.ns, secret, "-o", "json")), &o); err != nil {
		s.t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(o.Data[key])
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// served is the serial number of the certificate that is served at an address now.
func served(t *testing.T, address string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // what is looked at is the certificate
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func serial(t *testing.T, text []byte) string {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("it is no certificate")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.SerialNumber.String()
}
