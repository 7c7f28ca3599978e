package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/jsonrpc"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// call is one call of a client.
type call struct {
	*Server
	by     *client
	chain  uint64 // the one that the endpoint is for, or 0
	params json.RawMessage
}

// methods are JSON-RPC's.
var methods = map[string]func(*call, context.Context) (any, error){
	"health_status":                 (*call).healthStatus,
	"eth_accounts":                  (*call).accounts,
	"eth_chainId":                   (*call).chainID,
	"eth_signTransaction":           (*call).signTransaction,
	"eth_sign":                      (*call).signPreimage,
	"personal_sign":                 (*call).signMessage,
	"eth_signTypedData_v4":          (*call).signTypedData,
	"opsigner_signBlockPayload":     (*call).signBlock,
	"opsigner_signBlockPayloadV2":   (*call).signBlock,
	"banhbaoring_signAuthorization": (*call).signAuthorization,
}

func (s *Server) serveRPC(ctx context.Context, w http.ResponseWriter, r *http.Request, by *client) error {
	chain, err := endpointChain(r)
	if err != nil {
		return err
	}
	body, err := readBody(ctx, w, r)
	if err != nil {
		return err
	}
	requests, batch, fault := jsonrpc.Parse(body, MaxBatch)
	if fault != nil {
		return fault
	}
	responses := s.answerAll(ctx, by, chain, requests)
	switch {
	case len(responses) == 0:
		w.WriteHeader(http.StatusNoContent)
	case batch:
		writeJSON(w, http.StatusOK, responses)
	default:
		writeJSON(w, http.StatusOK, responses[0])
	}
	return nil
}

// endpointChain is the chain of /chains/<id>, or 0.
func endpointChain(r *http.Request) (uint64, error) {
	text := r.PathValue("chain")
	if text == "" {
		return 0, nil
	}
	chain, err := strconv.ParseUint(text, 10, 63)
	if err != nil || chain == 0 || strconv.FormatUint(chain, 10) != text {
		return 0, problem.Invalid("write the chain's id in decimal: /chains/901", "the endpoint's chain is no number")
	}
	return chain, nil
}

// answerAll answers all calls at the same time, and in their order.
func (s *Server) answerAll(ctx context.Context, by *client, chain uint64, requests []jsonrpc.Request) []jsonrpc.Response {
	all := make([]*jsonrpc.Response, len(requests))
	var wg sync.WaitGroup
	for i, request := range requests {
		if request.Notification() {
			continue
		}
		wg.Go(func() {
			answer := s.answer(ctx, by, chain, request)
			all[i] = &answer
		})
	}
	wg.Wait()
	var responses []jsonrpc.Response
	for _, r := range all {
		if r != nil {
			responses = append(responses, *r)
		}
	}
	return responses
}

func (s *Server) answer(ctx context.Context, by *client, chain uint64, r jsonrpc.Request) jsonrpc.Response {
	began := time.Now()
	do, name := methods[r.Method], r.Method
	var result any
	var err error
	switch {
	case r.Fault != nil:
		name, err = "unknown", r.Fault
	case do == nil:
		name, err = "unknown", unknownMethod(r.Method)
	default:
		result, err = do(&call{Server: s, by: by, chain: chain, params: r.Params}, ctx)
	}
	s.observe(by, name, began, err)
	return jsonrpc.Answer(r.ID, result, err)
}

func unknownMethod(name string) error {
	remedy := "use one of the methods in the documentation"
	if name == "eth_sendTransaction" {
		remedy = "use eth_signTransaction, and send the result to a node"
	}
	return &problem.Problem{Code: jsonrpc.MethodNotFound, What: "there is no such method", Remedy: remedy, Status: http.StatusNotFound}
}

// observe counts a call, and logs what failed inside.
func (s *Server) observe(by *client, method string, began time.Time, err error) {
	s.Metrics.Call(by.Tenant, by.Client, method, time.Since(began), err)
	if err != nil && problem.Of(err).Code == "internal" {
		s.Log.Error("a call failed", "tenant", by.Tenant, "client", by.Client, "method", method, "error", err.Error())
	}
}

// list reads parameters that are a list of n values at least.
func (c *call) list(n int) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if json.Unmarshal(c.params, &list) != nil || len(list) < n {
		return nil, problem.Invalid("look at the method's documentation", "params must be a list of %d values", n)
	}
	return list, nil
}
