// Package server answers the signer's clients: JSON-RPC, web3signer's API for ETH1, and
// a REST API.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/accounts"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/caller"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/ethereum"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/jsonrpc"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/metrics"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/queue"
)

const (
	// MaxBody bounds a request's body: a transaction with as many blobs as a chain
	// takes, in hex.
	MaxBody = 8 << 20
	// MaxBatch bounds the calls of one request.
	MaxBatch = 100
	// MaxHeader bounds a request's headers.
	MaxHeader = 16 << 10
	// slowReader is how long after the deadline a client may still be reading.
	slowReader = 5 * time.Second
)

// Server is what answers. All of its fields must be set.
type Server struct {
	Version   string
	Deadline  time.Duration // of each request, from its headers to its answer
	Directory *accounts.Directory
	Queue     *queue.Queue
	Checker   *ethereum.Checker
	Ready     func() error
	Metrics   *metrics.Metrics
	Log       *slog.Logger
	Room      *Room
}

// Who tells who a request comes from.
type Who func(*http.Request) (caller.Caller, error)

// ByCertificate is who shows a certificate, which the connection has verified.
func ByCertificate(r *http.Request) (caller.Caller, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return caller.Caller{}, problem.Unauthorized("certificate_missing", "connect with a client certificate", "the connection has no client certificate")
	}
	return caller.FromCertificate(r.TLS.VerifiedChains[0][0], time.Now())
}

// ByKey is who sends an API key.
func ByKey(r *http.Request) (caller.Caller, error) { return caller.FromHeaders(r.Header) }

// client is who was let in.
type client struct {
	caller.Caller
	keys []openbao.Key
}

// Handler answers those whom who knows.
func (s *Server) Handler(who Who) http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	rpc := s.admit(who, s.serveRPC)
	for _, path := range []string{"POST /{$}", "POST /v1/rpc", "POST /chains/{chain}"} {
		mux.Handle(path, rpc)
	}
	mux.Handle("GET /api/v1/eth1/publicKeys", s.admit(who, s.servePublicKeys))
	mux.Handle("POST /api/v1/eth1/sign/{key}", s.admit(who, s.serveWeb3Sign))
	mux.Handle("GET /v1/keys", s.admit(who, s.serveKeys))
	mux.Handle("POST /v1/sign", s.admit(who, s.serveSign))
	mux.Handle("POST /v1/sign/batch", s.admit(who, s.serveSignBatch))
	return mux
}

// Health answers probes alone.
func (s *Server) Health() http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	return mux
}

// health adds the paths that anyone may read: none of them asks OpenBao.
func (s *Server) health(mux *http.ServeMux) {
	text := func(w http.ResponseWriter, status int, body string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /upcheck", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "OK") })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.Ready(); err != nil {
			text(w, http.StatusServiceUnavailable, problem.Of(err).Error()+"\n")
			return
		}
		text(w, http.StatusOK, "ready\n")
	})
	mux.HandleFunc("GET /healthcheck", func(w http.ResponseWriter, _ *http.Request) {
		status, outcome := http.StatusOK, "UP"
		if s.Ready() != nil {
			status, outcome = http.StatusServiceUnavailable, "DOWN"
		}
		writeJSON(w, status, map[string]any{"status": outcome, "checks": []any{}, "outcome": outcome})
	})
}

// handler answers a client that was let in. An error is written by admit.
type handler func(ctx context.Context, w http.ResponseWriter, r *http.Request, by *client) error

// admit lets known clients in where there is room, within the deadline.
func (s *Server) admit(who Who, next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deadline := time.Now().Add(s.Deadline)
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		_ = http.NewResponseController(w).SetWriteDeadline(deadline.Add(slowReader))
		by, leave, err := s.letIn(ctx, who, r)
		if err != nil {
			s.Metrics.TurnedAway(err)
			// What it sends is not read.
			w.Header().Set("Connection", "close")
			s.writeProblem(w, r, err)
			return
		}
		defer leave()
		if err := next(ctx, w, r, by); err != nil {
			s.writeProblem(w, r, err)
		}
	})
}

func (s *Server) letIn(ctx context.Context, who Who, r *http.Request) (*client, func(), error) {
	c, err := who(r)
	if err != nil {
		return nil, nil, err
	}
	if r.Method == http.MethodPost {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return nil, nil, &problem.Problem{
				Code: "invalid", What: "the content's type must be application/json", Remedy: "send the header Content-Type", Status: http.StatusUnsupportedMediaType,
			}
		}
	}
	if r.ContentLength > MaxBody {
		return nil, nil, tooLarge()
	}
	size := r.ContentLength
	if size < 0 {
		size = MaxBody
	}
	leave, err := s.Room.enter(c.Tenant, size)
	if err != nil {
		return nil, nil, err
	}
	keys, err := s.Directory.Keys(ctx, c)
	if err != nil {
		leave()
		return nil, nil, err
	}
	return &client{c, keys}, leave, nil
}

func tooLarge() error {
	return &problem.Problem{
		Code: "invalid", What: "the body is too large", Rule: "body", Remedy: "send at most " + strconv.Itoa(MaxBody) + " bytes",
		Status: http.StatusRequestEntityTooLarge,
	}
}

// readBody reads a body within its size and the deadline.
func readBody(ctx context.Context, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	if deadline, ok := ctx.Deadline(); ok {
		_ = control.SetReadDeadline(deadline)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{})
		return body, nil
	}
	// The server would wait for the rest of the body before it answers.
	w.Header().Set("Connection", "close")
	var large *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &large):
		return nil, tooLarge()
	case errors.As(err, &network) && network.Timeout():
		return nil, problem.Deadline()
	}
	return nil, problem.Invalid("send it again", "the body ended early")
}

// readJSON reads a body that is one JSON value without unknown fields.
func readJSON(ctx context.Context, w http.ResponseWriter, r *http.Request, into any) error {
	body, err := readBody(ctx, w, r)
	if err != nil {
		return err
	}
	if jsonrpc.Deeper(body) {
		return problem.Invalid("send flatter JSON", "the body's values nest deeper than %d", jsonrpc.MaxDepth)
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || d.More() {
		return problem.Invalid("look at the documentation of this path", "the body is not the JSON that this path takes")
	}
	return nil
}

// isRPC reports whether a path answers in JSON-RPC.
func isRPC(path string) bool {
	return path == "/" || path == "/v1/rpc" || strings.HasPrefix(path, "/chains/")
}

// writeProblem answers a request that has no other answer.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	if p.Code == "internal" {
		s.Log.Error("a request failed", "path", r.URL.Path, "error", err.Error())
	}
	if isRPC(r.URL.Path) {
		writeJSON(w, p.Status, jsonrpc.Answer(nil, nil, p))
		return
	}
	writeJSON(w, p.Status, map[string]any{"error": errorBody(p)})
}

// errorBody is a problem as the REST API shows it.
func errorBody(p *problem.Problem) map[string]any {
	return map[string]any{"code": p.Code, "message": p.What, "rule": p.Rule, "remedy": p.Remedy, "status": p.Status}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // nothing that is written here cannot be
		status, text = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
