package keeper

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
)

// renewer has the server serve the certificate that is mounted.
type renewer struct {
	Options
	patience
	// served is the leaf that the server was seen to serve last.
	served []byte
}

// look compares the mounted certificate with the one that is served, when it is
// another than last seen, and makes the server reload it.
func (r *renewer) look(ctx context.Context) {
	pair, err := tls.LoadX509KeyPair(r.TLSDir+"/tls.crt", r.TLSDir+"/tls.key")
	if err != nil {
		if !r.waits() {
			r.failed(fmt.Errorf("the mounted certificate is of no use: %w", err))
		}
		return
	}
	if bytes.Equal(pair.Certificate[0], r.served) || r.waits() {
		return
	}
	served, err := r.handshake(ctx)
	if err != nil {
		return // the server is not up, and reads its certificate when it starts
	}
	if bytes.Equal(pair.Certificate[0], served) {
		r.log.Info("the mounted certificate is served", "serial", pair.Leaf.SerialNumber.String(), "until", pair.Leaf.NotAfter)
		r.served = served
		r.over()
		return
	}
	r.failed(r.reload())
}

// reload says why the certificate is not served yet.
func (r *renewer) reload() error {
	const fault = "the mounted certificate is not served"
	pid, err := r.Process()
	switch {
	case err != nil:
		return fmt.Errorf(fault+": %w", err)
	case pid == 0:
		return errors.New(fault + ": the server must reload it by itself, or be started again")
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return fmt.Errorf(fault+": signal the server, process %d: %w", pid, err)
	}
	return errors.New(fault + " although the server was told to reload it: its log says why")
}

// handshake is the leaf that the server serves. It is compared and not trusted:
// it may be of an authority that has just been replaced, or have ended.
func (r *renewer) handshake(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: r.ServerName, MinVersion: tls.VersionTLS12}}
	connection, err := dialer.DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return connection.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw, nil
}

// transport reaches a server that one authority vouches for.
func transport(authority []byte, name string) (*http.Transport, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, errors.New("ca.crt holds no certificate")
	}
	return &http.Transport{
		DialContext:     (&net.Dialer{Timeout: requestTimeout}).DialContext,
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12},
	}, nil
}
