package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/accounts"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/caller"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/ethereum"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/metrics"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/queue"
)

const address = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"

// stand is a server before an engine that a test sets.
type stand struct {
	*Server
	url    string
	log    *bytes.Buffer
	mu     sync.Mutex
	answer func(queue.Entry) openbao.Result
	takes  time.Duration
	got    []queue.Entry
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{log: &bytes.Buffer{}, answer: func(e queue.Entry) openbao.Result {
		return openbao.Result{Raw: "0x02" + fmt.Sprintf("%x", e.Key), Signature: "0x" + strings.Repeat("11", 65)}
	}}
	m := metrics.New()
	s.Server = &Server{
		Version: "1", Deadline: 500 * time.Millisecond, Queue: queue.New(s.send, queue.DefaultLimits, m.Batch), Checker: ethereum.NewChecker(),
		Ready: func() error { return nil }, Metrics: m, Log: slog.New(slog.NewTextHandler(s.log, nil)), Room: DefaultRoom(),
		Directory: accounts.New(func(context.Context, string, string) ([]openbao.Key, error) {
			return []openbao.Key{
				{Name: "a", Type: "evm", Address: address, Uncompressed: "04" + strings.Repeat("ab", 64), Auth: caller.APIKey, Digest: []string{"d"}},
				{Name: "b", Type: "cosmos", Address: "0x" + strings.Repeat("00", 20), Auth: caller.APIKey, Digest: []string{"d"}},
			}, nil
		}),
	}
	h := httptest.NewServer(s.Handler(func(*http.Request) (caller.Caller, error) {
		return caller.Caller{Tenant: "t", Client: "c", Auth: caller.APIKey, Hash: "d"}, nil
	}))
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *stand) send(ctx context.Context, tenant string, entries []json.RawMessage) ([]openbao.Result, error) {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var results []openbao.Result
	for _, text := range entries {
		var e queue.Entry
		if err := json.Unmarshal(text, &e); err != nil || tenant != "t" {
			return nil, fmt.Errorf("%s: %w", tenant, err)
		}
		s.got = append(s.got, e)
		results = append(results, s.answer(e))
	}
	return results, nil
}

func (s *stand) post(t *testing.T, path, body string) (int, string) {
	t.Helper()
	response, err := http.Post(s.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func calling(method, params string) string {
	return fmt.Sprintf(`{"jsonrpc": "2.0", "id": 1, "method": %q, "params": %s}`, method, params)
}

func TestTheEngineIsToldWhoAsksForWhat(t *testing.T) {
	s := newStand(t)
	status, text := s.post(t, "/", calling("eth_signTransaction", `[{"from": "`+strings.ToLower(address)+`", "gas": "0x1"}]`))
	if status != 200 || !strings.Contains(text, `"result":"0x0261"`) {
		t.Fatalf("got %d %s", status, text)
	}
	want := queue.Entry{Method: "sign-tx", Key: "a", Client: "c", Credential: "d", Input: `{"from":"` + strings.ToLower(address) + `","gas":"0x1"}`}
	if len(s.got) != 1 || s.got[0] != want {
		t.Errorf("asked %+v", s.got)
	}
}

func TestAPolicyThatChangedMeanwhileIsAskedAgainOnce(t *testing.T) {
	s := newStand(t)
	changed := openbao.Result{Text: "policy_changed: x; rule: version; remedy: y", Code: "policy_changed", Rule: "version", Remedy: "y", Status: 409}
	s.answer = func(queue.Entry) openbao.Result {
		if len(s.got) == 1 {
			return changed
		}
		return openbao.Result{Raw: "0x02"}
	}
	if _, text := s.post(t, "/", calling("eth_signTransaction", `[{}]`)); !strings.Contains(text, `"result":"0x02"`) {
		t.Errorf("got %s", text)
	}
	s.answer = func(queue.Entry) openbao.Result { return changed }
	if _, text := s.post(t, "/", calling("eth_signTransaction", `[{}]`)); !strings.Contains(text, `"code":"policy_changed"`) || len(s.got) != 4 {
		t.Errorf("got %s after %d", text, len(s.got))
	}
}

func TestNoCallLastsLongerThanItsDeadline(t *testing.T) {
	s := newStand(t)
	s.takes = time.Hour
	began := time.Now()
	status, text := s.post(t, "/", "["+calling("eth_signTransaction", `[{}]`)+","+calling("eth_accounts", `[]`)+"]")
	if took := time.Since(began); took > time.Minute || status != 200 || !strings.Contains(text, "deadline_exceeded") || !strings.Contains(text, address) {
		t.Errorf("got %d %s after %v", status, text, took)
	}
	// A body that never ends.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	began = time.Now()
	_ = conn.SetDeadline(began.Add(time.Minute))
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if took := time.Since(began); err != nil || !strings.Contains(string(answer[:n]), "504") {
		t.Errorf("a slow body: got %s, %v after %v", answer[:n], err, took)
	}
}

func TestOnlyJSONIsRead(t *testing.T) {
	s := newStand(t)
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
		response, err := http.Post(s.url, kind, strings.NewReader(calling("eth_accounts", "[]")))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%q: got %d", kind, response.StatusCode)
		}
	}
	for path, want := range map[string]int{"/chains/0": 400, "/chains/x": 400, "/chains/01": 400, "/chains/901": 200, "/v1/rpc": 200, "/other": 404} {
		if status, text := s.post(t, path, calling("eth_accounts", "[]")); status != want {
			t.Errorf("%s: got %d %s, want %d", path, status, text, want)
		}
	}
	if status, text := s.post(t, "/", `{"jsonrpc": "2.0", "method": "eth_signTransaction", "params": [{}]}`); status != 204 || text != "" || len(s.got) != 0 {
		t.Errorf("a notification: got %d %s, and signed %d", status, text, len(s.got))
	}
}

func TestWhatFailsInsideIsLoggedAndNotTold(t *testing.T) {
	s := newStand(t)
	s.answer = func(queue.Entry) openbao.Result { return openbao.Result{Raw: "secret"} }
	s.Queue = queue.New(func(context.Context, string, []json.RawMessage) ([]openbao.Result, error) {
		return nil, fmt.Errorf("the engine's own words")
	}, queue.DefaultLimits, s.Metrics.Batch)
	_, text := s.post(t, "/", calling("eth_signTransaction", `[{}]`))
	if !strings.Contains(text, "-32603") || strings.Contains(text, "own words") || !strings.Contains(s.log.String(), "own words") {
		t.Errorf("told %s, logged %s", text, s.log)
	}
}

func TestRoomIsBoundedAndNoTenantTakesItAll(t *testing.T) {
	r := &Room{Requests: 3, Bytes: 100, TenantRequests: 2, TenantBytes: 60}
	enter := func(tenant string, bytes int64, want string) func() {
		t.Helper()
		leave, err := r.enter(tenant, bytes)
		if want == "" && err != nil || want != "" && problem.Of(err).Rule != want {
			t.Fatalf("%s: got %v, want %q", tenant, err, want)
		}
		return leave
	}
	first := enter("a", 10, "")
	enter("a", 51, "room.tenant")
	enter("a", 50, "")
	enter("a", 0, "room.tenant")
	enter("b", 41, "room")
	last := enter("b", 40, "")
	enter("c", 0, "room")
	first()
	last()
	enter("c", 50, "")
	if len(r.tenant) != 2 {
		t.Errorf("tenants without requests are remembered: %v", r.tenant)
	}
}

func TestConnectionsBeyondTheLimitAreClosedAtOnce(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Limit(inner, 1)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first := <-accepted
	second := dial()
	_ = second.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := second.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the second connection: got %v", err)
	}
	first.Close()
	first.Close()
	dial()
	<-accepted
}
