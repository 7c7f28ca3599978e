//go:build e2e

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// makeSecrets makes what OpenBao's pods and clients mount, where a test runs
// without the secrets Job.
func makeSecrets(t *testing.T, ns string) {
	t.Helper()
	makeCertificate(t, ns, jobs.SecretOpenBaoTLS, jobs.OpenBaoDNSNames(ns))
	seal := make([]byte, 32)
	_, _ = rand.Read(seal)
	makeSecret(t, ns, jobs.SecretOpenBaoSeal, map[string][]byte{"key": seal})
}

// makeCertificate makes a certificate that signs itself, and the trust bundle
// of it.
func makeCertificate(t *testing.T, ns, secret string, names []string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: secret},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		DNSNames: names, IsCA: true, BasicConstraintsValid: true,
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
	makeSecret(t, ns, secret, map[string][]byte{
		"tls.crt": certificate, "ca.crt": certificate,
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	})
	makeSecret(t, ns, jobs.SecretTrust, map[string][]byte{"ca.crt": certificate})
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
