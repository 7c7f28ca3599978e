package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/ethereum"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/queue"
)

// engineMethods are what /v1/sign takes.
var engineMethods = []string{signTx, signMessage, signTypedData, queue.SignBlock, signPreimage, signAuthorization, signDoc}

// signRequest asks for one signature: input is what the engine's method takes, as text,
// or as the JSON that the text would be.
type signRequest struct {
	Key    string          `json:"key"`
	Method string          `json:"method"`
	Input  json.RawMessage `json:"input"`
}

// serveKeys lists the client's keys.
func (s *Server) serveKeys(_ context.Context, w http.ResponseWriter, _ *http.Request, by *client) error {
	keys := []map[string]string{}
	for _, k := range by.keys {
		keys = append(keys, map[string]string{
			"name": k.Name, "type": k.Type, "eth_address": k.Address, "address": k.Cosmos,
			"public_key": k.Compressed, "public_key_uncompressed": k.Uncompressed,
		})
	}
	s.observe(by, "keys", time.Now(), nil)
	writeJSON(w, http.StatusOK, map[string]any{"keys": keys})
	return nil
}

func (s *Server) serveSign(ctx context.Context, w http.ResponseWriter, r *http.Request, by *client) error {
	var request signRequest
	if err := readJSON(ctx, w, r, &request); err != nil {
		return err
	}
	result, err := s.signOne(ctx, by, request)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, result)
	return nil
}

// serveSignBatch answers each request with its result or its error. The status is 207
// where any of them failed.
func (s *Server) serveSignBatch(ctx context.Context, w http.ResponseWriter, r *http.Request, by *client) error {
	var body struct {
		Requests []signRequest `json:"requests"`
	}
	if err := readJSON(ctx, w, r, &body); err != nil {
		return err
	}
	if n := len(body.Requests); n == 0 || n > MaxBatch {
		p := problem.Invalid("send fewer at once", "requests must be 1 to %d (got %d)", MaxBatch, n)
		p.Rule = "batch"
		return p
	}
	results, failed := make([]any, len(body.Requests)), make([]bool, len(body.Requests))
	var wg sync.WaitGroup
	for i, request := range body.Requests {
		wg.Go(func() {
			result, err := s.signOne(ctx, by, request)
			results[i] = result
			if failed[i] = err != nil; failed[i] {
				results[i] = map[string]any{"error": errorBody(problem.Of(err))}
			}
		})
	}
	wg.Wait()
	status := http.StatusOK
	if slices.Contains(failed, true) {
		status = http.StatusMultiStatus
	}
	writeJSON(w, status, map[string]any{"results": results})
	return nil
}

func (s *Server) signOne(ctx context.Context, by *client, r signRequest) (*openbao.Result, error) {
	began, method := time.Now(), r.Method
	if !slices.Contains(engineMethods, method) {
		method = "unknown"
	}
	result, err := s.signREST(ctx, by, r)
	s.observe(by, method, began, err)
	return result, err
}

func (s *Server) signREST(ctx context.Context, by *client, r signRequest) (*openbao.Result, error) {
	if !slices.Contains(engineMethods, r.Method) {
		return nil, problem.Invalid("look at the documentation of /v1/sign", "method must be one of %v", engineMethods)
	}
	key, err := by.byName(r.Key)
	if err != nil {
		return nil, err
	}
	input := bytes.TrimSpace(r.Input)
	if r.Method == signTx && len(input) > 0 && input[0] == '{' {
		tx, err := ethereum.ReadTransaction(input, 0)
		if err != nil {
			return nil, err
		}
		return s.signTx(ctx, by, key, tx)
	}
	return s.sign(ctx, by, key, r.Method, textOrObject(input))
}
