package signer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/accounts"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/ethereum"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/metrics"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/queue"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/server"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/tlsfiles"
)

// revokeTimeout bounds how long the signer tries to revoke its token at its end.
const revokeTimeout = 3 * time.Second

// Run signs until ctx ends; then it says that it is not ready, answers what is under
// way, and revokes its token.
func Run(ctx context.Context, c Config, log *slog.Logger) error {
	if err := c.Check(); err != nil {
		return err
	}
	files, err := watchFiles(ctx, &c, log)
	if err != nil {
		return err
	}
	cluster, err := openbao.NewCluster(c.OpenBao, func() *http.Transport { return openbao.Transport(files.trust.Get) })
	if err != nil {
		return err
	}
	session := openbao.NewSession(cluster, openbao.Login{Mount: c.AuthMount, Role: c.Role, JWTFile: c.TokenFile}, log)
	prober := &prober{check: session.Check}
	s := newServer(&c, session, prober, log)
	s.Metrics.Watch(metrics.State{
		Ready: func() bool { return prober.ready() == nil }, Active: cluster.Active, Token: session.Ends, Depths: s.Queue.Depths,
		Certificate: func() time.Time { return files.keyed.Get().Certificates[0].Leaf.NotAfter },
	})
	listeners, err := listen(&c, files)
	if err != nil {
		return err
	}
	// What works in the background outlives ctx, so that requests under way are answered.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for _, work := range []func(context.Context){files.trust.Run, files.keyed.Run, files.mutual.Run, cluster.Run, session.Run, prober.run} {
		wg.Go(func() { work(background) })
	}
	wg.Go(func() {
		if err := s.Checker.Warm(); err != nil {
			log.Error("blobs cannot be checked", "error", err.Error())
		}
	})
	err = serve(ctx, &c, s, listeners, prober, log)
	revoke, cancel := context.WithTimeout(background, revokeTimeout)
	defer cancel()
	if err := session.Revoke(revoke); err != nil {
		log.Warn("the token was not revoked; it ends by itself", "error", err.Error())
	}
	return err
}

func newServer(c *Config, session *openbao.Session, prober *prober, log *slog.Logger) *server.Server {
	engine := &openbao.Engine{Session: session, Mount: c.EngineMount, Prefix: c.Namespaces}
	m := metrics.New()
	send := func(ctx context.Context, tenant string, entries []json.RawMessage) ([]openbao.Result, error) {
		began := time.Now()
		results, err := engine.Batch(ctx, tenant, entries)
		m.OpenBao(time.Since(began), err)
		return results, err
	}
	return &server.Server{
		Version: Version, Deadline: c.Deadline, Directory: accounts.New(engine.Keys),
		Queue: queue.New(send, queue.DefaultLimits, m.Batch), Checker: ethereum.NewChecker(),
		Ready: prober.ready, Metrics: m, Log: log, Room: server.DefaultRoom(),
	}
}

// files are what is read again when it changes.
type files struct {
	trust  *tlsfiles.Watched[*x509.CertPool] // of OpenBao's certificates
	keyed  *tlsfiles.Watched[*tls.Config]    // for clients with API keys
	mutual *tlsfiles.Watched[*tls.Config]    // for clients with certificates
}

func watchFiles(ctx context.Context, c *Config, log *slog.Logger) (f files, err error) {
	if f.trust, err = tlsfiles.Watch(ctx, log, tlsfiles.Pool, c.OpenBaoCA); err != nil {
		return f, err
	}
	if f.keyed, err = tlsfiles.Watch(ctx, log, keyed, c.Certificate, c.Key); err != nil {
		return f, err
	}
	f.mutual, err = tlsfiles.Watch(ctx, log, mutual, c.Certificate, c.Key, c.ClientCA)
	return f, err
}

func keyed(contents [][]byte) (*tls.Config, error) {
	pair, err := tlsfiles.Pair(contents)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}, nil
}

func mutual(contents [][]byte) (*tls.Config, error) {
	config, err := keyed(contents)
	if err != nil {
		return nil, err
	}
	config.ClientCAs, err = tlsfiles.Pool(contents[2:])
	config.MinVersion, config.ClientAuth = tls.VersionTLS13, tls.RequireAndVerifyClientCert
	// A ticket would stand for a certificate whose authority may have changed.
	config.SessionTicketsDisabled = true
	return config, err
}

// listeners are the signer's, open already.
type listeners struct{ keyed, mutual, metrics net.Listener }

func listen(c *Config, f files) (l listeners, err error) {
	for _, x := range []struct {
		address string
		into    *net.Listener
		config  func() *tls.Config
	}{{c.ListenKey, &l.keyed, f.keyed.Get}, {c.ListenMTLS, &l.mutual, f.mutual.Get}, {c.ListenMetrics, &l.metrics, nil}} {
		inner, err := net.Listen("tcp", x.address)
		if err != nil {
			return l, err
		}
		*x.into = server.Limit(inner, server.MaxConnections)
		if x.config != nil {
			*x.into = tls.NewListener(*x.into, &tls.Config{
				MinVersion:         tls.VersionTLS12,
				GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return x.config(), nil },
			})
		}
	}
	if c.Listening != nil {
		c.Listening(Addresses{l.keyed.Addr(), l.mutual.Addr(), l.metrics.Addr()})
	}
	return l, nil
}

// serve answers until ctx ends and what is under way then is answered, or until a
// listener fails.
func serve(ctx context.Context, c *Config, s *server.Server, l listeners, prober *prober, log *slog.Logger) error {
	aside := http.NewServeMux()
	aside.Handle("GET /metrics", s.Metrics.Handler())
	aside.Handle("/", s.Health())
	failed := make(chan error, 3)
	var servers []*http.Server
	for listener, handler := range map[net.Listener]http.Handler{
		l.keyed: s.Handler(server.ByKey), l.mutual: s.Handler(server.ByCertificate), l.metrics: aside,
	} {
		h := &http.Server{
			Handler: handler, ReadHeaderTimeout: c.Deadline, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: server.MaxHeader,
			// Who cannot connect is told so by TLS; that is not worth a line of ours each.
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		}
		servers = append(servers, h)
		go func() { failed <- h.Serve(listener) }()
	}
	log.Info("the signer listens", "version", Version, "key", l.keyed.Addr().String(), "mtls", l.mutual.Addr().String(), "metrics", l.metrics.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	prober.drain()
	log.Info("the signer drains")
	time.Sleep(c.Drain)
	return shutDown(servers, c.Deadline+time.Second)
}

// shutDown takes no more requests, and waits for those under way.
func shutDown(servers []*http.Server, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var wg sync.WaitGroup
	faults := make([]error, len(servers))
	for i, h := range servers {
		wg.Go(func() { faults[i] = h.Shutdown(ctx) })
	}
	wg.Wait()
	return errors.Join(faults...)
}
