package secrets

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

var (
	noon    = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	openbao = jobs.Certificate{
		Secret: "tls", CommonName: "openbao", DNSNames: jobs.OpenBaoDNSNames("keys"), IPAddresses: jobs.OpenBaoIPAddresses,
		Labels: map[string]string{"reload": "yes"},
	}
)

// signer is a run with an authority of its own.
func signer(t *testing.T) *work {
	t.Helper()
	w := &work{now: noon}
	var err error
	if w.signer, err = w.newAuthority(); err != nil {
		t.Fatal(err)
	}
	w.bundle = encode(w.signer.Certificate)
	return w
}

func signed(t *testing.T, w *work) (*corev1.Secret, *pair) {
	t.Helper()
	secret := &corev1.Secret{Data: map[string][]byte{}}
	if _, err := w.renew(secret, openbao, "test"); err != nil {
		t.Fatal(err)
	}
	p, err := readPair(secret.Data, certKey, keyKey)
	if err != nil {
		t.Fatal(err)
	}
	return secret, p
}

func TestACertificateServesAllNamesOfTheStack(t *testing.T) {
	w := signer(t)
	secret, p := signed(t, w)
	if secret.Type != corev1.SecretTypeTLS || !bytes.Equal(secret.Data[caKey], w.bundle) || secret.Labels["reload"] != "yes" || !ours(secret) {
		t.Errorf("%s %v", secret.Type, secret.Labels)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.bundle)
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "banhbaoring-openbao-active.keys.svc", "banhbaoring-openbao-4.banhbaoring-openbao-internal"} {
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			if _, err := p.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: noon, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
				t.Error(err)
			}
		}
	}
	if key, ok := p.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("a key of type %T", p.PublicKey)
	}
	if life := p.NotAfter.Sub(noon); life != leafLife {
		t.Errorf("it lives %s", life)
	}
	if life := w.signer.NotAfter.Sub(noon); life != authorityLife || !w.signer.MaxPathLenZero {
		t.Errorf("the authority lives %s", life)
	}
}

func TestACertificateEndsNoLaterThanItsAuthority(t *testing.T) {
	w := signer(t)
	w.now = w.signer.NotAfter.Add(-day)
	if _, p := signed(t, w); p.NotAfter.After(w.signer.NotAfter) {
		t.Error("it outlives the authority")
	}
}

func TestACertificateIsSignedAnewWhenThereIsAReason(t *testing.T) {
	w := signer(t)
	_, p := signed(t, w)
	other := signer(t)
	for name, test := range map[string]struct {
		after  time.Duration
		signer *pair
		names  []string
		ips    []string
		want   string
	}{
		"fresh":             {0, w.signer, nil, nil, ""},
		"more than a third": {leafLife * 66 / 100, w.signer, nil, nil, ""},
		"less than a third": {leafLife * 67 / 100, w.signer, nil, nil, "the old one ends 2027-01-01"},
		"ended":             {leafLife * 2, w.signer, nil, nil, "the old one ends 2027-01-01"},
		"another authority": {0, other.signer, nil, nil, "another authority signs now"},
		"one more name":     {0, w.signer, []string{"vault.example.com"}, nil, "the old one does not cover vault.example.com"},
		"one more address":  {0, w.signer, nil, []string{"10.0.0.1"}, "the old one does not cover 10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := openbao
			c.DNSNames = slices.Concat(c.DNSNames, test.names)
			c.IPAddresses = slices.Concat(c.IPAddresses, test.ips)
			run := &work{now: noon.Add(test.after), signer: test.signer}
			if got := run.fault(p, c); got != test.want {
				t.Errorf("got %q", got)
			}
		})
	}
	if w.fault(nil, openbao) == "" {
		t.Error("none is enough")
	}
}

func TestAPairIsReadInEveryUsualForm(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"SEC 1":  append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{5, 0}}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...),
		"PKCS 1": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(old)}),
	} {
		t.Run(name, func(t *testing.T) {
			key, err := privateKey(text)
			if err != nil {
				t.Fatal(err)
			}
			der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{NotAfter: noon}, &x509.Certificate{}, key.Public(), key)
			if err != nil {
				t.Fatal(err)
			}
			data := map[string][]byte{certKey: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), keyKey: text}
			if _, err := readPair(data, certKey, keyKey); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestGarbageIsNamedAndNotShown(t *testing.T) {
	secret, _ := signed(t, signer(t))
	other, _ := signed(t, signer(t))
	cert, key := secret.Data[certKey], secret.Data[keyKey]
	for name, test := range map[string]struct {
		cert, key []byte
		want      string
	}{
		"text":                     {[]byte("hunter2"), key, "key tls.crt: it is no certificate in PEM"},
		"half a certificate":       {cert[:len(cert)/2], key, "key tls.crt: it is no certificate in PEM"},
		"one and a half":           {append(slices.Clone(cert), cert[:len(cert)/2]...), key, "key tls.crt: it is no certificate in PEM"},
		"a key in the certificate": {append(slices.Clone(cert), key...), key, "key tls.crt: it holds something else than certificates"},
		"PEM of garbage":           {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("hunter2")}), key, "key tls.crt: it holds a certificate that cannot be read"},
		"no certificate":           {nil, key, "key tls.crt: it is no certificate in PEM"},
		"no key":                   {cert, nil, "key tls.key: it is no private key in PEM"},
		"a key of garbage":         {cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")}), "key tls.key: it is no private key that can be read"},
		"another's key":            {cert, other.Data[keyKey], "tls.key does not belong to tls.crt"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readPair(map[string][]byte{certKey: test.cert, keyKey: test.key}, certKey, keyKey)
			if err == nil || err.Error() != test.want {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the content is shown")
			}
		})
	}
	if p, err := readPair(nil, certKey, keyKey); p != nil || err != nil {
		t.Errorf("none: %v", err)
	}
}

func TestCommentsBetweenCertificatesAreAllowed(t *testing.T) {
	a, b := signer(t), signer(t)
	bundle := slices.Concat([]byte("# ours\n"), a.bundle, []byte("# theirs\n"), b.bundle, []byte("\n# end\n"))
	if list, err := certificates(bundle); err != nil || len(list) != 2 {
		t.Errorf("%d %v", len(list), err)
	}
}
