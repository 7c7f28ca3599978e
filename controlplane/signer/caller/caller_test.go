package caller

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

var (
	secret = strings.Repeat("0123456789abcdef", 4)
	key    = "bbr_my-rollup_op_batcher.1_" + secret
)

func TestAnAPIKeyNamesTenantAndClient(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("key:"+key))
	for name, h := range map[string]http.Header{
		"its own header": {"X-Api-Key": {key}},
		"a bearer token": {"Authorization": {"Bearer " + key}},
		"a URL's":        {"Authorization": {basic}},
	} {
		got, err := FromHeaders(h)
		if err != nil || got.Tenant != "my-rollup" || got.Client != "op_batcher.1" || got.Auth != APIKey || len(got.Hash) != 64 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if made := KeyText("my-rollup", "op_batcher.1", [32]byte{1}); !strings.HasPrefix(made, "bbr_my-rollup_op_batcher.1_01") {
		t.Errorf("made %s", made)
	} else if _, err := FromKey(made); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoAPIKeyIsRefusedAndNotQuoted(t *testing.T) {
	for _, text := range []string{
		"", "bbr_", "bbr_a", "bbr_a_" + secret, "bbr__c_" + secret, "bbr_A_c_" + secret, "bbr_a__" + secret, "bbr_a/b_c_" + secret, "bbr_a_c/d_" + secret,
		"xbr_a_c_" + secret, "bbr_a_c_" + secret[1:], "bbr_a_c_" + strings.ToUpper(secret), "bbr_a_c_" + secret + "\n", "bbr_a_-c_" + secret,
		"bbr_" + strings.Repeat("a", 64) + "_c_" + secret,
	} {
		_, err := FromKey(text)
		if p := problem.Of(err); p.Status != http.StatusUnauthorized || p.Remedy == "" {
			t.Errorf("%q: got %v", text, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is quoted: %v", text, err)
		}
	}
	if _, err := FromHeaders(http.Header{}); problem.Of(err).Code != "api_key_missing" {
		t.Errorf("without a key: got %v", err)
	}
}

func certificate(uris ...string) *x509.Certificate {
	c := &x509.Certificate{NotAfter: time.Unix(1000, 0), RawSubjectPublicKeyInfo: []byte("key")}
	for _, text := range uris {
		u, _ := url.Parse(text)
		c.URIs = append(c.URIs, u)
	}
	return c
}

func TestACertificateNamesTenantAndClient(t *testing.T) {
	now := time.Unix(999, 0)
	got, err := FromCertificate(certificate("spiffe://other/x", "banhbaoring://my-rollup/op-batcher"), now)
	want := Caller{Tenant: "my-rollup", Client: "op-batcher", Auth: MTLS, Hash: "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, c := range map[string]*x509.Certificate{
		"no name":     certificate(),
		"another's":   certificate("spiffe://my-rollup/op-batcher"),
		"two names":   certificate("banhbaoring://a/c", "banhbaoring://b/c"),
		"a path":      certificate("banhbaoring://a/c/d"),
		"a query":     certificate("banhbaoring://a/c?d"),
		"a user":      certificate("banhbaoring://u@a/c"),
		"a port":      certificate("banhbaoring://a:1/c"),
		"no client":   certificate("banhbaoring://a/"),
		"a namespace": certificate("banhbaoring://A/c"),
	} {
		if _, err := FromCertificate(c, now); problem.Of(err).Code != "certificate_unnamed" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := FromCertificate(certificate("banhbaoring://a/c"), time.Unix(1001, 0)); problem.Of(err).Code != "certificate_expired" {
		t.Errorf("expired: got %v", err)
	}
}
