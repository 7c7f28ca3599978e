package tenants

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// The data of a client's Secret.
const (
	clientCert      = "tls.crt"
	clientKey       = "tls.key"
	clientAPIKey    = "api-key"
	clientCA        = "ca.crt"    // who signs the signer's certificate
	clientURL       = "url"       // of the signer
	clientAddresses = "addresses" // of the client's keys: JSON, an address by the key's name
)

// annotationPrevious is the credential before: its hash, and until when it counts, such as
// 0a1b…@2026-01-02T15:04:05Z.
const annotationPrevious = "banhbaoring.io/previous"

// apiKeyOverlap is how long an API key works after another was minted in its place.
// A certificate works until its end.
const apiKeyOverlap = 24 * time.Hour

// credential is what a client shows the signer.
type credential struct {
	client jobs.KeyClient
	secret *corev1.Secret // as it was read; nil where there is none
	// data is what is handed out, and previous the credential before.
	data     map[string]string
	hash     string
	previous previous
}

type previous struct {
	hash  string
	until time.Time
}

func (p previous) String() string {
	if p.hash == "" {
		return ""
	}
	return p.hash + "@" + p.until.UTC().Format(time.RFC3339)
}

// longestOverlap is the life of a certificate: no credential before counts for longer.
const longestOverlap = jobs.ClientCertificateLife

// parsePrevious reads an annotation. What is over, cannot be read, or would count for
// longer than the Job ever writes, is nothing: whoever may write the Secret could have.
func parsePrevious(text string, now time.Time) previous {
	hash, until, _ := strings.Cut(text, "@")
	sum, err1 := hex.DecodeString(hash)
	at, err2 := time.Parse(time.RFC3339, until)
	if err1 != nil || len(sum) != sha256.Size || err2 != nil || !now.Before(at) || at.After(now.Add(longestOverlap)) {
		return previous{}
	}
	return previous{hash, at}
}

// hashes are those that the engine takes.
func (c *credential) hashes() []string {
	if c.previous.hash == "" {
		return []string{c.hash}
	}
	return []string{c.hash, c.previous.hash}
}

// credentials are those of a tenant's clients, by name. What is missing, to be rotated or
// near its end is minted; one that nobody has had yet is handed out at once, so that a run
// that is killed loses none. One that follows another is handed out once the engine knows it.
func (w *work) credentials(ctx context.Context, t jobs.Tenant) (map[string]*credential, error) {
	all := map[string]*credential{}
	for _, client := range t.Clients() {
		c, err := w.credential(ctx, t, client)
		if err != nil {
			return nil, fmt.Errorf("client %s: %w", client.Name, err)
		}
		if c.secret == nil {
			if c.secret, err = w.handOutOne(ctx, t, c, map[string]string{}); err != nil {
				return nil, fmt.Errorf("client %s: %w", client.Name, err)
			}
		}
		all[client.Name] = c
	}
	return all, nil
}

func (w *work) credential(ctx context.Context, t jobs.Tenant, client jobs.KeyClient) (*credential, error) {
	secret, err := w.own(ctx, t.Name, jobs.TenantClientSecret(t.Name, client.Name))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	c := &credential{client: client, secret: secret}
	hash, until, good := hashOf(client, secret, now)
	if secret != nil {
		c.previous = parsePrevious(secret.Annotations[annotationPrevious], now)
	}
	if good && !due(client, secret, now) {
		c.hash, c.data = hash, textsOf(secret, client)
		return c, nil
	}
	if hash != "" && now.Before(until) { // it is replaced, and counts a while longer
		c.previous = previous{hash, until}
	}
	if client.Auth == v1.AuthMTLS {
		c.data, c.hash, err = w.certificate(ctx, t.Name, client.Name)
	} else {
		c.data, c.hash = mintAPIKey(t.Name, client.Name)
	}
	return c, err
}

// hashOf is the hash of the credential that a Secret holds, until when it would count if it
// were replaced now, and whether it is one of the client's kind.
func hashOf(client jobs.KeyClient, secret *corev1.Secret, now time.Time) (hash string, until time.Time, good bool) {
	if secret == nil {
		return "", now, false
	}
	if client.Auth == v1.AuthAPIKey {
		key := secret.Data[clientAPIKey]
		if len(key) == 0 {
			return "", now, false
		}
		return digest(key), now.Add(apiKeyOverlap), true
	}
	certificate := parseCertificate(secret.Data[clientCert])
	if certificate == nil || len(secret.Data[clientKey]) == 0 {
		return "", now, false
	}
	return digest(certificate.RawSubjectPublicKeyInfo), certificate.NotAfter, now.Before(certificate.NotAfter)
}

// due reports whether a credential is to be replaced: it was minted for another value of
// rotate, or less than a third of a certificate's life is left.
func due(client jobs.KeyClient, secret *corev1.Secret, now time.Time) bool {
	if secret.Annotations[annotationRotate] != client.Rotate {
		return true
	}
	if client.Auth != v1.AuthMTLS {
		return false
	}
	certificate := parseCertificate(secret.Data[clientCert])
	return certificate == nil || certificate.NotAfter.Sub(now) < certificate.NotAfter.Sub(certificate.NotBefore)/3
}

func textsOf(secret *corev1.Secret, client jobs.KeyClient) map[string]string {
	if client.Auth == v1.AuthAPIKey {
		return map[string]string{clientAPIKey: string(secret.Data[clientAPIKey])}
	}
	return map[string]string{clientCert: string(secret.Data[clientCert]), clientKey: string(secret.Data[clientKey])}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func parseCertificate(text []byte) *x509.Certificate {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return certificate
}

// mintAPIKey makes a key whose text says whose it is, of 256 random bits.
func mintAPIKey(tenant, client string) (data map[string]string, hash string) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // which ends the program where it fails
	key := fmt.Sprintf("bbr_%s_%s_%s", tenant, client, hex.EncodeToString(random))
	return map[string]string{clientAPIKey: key}, digest([]byte(key))
}

// certificate has one issued for a new key, which never leaves the Job but for the Secret.
func (w *work) certificate(ctx context.Context, tenant, client string) (data map[string]string, hash string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, "", err
	}
	answer, err := write(ctx, w.root, jobs.ClientsMount+"/sign/"+jobs.ClientsRole, map[string]any{
		"csr":      string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request})),
		"uri_sans": "banhbaoring://" + tenant + "/" + client,
	})
	if err != nil {
		return nil, "", fmt.Errorf("issue a certificate: %w", err)
	}
	text, _ := answer["certificate"].(string)
	certificate := parseCertificate([]byte(text))
	if certificate == nil {
		return nil, "", errors.New("issue a certificate: OpenBao answered without one")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", err
	}
	return map[string]string{
		clientCert: strings.TrimSpace(text) + "\n",
		clientKey:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}, digest(certificate.RawSubjectPublicKeyInfo), nil
}

// handOut writes the Secrets of clients that say something else. Addresses are those of the
// tenant's keys, by name.
func (w *work) handOut(ctx context.Context, t jobs.Tenant, credentials map[string]*credential, addresses map[string]string) error {
	for _, client := range t.Clients() {
		own := map[string]string{}
		for _, key := range t.Keys {
			for _, c := range key.Clients {
				if c.Name == client.Name {
					own[key.Name] = addresses[key.Name]
				}
			}
		}
		if _, err := w.handOutOne(ctx, t, credentials[client.Name], own); err != nil {
			return fmt.Errorf("client %s: %w", client.Name, err)
		}
	}
	return nil
}

func (w *work) handOutOne(ctx context.Context, t jobs.Tenant, c *credential, addresses map[string]string) (*corev1.Secret, error) {
	trust, err := os.ReadFile(w.TrustFile())
	if err != nil {
		return nil, err
	}
	c.data[clientCA] = string(trust)
	c.data[clientURL] = w.config.Signer.MTLSURL
	if c.client.Auth == v1.AuthAPIKey {
		c.data[clientURL] = w.config.Signer.KeyURL
	}
	text, _ := json.Marshal(addresses) // of strings: this cannot fail
	c.data[clientAddresses] = string(text)
	annotations := map[string]string{annotationRotate: c.client.Rotate, annotationPrevious: c.previous.String()}
	if c.secret != nil && reflect.DeepEqual(c.secret.Data, bytesOf(c.data)) && alike(c.secret.Annotations, annotations) {
		return c.secret, nil
	}
	return w.keep(ctx, c.secret, t.Name, jobs.TenantClientSecret(t.Name, c.client.Name), c.data, annotations)
}

// alike reports whether the annotations that are wanted are there.
func alike(have, want map[string]string) bool {
	for key, value := range want {
		if have[key] != value {
			return false
		}
	}
	return true
}

// credentialsCurrent reports whether nothing is to be done for the clients of a tenant.
func (w *work) credentialsCurrent(ctx context.Context, t jobs.Tenant) (bool, error) {
	clients := t.Clients()
	if len(clients) == 0 {
		return true, nil
	}
	trust, err := os.ReadFile(w.TrustFile())
	if err != nil {
		return false, err
	}
	now := time.Now()
	for _, client := range clients {
		secret, err := w.own(ctx, t.Name, jobs.TenantClientSecret(t.Name, client.Name))
		if err != nil {
			return false, err
		}
		_, _, good := hashOf(client, secret, now)
		if !good || due(client, secret, now) || !bytes.Equal(secret.Data[clientCA], trust) {
			return false, nil
		}
		// A credential before that counts no more leaves the engine too.
		if text := secret.Annotations[annotationPrevious]; text != "" && parsePrevious(text, now).hash == "" {
			return false, nil
		}
	}
	return true, nil
}
