package openbao

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// Transport makes one node's connections. trust is asked for each of them, so that a
// renewed authority is trusted without a restart.
func Transport(trust func() *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: time.Second, KeepAlive: 5 * time.Second}
	return &http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			d := tls.Dialer{NetDialer: dialer, Config: &tls.Config{RootCAs: trust(), ServerName: host, MinVersion: tls.VersionTLS12}}
			return d.DialContext(ctx, network, address)
		},
		MaxIdleConns:        64,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     90 * time.Second,
		// OpenBao's answers are small, and compressing them takes time.
		DisableCompression: true,
	}
}
