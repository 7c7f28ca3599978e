package openbao

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// Engine is the secrets engine in the namespaces of tenants.
type Engine struct {
	Session *Session
	Mount   string // secp256k1
	// Prefix before a tenant's name makes its namespace's.
	Prefix string
}

// Result is what the engine answers to an entry of a batch.
type Result struct {
	Raw           string `json:"raw,omitempty"`
	Hash          string `json:"hash,omitempty"`
	Sender        string `json:"sender,omitempty"`
	Signature     string `json:"signature,omitempty"`
	Authorization string `json:"authorization,omitempty"`
	PublicKey     string `json:"public_key,omitempty"`

	// Where it refused:
	Text   string `json:"error,omitempty"`
	Code   string `json:"code,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Remedy string `json:"remedy,omitempty"`
	Status int    `json:"status,omitempty"`
}

// Problem is the refusal that the result is, or nil.
func (r *Result) Problem() *problem.Problem {
	switch {
	case r.Text == "":
		return nil
	case r.Status == http.StatusInternalServerError:
		return problem.Unavailable("the secrets engine failed: %s", r.Text)
	case r.Status == http.StatusNotFound:
		return &problem.Problem{Code: "key_not_found", What: r.Text, Rule: "clients", Remedy: "look at the keys that the client may use", Status: r.Status}
	case r.Remedy == "":
		return &problem.Problem{Code: r.Code, What: r.Text, Status: r.Status, Remedy: "mend the request"}
	}
	return &problem.Problem{Code: r.Code, What: refusalText(r), Rule: r.Rule, Remedy: r.Remedy, Status: r.Status}
}

// refusalText is what the refusal says without its code, rule and remedy, which stand
// around it.
func refusalText(r *Result) string {
	head, tail := r.Code+": ", "; rule: "+r.Rule+"; remedy: "+r.Remedy
	if len(r.Text) > len(head)+len(tail) && r.Text[:len(head)] == head && r.Text[len(r.Text)-len(tail):] == tail {
		return r.Text[len(head) : len(r.Text)-len(tail)]
	}
	return r.Text
}

// Batch has the engine of a tenant answer the entries, which are JSON objects.
func (e *Engine) Batch(ctx context.Context, tenant string, entries []json.RawMessage) ([]Result, error) {
	text, err := json.Marshal(entries)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"batch": string(text)})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results []Result `json:"results"`
	}
	if err := e.call(ctx, tenant, http.MethodPost, "batch", body, &answer); err != nil {
		return nil, err
	}
	if len(answer.Results) != len(entries) {
		return nil, problem.Unavailable("the secrets engine answered %d of %d entries", len(answer.Results), len(entries))
	}
	return answer.Results, nil
}

// Key is a key that a client may sign with, and what the client must show for it.
type Key struct {
	Name         string   `json:"key"`
	Type         string   `json:"type"`
	Address      string   `json:"eth_address"`
	Cosmos       string   `json:"address"`
	Compressed   string   `json:"public_key"`
	Uncompressed string   `json:"public_key_uncompressed"`
	Auth         string   `json:"auth"`
	SPKI         []string `json:"spki"`
	Digest       []string `json:"digest"`
}

// Keys are those of a tenant that name the client. There are none, without an error,
// where there is no such tenant or client.
func (e *Engine) Keys(ctx context.Context, tenant, client string) ([]Key, error) {
	var answer struct {
		Keys []Key `json:"keys"`
	}
	err := e.call(ctx, tenant, http.MethodGet, "clients/"+url.PathEscape(client), nil, &answer)
	if problem.Of(err).Code == "not_found" {
		return nil, nil
	}
	return answer.Keys, err
}

func (e *Engine) call(ctx context.Context, tenant, method, path string, body []byte, into any) error {
	response, err := e.Session.Call(ctx, Request{Namespace: e.Prefix + tenant, Method: method, Path: e.Mount + "/" + path, Body: body})
	if err != nil {
		return err
	}
	switch response.Status {
	case http.StatusOK:
	case http.StatusNotFound:
		return &problem.Problem{Code: "not_found", What: "there is no such tenant or client", Rule: "clients", Remedy: "name it in Git", Status: http.StatusNotFound}
	case http.StatusTooManyRequests:
		return &problem.Problem{
			Code: "rate_exceeded", What: "the tenant's limit of requests is reached", Rule: "quota", Remedy: "send less at once", Status: response.Status,
		}
	case http.StatusForbidden:
		return &problem.Problem{
			Code: "openbao_denied", What: "OpenBao does not let the signer ask this tenant's engine", Rule: "openbao",
			Remedy: "look at the tenant's namespace, and at the signer's policy and role in OpenBao", Status: http.StatusServiceUnavailable,
		}
	default:
		return fmt.Errorf("%s: %w", path, &refusedError{response.Status, response.Errors()})
	}
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(response.Body, &answer); err != nil {
		return fmt.Errorf("%s: OpenBao's answer is not JSON: %w", path, err)
	}
	return json.Unmarshal(answer.Data, into)
}
