package realbao

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/caller"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/tlsfiles"
)

// Stack is a signer before a cluster.
type Stack struct {
	*Cluster
	Config  signer.Config
	Clients *Authority // of clients' certificates
	Key     string     // https:// for clients with API keys
	MTLS    string     // https:// for clients with certificates
	Metrics string     // http://

	end  context.CancelFunc
	done chan error
	once sync.Once
}

// StartStack starts a cluster of size servers and a signer.
func StartStack(c *Cluster, change func(*signer.Config)) *Stack {
	c.Helper()
	s := &Stack{Cluster: c, Clients: NewAuthority(c), Config: signer.Default(), done: make(chan error, 1)}
	pair := c.Authority.Server(c)
	for _, server := range c.Servers {
		s.Config.OpenBao = append(s.Config.OpenBao, server.Address)
	}
	s.Config.OpenBaoCA, s.Config.TokenFile = c.Authority.File, c.EnableLogin()
	s.Config.Certificate, s.Config.Key, s.Config.ClientCA = pair.Certificate, pair.Key, s.Clients.File
	s.Config.ListenKey, s.Config.ListenMTLS, s.Config.ListenMetrics = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	s.Config.Drain = 0
	if change != nil {
		change(&s.Config)
	}
	s.StartSigner()
	return s
}

// StartSigner starts the signer, and waits until it can sign.
func (s *Stack) StartSigner() {
	s.Helper()
	listening := make(chan signer.Addresses, 1)
	s.Config.Listening = func(a signer.Addresses) { listening <- a }
	ctx, cancel := context.WithCancel(context.Background())
	s.end, s.once = cancel, sync.Once{}
	level := slog.LevelWarn
	if testing := os.Getenv("SIGNER_LOG"); testing != "" {
		level = slog.LevelDebug
	}
	go func() {
		s.done <- signer.Run(ctx, s.Config, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	}()
	s.Cleanup(func() { _ = s.Stop() })
	select {
	case a := <-listening:
		s.Key, s.MTLS, s.Metrics = "https://"+a.Key.String(), "https://"+a.MTLS.String(), "http://"+a.Metrics.String()
	case err := <-s.done:
		s.Fatalf("the signer ended: %v", err)
	}
	Eventually(s, "the signer is ready", s.Ready)
}

// Stop ends the signer as Kubernetes would, and returns its error.
func (s *Stack) Stop() (err error) {
	s.once.Do(func() {
		s.end()
		err = <-s.done
	})
	return err
}

// Ready is why the signer is not ready, or nil.
func (s *Stack) Ready() error {
	response, err := http.Get(s.Metrics + "/ready")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(string(text))
	}
	return err
}

// Tenant makes a tenant's namespace with its engine.
func (s *Stack) Tenant(name string) {
	s.Helper()
	s.Must("POST", "", "sys/namespaces/"+s.Config.Namespaces+name, nil)
	s.Must("POST", s.Config.Namespaces+name, "sys/mounts/secp256k1", map[string]any{"type": "secp256k1"})
}

// NewKey makes a key of a tenant, and returns what a read of it shows.
func (s *Stack) NewKey(tenant, name string, fields map[string]any) map[string]any {
	s.Helper()
	return s.Must("POST", s.Config.Namespaces+tenant, "secp256k1/keys/"+name, fields)
}

// Client is how a tenant's client comes.
type Client struct {
	Pair   Pair   // with a certificate
	APIKey string // or with an API key
	// Entry is what names it in a key's clients.
	Entry map[string]any
	HTTP  *http.Client
	URL   string
}

// NewMTLS is a client with a certificate.
func (s *Stack) NewMTLS(tenant, name string) *Client {
	s.Helper()
	c := &Client{Pair: s.Clients.Client(s, caller.URI(tenant, name)), URL: s.MTLS}
	c.Entry = map[string]any{"name": name, "auth": caller.MTLS, "spki": []string{c.Pair.SPKI}}
	pair, err := tls.LoadX509KeyPair(c.Pair.Certificate, c.Pair.Key)
	if err != nil {
		s.Fatal(err)
	}
	c.HTTP = s.HTTP(pair)
	return c
}

// NewAPIKey is a client with an API key.
func (s *Stack) NewAPIKey(tenant, name string) *Client {
	s.Helper()
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it never fails
	c := &Client{APIKey: caller.KeyText(tenant, name, secret), URL: s.Key, HTTP: s.HTTP()}
	sum := sha256.Sum256([]byte(c.APIKey))
	c.Entry = map[string]any{"name": name, "auth": caller.APIKey, "digest": []string{hex.EncodeToString(sum[:])}}
	return c
}

// HTTP is a client of HTTP that trusts the signer.
func (s *Stack) HTTP(pairs ...tls.Certificate) *http.Client {
	s.Helper()
	trust, err := os.ReadFile(s.Authority.File)
	if err != nil {
		s.Fatal(err)
	}
	pool, err := tlsfiles.Pool([][]byte{trust})
	if err != nil {
		s.Fatal(err)
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: pairs}, MaxIdleConnsPerHost: 256,
	}}
}

// ClientsOf is a key's field clients.
func ClientsOf(clients ...*Client) string {
	entries := []any{}
	for _, c := range clients {
		entries = append(entries, c.Entry)
	}
	text, _ := json.Marshal(entries) // text alone: it cannot fail
	return string(text)
}
