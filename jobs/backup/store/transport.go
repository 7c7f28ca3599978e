package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// newTransport is a transport whose connections break when they stand still,
// so that a request that hangs is sent again.
func newTransport(o Options) (http.RoundTripper, error) {
	idle := o.Idle
	roots, err := roots(o.CACert)
	if err != nil {
		return nil, err
	}
	if len(o.ProxyCA) > 0 && !roots.AppendCertsFromPEM(o.ProxyCA) {
		return nil, errors.New("spec.networking.proxy.caCert holds no certificate\nhint: want PEM, -----BEGIN CERTIFICATE-----")
	}
	dialer := &net.Dialer{Timeout: min(idle, 30*time.Second)}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &watched{Conn: conn, idle: idle}, nil
		},
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   min(idle, 30*time.Second),
		ResponseHeaderTimeout: idle,
		IdleConnTimeout:       idle / 2,
		MaxIdleConnsPerHost:   4,
		DisableCompression:    true, // what is stored is what is read
	}, nil
}

// watched is a connection that breaks when no byte passes for a while.
type watched struct {
	net.Conn
	idle time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.extend(); err != nil {
		return 0, err
	}
	return w.Conn.Read(p)
}

func (w *watched) Write(p []byte) (int, error) {
	if err := w.extend(); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}

// extend moves the deadline of both directions: while a request is written, its
// answer is being waited for.
func (w *watched) extend() error { return w.SetDeadline(time.Now().Add(w.idle)) }

// roots are the authorities that are given, those that the image has, or Mozilla's
// where it has none.
func roots(given []byte) (*x509.CertPool, error) {
	if len(given) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(given) {
			return nil, errors.New("the destination's caCert holds no certificate\nhint: want PEM, -----BEGIN CERTIFICATE-----")
		}
		return pool, nil
	}
	pool, err := x509.SystemCertPool()
	if err == nil && !pool.Equal(x509.NewCertPool()) {
		return pool, nil
	}
	pool = x509.NewCertPool()
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return nil, err
		}
		if root.Constraint != nil {
			pool.AddCertWithConstraint(certificate, root.Constraint)
		} else {
			pool.AddCert(certificate)
		}
	}
	return pool, nil
}
