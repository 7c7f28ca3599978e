// Package signer signs for rollups' clients by the policies of their keys in OpenBao,
// and needs nothing but OpenBao for it.
package signer

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Config is how a signer runs.
type Config struct {
	OpenBao     []string // addresses of all nodes, https://
	OpenBaoCA   string   // file with the authority of their certificates
	AuthMount   string   // of OpenBao's auth method for service accounts
	Role        string   // there
	TokenFile   string   // the service account's token
	EngineMount string   // of the secrets engine in tenants' namespaces
	Namespaces  string   // prefix before a tenant's name

	ListenKey     string // for clients with API keys
	ListenMTLS    string // for clients with certificates
	ListenMetrics string // Prometheus and probes, without TLS
	Certificate   string // files that clients are shown
	Key           string
	ClientCA      string // file with the authority of clients' certificates

	Deadline time.Duration // of each request
	Drain    time.Duration // between not being ready any more and taking no more requests

	// Listening is told where, once the signer listens; it may be nil.
	Listening func(Addresses)
}

// Addresses are where a signer listens.
type Addresses struct{ Key, MTLS, Metrics net.Addr }

// Default is the configuration inside a stack, but for what has no default.
func Default() Config {
	return Config{
		AuthMount: "kubernetes", Role: "signer", TokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
		EngineMount: "secp256k1", Namespaces: "tenant-",
		ListenKey: ":8545", ListenMTLS: ":8546", ListenMetrics: ":8547",
		Deadline: 2 * time.Second, Drain: 5 * time.Second,
	}
}

// Check tells every fault.
func (c *Config) Check() error {
	var faults []error
	if len(c.OpenBao) == 0 {
		faults = append(faults, errors.New("--openbao: must name OpenBao's nodes"))
	}
	for _, required := range []struct{ flag, value string }{
		{"openbao-ca", c.OpenBaoCA}, {"tls-cert", c.Certificate}, {"tls-key", c.Key}, {"client-ca", c.ClientCA},
		{"auth-mount", c.AuthMount}, {"role", c.Role}, {"token-file", c.TokenFile}, {"engine-mount", c.EngineMount},
	} {
		if required.value == "" {
			faults = append(faults, fmt.Errorf("--%s: must be given", required.flag))
		}
	}
	if c.Deadline < 100*time.Millisecond || c.Deadline > time.Minute {
		faults = append(faults, fmt.Errorf("--deadline: must be 100ms to 1m (got %v)", c.Deadline))
	}
	if c.Drain < 0 || c.Drain > 5*time.Minute {
		faults = append(faults, fmt.Errorf("--drain: must be 0s to 5m (got %v)", c.Drain))
	}
	return errors.Join(faults...)
}
