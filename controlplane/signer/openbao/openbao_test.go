package openbao

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// fake is a node whose behaviour a test sets.
type fake struct {
	*httptest.Server

	mu     sync.Mutex
	since  time.Time // it leads since then; zero is a standby
	status int       // of answers, but to who leads
	hang   bool      // answers nothing
	slow   time.Duration
	token  string // the one that it takes; empty is any
	logins int
	got    []string
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	leads, since, status, hang, token, slow := !f.since.IsZero(), f.since, f.status, f.hang, f.token, f.slow
	f.got = append(f.got, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Vault-Namespace"))
	f.mu.Unlock()
	if hang {
		<-r.Context().Done()
		return
	}
	time.Sleep(slow)
	answer := func(status int, body any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	switch {
	case r.URL.Path == "/v1/sys/leader":
		answer(200, map[string]any{"ha_enabled": true, "is_self": leads, "active_time": since})
	case status != 0:
		answer(status, map[string]any{"errors": []string{"no"}})
	case r.URL.Path == "/v1/auth/kubernetes/login":
		f.set(func() { f.logins++; f.token = fmt.Sprint("token-", f.logins) })
		answer(200, map[string]any{"auth": map[string]any{"client_token": f.token, "lease_duration": 259200}})
	case token != "" && r.Header.Get("X-Vault-Token") != token:
		answer(403, map[string]any{"errors": []string{"permission denied"}})
	case r.URL.Path == "/v1/auth/token/revoke-self":
		f.set(func() { f.token = "revoked" })
		w.WriteHeader(http.StatusNoContent)
	case strings.HasPrefix(r.URL.Path, "/v1/secp256k1/clients/nobody"):
		answer(404, map[string]any{"errors": []string{}})
	case strings.HasPrefix(r.URL.Path, "/v1/secp256k1/clients/"):
		answer(200, map[string]any{"data": map[string]any{"keys": []Key{{Name: "k"}}}})
	case r.URL.Path == "/v1/secp256k1/batch":
		answer(200, map[string]any{"data": map[string]any{"results": []Result{{Signature: "0x1"}}}})
	default:
		answer(200, map[string]any{"data": map[string]any{}})
	}
}

// newFakes are n nodes of which the first leads, and the cluster of them.
func newFakes(t *testing.T, n int) ([]*fake, *Cluster) {
	t.Helper()
	var fakes []*fake
	var addresses []string
	trust := x509.NewCertPool()
	for range n {
		f := &fake{}
		f.Server = httptest.NewUnstartedServer(f)
		f.StartTLS()
		t.Cleanup(func() { f.set(func() { f.hang = false }); f.CloseClientConnections(); f.Close() })
		trust.AddCert(f.Certificate())
		fakes, addresses = append(fakes, f), append(addresses, f.URL)
	}
	fakes[0].since = time.Now()
	c, err := NewCluster(addresses, func() *http.Transport { return Transport(func() *x509.CertPool { return trust }) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	eventually(t, "a leader", func() bool { return c.Active() == fakes[0].URL })
	return fakes, c
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: not within 5s", what)
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestTheNextRequestGoesToTheNewLeader(t *testing.T) {
	for name, lose := range map[string]func(*fake){
		"it is gone":   func(f *fake) { f.CloseClientConnections(); f.Listener.Close() },
		"it is sealed": func(f *fake) { f.set(func() { f.status, f.since = 503, time.Time{} }) },
		"it hangs":     func(f *fake) { f.set(func() { f.hang = true }) },
	} {
		t.Run(name, func(t *testing.T) {
			fakes, c := newFakes(t, 3)
			lose(fakes[0])
			go func() {
				time.Sleep(100 * time.Millisecond)
				fakes[2].set(func() { fakes[2].since = time.Now() })
			}()
			response, err := c.Call(within(t, 30*time.Second), Request{Method: "GET", Path: "x"})
			if err != nil || response.Status != 200 {
				t.Fatalf("got %v, %v", response, err)
			}
			if c.Active() != fakes[2].URL {
				t.Errorf("%s leads", c.Active())
			}
		})
	}
}

func TestOneThatWasCutOffIsNotBelievedToLead(t *testing.T) {
	fakes, c := newFakes(t, 2)
	fakes[1].set(func() { fakes[1].since = time.Now().Add(time.Second) })
	eventually(t, "the later leader", func() bool { return c.Active() == fakes[1].URL })
	// The one before still claims to lead, and the later one is slow.
	fakes[1].set(func() { fakes[1].slow = 4 * grace })
	for range 15 {
		time.Sleep(100 * time.Millisecond)
		if c.Active() != fakes[1].URL {
			t.Fatalf("%s leads", c.Active())
		}
	}
}

func TestALeaderWhoseClockIsBehindIsBelieved(t *testing.T) {
	fakes, c := newFakes(t, 2)
	fakes[0].set(func() { fakes[0].hang = true })
	fakes[1].set(func() { fakes[1].since = fakes[0].since.Add(-time.Hour) })
	eventually(t, "the new leader", func() bool { return c.Active() == fakes[1].URL })
}

func TestALeaderWhoseEngineFailsIsNotLeft(t *testing.T) {
	fakes, c := newFakes(t, 2)
	fakes[0].set(func() { fakes[0].status = 500 })
	_, err := c.Call(within(t, 100*time.Millisecond), Request{Method: "GET", Path: "x"})
	if problem.Of(err).Code != "openbao_unavailable" || c.Active() != fakes[0].URL {
		t.Errorf("got %v, %q leads", err, c.Active())
	}
}

func TestACallEndsWithItsDeadline(t *testing.T) {
	fakes, c := newFakes(t, 1)
	for name, spoil := range map[string]func(){
		"it hangs":  func() { fakes[0].hang = true },
		"it fails":  func() { fakes[0].hang, fakes[0].status = false, 500 },
		"no leader": func() { fakes[0].hang, fakes[0].status, fakes[0].since = false, 503, time.Time{} },
	} {
		fakes[0].set(spoil)
		began := time.Now()
		_, err := c.Call(within(t, 300*time.Millisecond), Request{Method: "GET", Path: "x"})
		if took := time.Since(began); problem.Of(err).Status < 503 || took > time.Minute {
			t.Errorf("%s: got %v after %v", name, err, took)
		}
	}
}

func TestOnlyTLSIsSpokenAndNoRedirectFollowed(t *testing.T) {
	for _, addresses := range [][]string{nil, {"http://127.0.0.1:8200"}, {"127.0.0.1:8200"}} {
		if _, err := NewCluster(addresses, nil); err == nil {
			t.Errorf("%v is accepted", addresses)
		}
	}
	fakes, c := newFakes(t, 1)
	fakes[0].set(func() { fakes[0].status = 307 })
	response, err := c.Call(within(t, 30*time.Second), Request{Method: "GET", Path: "x"})
	if err != nil || response.Status != 307 {
		t.Errorf("got %v, %v", response, err)
	}
}

func newSession(t *testing.T, c *Cluster) *Session {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("jwt\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewSession(c, Login{Mount: "kubernetes", Role: "signer", JWTFile: file}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	eventually(t, "a token", func() bool { return !s.Ends().IsZero() })
	return s
}

func TestARefusedTokenIsReplacedByOneLogin(t *testing.T) {
	fakes, c := newFakes(t, 1)
	s := newSession(t, c)
	if left := time.Until(s.Ends()); left < 71*time.Hour || left > 72*time.Hour {
		t.Errorf("the token ends in %v", left)
	}
	// Somebody revoked it; as long ago as logins must lie apart.
	s.mu.Lock()
	s.logged = time.Now().Add(-relogin)
	s.mu.Unlock()
	fakes[0].set(func() { fakes[0].token = "another" })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.Check(within(t, 30*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if fakes[0].logins != 2 {
		t.Errorf("%d logins, want 2", fakes[0].logins)
	}
	// Again, so soon: the refusal is told, and OpenBao is not asked for tokens without end.
	fakes[0].set(func() { fakes[0].token = "another" })
	for range 20 {
		if err := s.Check(within(t, 30*time.Second)); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("got %v", err)
		}
	}
	if fakes[0].logins != 2 {
		t.Errorf("%d logins, want 2", fakes[0].logins)
	}
}

func TestARevokedTokenIsForgotten(t *testing.T) {
	fakes, c := newFakes(t, 1)
	s := newSession(t, c)
	if err := s.Revoke(within(t, 30*time.Second)); err != nil {
		t.Fatal(err)
	}
	if fakes[0].token != "revoked" || !s.Ends().IsZero() {
		t.Errorf("the token ends %v", s.Ends())
	}
	if _, err := s.Call(within(t, time.Second), Request{Method: "GET", Path: "x"}); problem.Of(err).Code != "openbao_unavailable" {
		t.Errorf("got %v", err)
	}
	if err := s.Revoke(within(t, 30*time.Second)); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func TestTheEngineOfATenantIsAsked(t *testing.T) {
	fakes, c := newFakes(t, 1)
	e := &Engine{Session: newSession(t, c), Mount: "secp256k1", Prefix: "tenant-"}
	entry := []json.RawMessage{json.RawMessage(`{}`)}
	results, err := e.Batch(within(t, 30*time.Second), "a", entry)
	if err != nil || len(results) != 1 || results[0].Signature != "0x1" {
		t.Errorf("got %v, %v", results, err)
	}
	if got := fakes[0].got[len(fakes[0].got)-1]; got != "POST /v1/secp256k1/batch tenant-a" && !strings.Contains(got, "leader") {
		t.Errorf("asked %s", got)
	}
	if _, err := e.Batch(within(t, 30*time.Second), "a", append(entry, entry...)); err == nil {
		t.Error("an answer with too few results is accepted")
	}
	if keys, err := e.Keys(within(t, 30*time.Second), "a", "c"); err != nil || len(keys) != 1 {
		t.Errorf("got %v, %v", keys, err)
	}
	if keys, err := e.Keys(within(t, 30*time.Second), "a", "nobody"); err != nil || keys != nil {
		t.Errorf("an unknown client: got %v, %v", keys, err)
	}
	fakes[0].set(func() { fakes[0].status = 429 })
	if _, err := e.Batch(within(t, 30*time.Second), "a", entry); problem.Of(err).Code != "rate_exceeded" {
		t.Errorf("got %v", err)
	}
}

func TestAResultSaysWhyItIsARefusal(t *testing.T) {
	for _, x := range []struct {
		given Result
		want  string
	}{
		{Result{Text: "fee_above_cap: too much; rule: policy.fees; remedy: pay less", Code: "fee_above_cap", Rule: "policy.fees", Remedy: "pay less", Status: 403}, "fee_above_cap: too much; rule: policy.fees; remedy: pay less"},
		{Result{Text: "transaction: gas is missing", Code: "invalid", Status: 400}, "invalid: transaction: gas is missing; remedy: mend the request"},
		{Result{Text: "key not found", Code: "key_not_found", Status: 404}, "key_not_found: key not found; rule: clients; remedy: look at the keys that the client may use"},
	} {
		if got := x.given.Problem(); got == nil || got.Error() != x.want || got.Status != x.given.Status {
			t.Errorf("got %v, want %s", got, x.want)
		}
	}
	if p := (&Result{Signature: "0x"}).Problem(); p != nil {
		t.Errorf("a signature: got %v", p)
	}
	if p := (&Result{Text: "x", Code: "internal", Status: 500}).Problem(); p.Code != "openbao_unavailable" {
		t.Errorf("got %v", p)
	}
}
