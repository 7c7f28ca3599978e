package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
)

// An endpoint with an authority of its own is trusted by caCert, and by nothing else.
func TestTheDestinationsAuthority(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<?xml version="1.0"?><ListBucketResult><Name>backups</Name><IsTruncated>false</IsTruncated></ListBucketResult>`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	d := v1.Destination{S3: &v1.S3{Endpoint: server.URL, Bucket: "backups", Region: "us-east-1", PathStyle: true}}
	list := func(authority, proxy []byte) error {
		s, err := store.Open(t.Context(), d, store.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, store.Options{CACert: authority, ProxyCA: proxy, Retries: 1})
		if err != nil {
			return err
		}
		for _, err := range s.List(t.Context(), "") {
			return err
		}
		return nil
	}
	if err := list(authority, nil); err != nil {
		t.Error(err)
	}
	// A proxy that looks into the connection signs for the endpoint.
	for _, beside := range [][]byte{nil, other(t)} {
		if err := list(beside, authority); err != nil {
			t.Error(err)
		}
	}
	if err := list(other(t), nil); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another authority counts: %v", err)
	}
	if err := list(authority, []byte("none")); err == nil || !strings.Contains(err.Error(), "spec.networking.proxy.caCert holds no certificate") {
		t.Errorf("got %v", err)
	}
	for given, want := range map[string]string{"": "certificate", "-----BEGIN PRIVATE KEY-----": "hint: want PEM"} {
		if err := list([]byte(given), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", given, want, err)
		}
	}
}

// other is the certificate of an authority that has signed nothing here.
func other(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
