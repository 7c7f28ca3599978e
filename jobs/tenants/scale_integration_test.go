//go:build integration

package tenants_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// TENANTS is how many there are; 50 when it is not set.
func TestManyTenants(t *testing.T) {
	count := 50
	if text := os.Getenv("TENANTS"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newServer(t)
	var all []string
	for i := range count {
		all = append(all, fmt.Sprintf("t%04d\n  plan: pro\n  admin: {email: admin@example.com}\n  apiKeys: [{name: sequencer}]", i))
	}
	text := spec(s.Namespace, "", all...)
	job := s.job(t, text)
	job.Patience = run.Deadline + time.Minute
	requests := s.counted(t, &job)
	start := time.Now()
	first := job.Run(t)
	for runs := 2; first.Code == run.CodeDeadline && runs <= 3; runs++ {
		t.Logf("%s: the deadline, run %d", time.Since(start).Round(time.Second), runs)
		first = job.Run(t)
	}
	t.Logf("%d tenants: exit %d after %s, %d requests to OpenBao", count, first.Code, time.Since(start).Round(time.Second), requests.Load())
	realtest.Finished(t, first)
	requests.Store(0)
	start = time.Now()
	second := job.Run(t)
	realtest.Finished(t, second)
	t.Logf("again: %s, %d requests to OpenBao", time.Since(start).Round(10*time.Millisecond), requests.Load())
	if !strings.Contains(second.Log, `"changed":0`) || requests.Load() > 10 {
		t.Errorf("the second run asks OpenBao %d times:\n%.2000s", requests.Load(), second.Log)
	}
	for _, tenant := range []string{"t0000", fmt.Sprintf("t%04d", count-1)} {
		s.makeKey(t, tenant)
		if err := sign(t.Context(), must(t)(s.withKey(t, tenant, "sequencer")), "main"); err != nil {
			t.Error(err)
		}
	}
}

// counted passes requests on to OpenBao, and counts them.
func (s *server) counted(t *testing.T, job *realtest.Job) *atomic.Int64 {
	t.Helper()
	target, err := url.Parse(s.bao.Peers[0])
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(s.bao.TrustFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	count := &atomic.Int64{}
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 16},
		Rewrite: func(r *httputil.ProxyRequest) {
			count.Add(1)
			r.SetURL(target)
		},
	}
	front := httptest.NewTLSServer(proxy)
	t.Cleanup(front.Close)
	job.TrustFile = filepath.Join(t.TempDir(), "front.crt")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	if err := os.WriteFile(job.TrustFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	config := job.Config.(jobs.TenantsConfig)
	config.Address = front.URL
	job.Config = config
	return count
}
