package secp256k1

import (
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	maxClients     = 64
	maxCredentials = 8 // of one client: a renewed certificate overlaps the one before

	authMTLS    = "mtls"
	authAPIKey  = "apiKey"
	authOpenBao = "openbao"
)

// client is who may sign with a typed key, by name and credential.
type client struct {
	Name string `json:"name"`
	Auth string `json:"auth"`
	// SPKI are SHA-256 of certificates' SubjectPublicKeyInfo, in hex (mtls).
	SPKI []string `json:"spki,omitempty"`
	// Digest are SHA-256 of API keys, in hex (apiKey).
	Digest []string `json:"digest,omitempty"`
	// Login is the login of OpenBao whose policy pins the request's client to this
	// text (openbao). It shows no other credential.
	Login string `json:"login,omitempty"`

	hashes [][]byte
}

var (
	clientName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	hashText   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// parseClients reads a list of clients and tells every fault in it.
func parseClients(text string) ([]client, faults) {
	var f faults
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var clients []client
	if err := decodeStrict(text, &clients); err != nil {
		f.add("clients: must be a JSON list of {name, auth, spki|digest|login}: %v", err)
		return nil, f
	}
	if len(clients) > maxClients {
		f.add("clients: must be at most %d (got %d)", maxClients, len(clients))
	}
	// A request names a client, or the login of one: both are one room of names.
	names := map[string]bool{}
	for i := range clients {
		c, at := &clients[i], fmt.Sprintf("clients[%d]", i)
		if !clientName.MatchString(c.Name) {
			f.add("%s.name: must be letters, digits, and - . _ within (got %q)", at, c.Name)
		}
		f = append(f, c.checkCredentials(at)...)
		if names[c.id()] {
			f.add("%s: must have a name, or login, of its own (%q stands twice)", at, c.id())
		}
		names[c.id()] = true
	}
	return clients, f
}

// id is what a request's client field must say.
func (c *client) id() string {
	if c.Auth == authOpenBao {
		return c.Login
	}
	return c.Name
}

func (c *client) checkCredentials(at string) (f faults) {
	var field string
	var hashes []string
	switch c.Auth {
	case authMTLS:
		field, hashes = "spki", c.SPKI
	case authAPIKey:
		field, hashes = "digest", c.Digest
	case authOpenBao:
		if !clientName.MatchString(c.Login) {
			f.add("%s.login: must be the login that signs (got %q)", at, c.Login)
		}
	default:
		f.add("%s.auth: must be mtls, apiKey or openbao (got %q)", at, c.Auth)
		return f
	}
	for name, given := range map[string]bool{"spki": len(c.SPKI) > 0, "digest": len(c.Digest) > 0, "login": c.Login != ""} {
		if given && name != field && (c.Auth != authOpenBao || name != "login") {
			f.add("%s.%s: must not be given with auth %s", at, name, c.Auth)
		}
	}
	if len(hashes) > maxCredentials {
		f.add("%s.%s: must be at most %d hashes (got %d)", at, field, maxCredentials, len(hashes))
	}
	for i, text := range hashes {
		if !hashText.MatchString(text) {
			f.add("%s.%s[%d]: must be SHA-256 in 64 lower case hex digits", at, field, i)
			continue
		}
		hash, _ := hex.DecodeString(text)
		c.hashes = append(c.hashes, hash)
	}
	slices.Sort(f)
	return f
}

// claim is who a request says it comes from.
type claim struct {
	client     string
	credential string // SHA-256 in hex, of the certificate's public key or the API key
	batch      bool   // within a batch, which only the signer sends
}

// authorize finds the client that the request names and holds its credential
// against what stands beside the key. A client without credentials signs nothing.
func (k *key) authorize(by claim) (*client, error) {
	if by.client == "" {
		return nil, refuse("client_required", "clients", "send client, and its credential", "this key signs for named clients only")
	}
	i := slices.IndexFunc(k.clients, func(c client) bool { return c.id() == by.client })
	if i < 0 {
		return nil, refuse("client_unknown", "clients", "name the client in the key's clients", "the key has no client %q", by.client)
	}
	c, at := &k.clients[i], fmt.Sprintf("clients[%d]", i)
	if c.Auth == authOpenBao {
		if by.batch {
			return nil, refuse("client_not_in_batch", at, "send it by the key's own path", "client %q is a login of OpenBao, which no batch speaks for", by.client)
		}
		return c, nil
	}
	shown, err := hex.DecodeString(by.credential)
	if err != nil || len(shown) != hashSize {
		return nil, refuse("credential_required", at, "send credential: SHA-256 in hex, of the certificate's SubjectPublicKeyInfo or of the API key", "client %q shows no credential", by.client)
	}
	match := 0
	for _, hash := range c.hashes {
		match |= subtle.ConstantTimeCompare(hash, shown)
	}
	if match != 1 {
		return nil, refuse("credential_wrong", at, "renew the client's credential from Git", "the credential is not one of client %q", by.client)
	}
	return c, nil
}

// decodeStrict reads one JSON value without unknown fields and nothing after it.
func decodeStrict(text string, into any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("something follows the value")
	}
	return nil
}
