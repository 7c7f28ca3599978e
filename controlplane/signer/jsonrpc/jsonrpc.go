// Package jsonrpc reads JSON-RPC 2.0 requests and writes their answers.
package jsonrpc

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// MaxDepth is how far the values of a request may nest. The engine's limit is the same.
const MaxDepth = 64

// maxID is how long a request's id may be: it is sent back.
const maxID = 128

// Request is one call.
type Request struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	// Fault is why it is none, or nil.
	Fault *problem.Problem
}

// Notification reports whether nobody waits for an answer: nothing is done then.
func (r *Request) Notification() bool { return r.Fault == nil && r.ID == nil }

// Response answers one call.
type Response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *Error          `json:"error,omitempty"`
}

// Error is why there is no result.
type Error struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Data    ErrorData `json:"data"`
}

// ErrorData is for programs.
type ErrorData struct {
	Code   string `json:"code"`
	Rule   string `json:"rule,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

var null = json.RawMessage("null")

// Answer is a call's answer: a result, or an error.
func Answer(id json.RawMessage, result any, err error) Response {
	if id == nil {
		id = null
	}
	r := Response{Version: "2.0", ID: id}
	if err != nil {
		p := problem.Of(err)
		r.Error = &Error{Code: number(p), Message: p.Error(), Data: ErrorData{Code: p.Code, Rule: p.Rule, Remedy: p.Remedy}}
		return r
	}
	r.Result = result
	return r
}

// MethodNotFound is the code of an unknown method.
const MethodNotFound = "method_not_found"

// number is JSON-RPC's code, those of EIP-1474 where it has one.
func number(p *problem.Problem) int {
	switch p.Code {
	case "parse_error":
		return -32700
	case "invalid_request":
		return -32600
	case MethodNotFound:
		return -32601
	case "invalid":
		return -32602
	case "busy", "rate_exceeded", "quota_exceeded":
		return -32005
	}
	switch p.Status {
	case http.StatusNotFound:
		return -32001
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return -32002
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict:
		return -32003
	case http.StatusTooManyRequests:
		return -32005
	case http.StatusBadRequest:
		return -32602
	}
	return -32603
}

// Parse reads a body: one request, or a batch of at most most. Faults of single
// requests of a batch stand with them; batch reports whether the answer is a list.
func Parse(body []byte, most int) (requests []Request, batch bool, err *problem.Problem) {
	if deeper(body, MaxDepth) {
		return nil, false, parseError("its values nest deeper than is allowed")
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 || body[0] != '[' {
		r := parseOne(body)
		if r.Fault != nil && r.Fault.Code == "parse_error" {
			return nil, false, r.Fault
		}
		return []Request{r}, false, nil
	}
	var texts []json.RawMessage
	if json.Unmarshal(body, &texts) != nil {
		return nil, true, parseError("it is not JSON")
	}
	if len(texts) == 0 || len(texts) > most {
		p := invalidRequest("a batch has too many requests, or none")
		p.Rule, p.Remedy = "batch", "send fewer at once"
		return nil, true, p
	}
	for _, text := range texts {
		requests = append(requests, parseOne(text))
	}
	return requests, true, nil
}

func parseOne(text []byte) Request {
	var r struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method"`
		Params  json.RawMessage `json:"params"`
	}
	if !json.Valid(text) {
		return Request{Fault: parseError("it is not JSON")}
	}
	if json.Unmarshal(text, &r) != nil {
		return Request{Fault: invalidRequest("it is not a request of JSON-RPC 2.0")}
	}
	if len(r.ID) > maxID || len(r.ID) > 0 && (r.ID[0] == '{' || r.ID[0] == '[') {
		return Request{Fault: invalidRequest("its id is too long, or neither text nor number")}
	}
	out := Request{ID: r.ID, Method: r.Method, Params: r.Params}
	if r.Version != "2.0" || r.Method == "" {
		out.Fault = invalidRequest("it is not a request of JSON-RPC 2.0")
	}
	return out
}

func parseError(what string) *problem.Problem {
	return &problem.Problem{Code: "parse_error", What: "the body cannot be read: " + what, Remedy: "send JSON-RPC 2.0", Status: http.StatusBadRequest}
}

func invalidRequest(what string) *problem.Problem {
	return &problem.Problem{Code: "invalid_request", What: what, Remedy: "send JSON-RPC 2.0", Status: http.StatusBadRequest}
}

// deeper reports whether the text's values nest deeper than most, without reading them.
func deeper(text []byte, most int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			if depth++; depth > most {
				return true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return false
}

// Deeper reports whether the text's values nest deeper than MaxDepth.
func Deeper(text []byte) bool { return deeper(text, MaxDepth) }
