package exporter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// lookTimeout is for one endpoint.
const lookTimeout = 4 * time.Second

// seen is what an endpoint showed.
type seen struct {
	name     string
	notAfter time.Time
	err      error
}

// look dials all endpoints at once.
func look(ctx context.Context, endpoints []jobs.Endpoint) []seen {
	all := make([]seen, len(endpoints))
	var wait sync.WaitGroup
	for i, endpoint := range endpoints {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, lookTimeout)
			defer cancel()
			end, err := notAfter(ctx, endpoint)
			all[i] = seen{endpoint.Name, end, err}
		})
	}
	wait.Wait()
	return all
}

// notAfter is when the certificate that an endpoint shows ends. It is looked
// at, not trusted: nothing is said to the endpoint afterwards.
func notAfter(ctx context.Context, endpoint jobs.Endpoint) (time.Time, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", endpoint.Address)
	if err != nil {
		return time.Time{}, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return time.Time{}, err
		}
	}
	if endpoint.Protocol == jobs.ProtocolPostgres {
		if err := startPostgresTLS(conn); err != nil {
			return time.Time{}, err
		}
	}
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // see above
	if err := client.HandshakeContext(ctx); err != nil {
		return time.Time{}, err
	}
	return client.ConnectionState().PeerCertificates[0].NotAfter, nil
}

// sslRequest asks PostgreSQL to go on in TLS; its answer is S or N. Source:
// PostgreSQL's documentation, message formats.
var sslRequest = []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}

func startPostgresTLS(conn io.ReadWriter) error {
	if _, err := conn.Write(sslRequest); err != nil {
		return err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	switch answer[0] {
	case 'S':
		return nil
	case 'N':
		return errors.New("the server speaks no TLS")
	default:
		return fmt.Errorf("unexpected answer %q to a request for TLS", answer)
	}
}
