package realtest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// Through lets requests to a server pass a proxy, whose URL it returns.
func (b *OpenBao) Through(t *testing.T, ordinal int, fault Fault) string {
	t.Helper()
	return b.through(t, b.Peers[ordinal], fault)
}

// ThroughActive is Through, to whichever server is active.
func (b *OpenBao) ThroughActive(t *testing.T, fault Fault) string {
	t.Helper()
	return b.through(t, b.Active(t), fault)
}

func (b *OpenBao) through(t *testing.T, target string, fault Fault) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(b.TrustFile, filepath.Join(b.dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	return through(t, target, &tls.Config{Certificates: []tls.Certificate{pair}}, b.Client(t, 0, "").CloneConfig().HttpClient.Transport, fault)
}

// Active is the URL of whichever server is active, as that of the chart's Service
// is: each connection leads to the one that is when it begins.
func (b *OpenBao) Active(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				to, err := b.dialActive(t)
				if err != nil {
					return
				}
				defer to.Close()
				go func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
				}()
				_, _ = io.Copy(from, to)
			}()
		}
	}()
	return "https://" + listener.Addr().String()
}

func (b *OpenBao) dialActive(t *testing.T) (net.Conn, error) {
	for i, peer := range b.Peers {
		if at, err := b.Client(t, i, "").Sys().Leader(); err == nil && at.IsSelf {
			return net.Dial("tcp", strings.TrimPrefix(peer, "https://"))
		}
	}
	return nil, errors.New("no server is active")
}
