// Package caller reads who a request says it comes from. Whether that is true, and
// what the client may sign, is decided by what stands beside the keys in OpenBao.
package caller

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// Caller is a tenant's client with what it shows.
type Caller struct {
	Tenant string
	Client string
	// Auth is "mtls" or "apiKey", as in the key's clients.
	Auth string
	// Hash is SHA-256, in hex, of the certificate's SubjectPublicKeyInfo or of the API
	// key's text.
	Hash string
}

// The ways to come.
const (
	MTLS   = "mtls"
	APIKey = "apiKey"
)

// Scheme is that of the URI which a client's certificate has among its subject
// alternative names: banhbaoring://<tenant>/<client>.
const Scheme = "banhbaoring"

const keyPrefix = "bbr_"

var (
	tenantName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
	clientName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	secretText = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// URI is what a client's certificate names.
func URI(tenant, client string) *url.URL {
	return &url.URL{Scheme: Scheme, Host: tenant, Path: "/" + client}
}

// KeyText is an API key: 256 random bits with the tenant and client that they are for.
func KeyText(tenant, client string, secret [32]byte) string {
	return keyPrefix + tenant + "_" + client + "_" + hex.EncodeToString(secret[:])
}

// FromCertificate reads a verified certificate. Its connection may have outlived it.
func FromCertificate(c *x509.Certificate, now time.Time) (Caller, error) {
	if now.After(c.NotAfter) {
		return Caller{}, problem.Unauthorized("certificate_expired", "connect again with the renewed certificate", "the certificate of this connection has expired")
	}
	var found *Caller
	for _, uri := range c.URIs {
		if uri.Scheme != Scheme {
			continue
		}
		client := strings.TrimPrefix(uri.Path, "/")
		if found != nil || !tenantName.MatchString(uri.Host) || !clientName.MatchString(client) || *uri != *URI(uri.Host, client) {
			return Caller{}, badCertificate()
		}
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		found = &Caller{Tenant: uri.Host, Client: client, Auth: MTLS, Hash: hex.EncodeToString(sum[:])}
	}
	if found == nil {
		return Caller{}, badCertificate()
	}
	return *found, nil
}

func badCertificate() error {
	return problem.Unauthorized("certificate_unnamed", "use a certificate that the tenant's keys name in Git",
		"the certificate must have one URI %s://<tenant>/<client> among its subject alternative names", Scheme)
}

// FromKey reads an API key: bbr_<tenant>_<client>_<64 hex digits>.
func FromKey(text string) (Caller, error) {
	rest, ok := strings.CutPrefix(text, keyPrefix)
	tenant, rest, _ := strings.Cut(rest, "_")
	last := strings.LastIndexByte(rest, '_')
	if !ok || last < 0 || !tenantName.MatchString(tenant) || !clientName.MatchString(rest[:last]) || !secretText.MatchString(rest[last+1:]) {
		return Caller{}, problem.Unauthorized("api_key_malformed", "send the key as it stands in the client's Secret",
			"an API key is bbr_<tenant>_<client>_<64 hex digits>")
	}
	sum := sha256.Sum256([]byte(text))
	return Caller{Tenant: tenant, Client: rest[:last], Auth: APIKey, Hash: hex.EncodeToString(sum[:])}, nil
}

// FromHeaders reads the API key that a request carries: in X-API-Key, as a bearer
// token, or as the password of basic authentication, which is all that some clients
// can send.
func FromHeaders(h http.Header) (Caller, error) {
	if key := h.Get("X-API-Key"); key != "" {
		return FromKey(key)
	}
	if key, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		return FromKey(key)
	}
	if _, key, ok := (&http.Request{Header: h}).BasicAuth(); ok {
		return FromKey(key)
	}
	return Caller{}, problem.Unauthorized("api_key_missing",
		"send it in the header X-API-Key, as a bearer token, or as the password of basic authentication", "the request carries no API key")
}
