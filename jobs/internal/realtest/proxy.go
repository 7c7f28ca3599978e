package realtest

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Fault harms a request: it answers it itself, or returns false to let it pass.
type Fault = func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool

// through is the URL of a proxy before the server at target, which serves TLS
// where config is set.
func through(t *testing.T, target string, config *tls.Config, transport http.RoundTripper, fault Fault) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = u.Scheme, u.Host // Host stays
	}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fault(w, r, pass) {
			pass.ServeHTTP(w, r)
		}
	}))
	if config != nil {
		server.TLS = config
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(func() { _ = server.Config.Close() })
	return server.URL
}
