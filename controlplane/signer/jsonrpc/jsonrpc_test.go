package jsonrpc

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

func TestOneRequestAndABatchAreRead(t *testing.T) {
	requests, batch, err := Parse([]byte(` {"jsonrpc": "2.0", "id": 7, "method": "eth_accounts", "params": []}`), 2)
	if err != nil || batch || len(requests) != 1 || string(requests[0].ID) != "7" || requests[0].Method != "eth_accounts" || string(requests[0].Params) != "[]" {
		t.Errorf("got %+v, %v, %v", requests, batch, err)
	}
	requests, batch, err = Parse([]byte(`[{"jsonrpc": "2.0", "id": "a", "method": "x"}, 3]`), 2)
	if err != nil || !batch || len(requests) != 2 || requests[0].Fault != nil || requests[1].Fault == nil {
		t.Errorf("got %+v, %v, %v", requests, batch, err)
	}
	requests, _, _ = Parse([]byte(`{"jsonrpc": "2.0", "method": "x"}`), 2)
	if !requests[0].Notification() {
		t.Error("a request without an id is answered")
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	for body, want := range map[string]string{
		"":  "parse_error",
		"{": "parse_error",
		`{"jsonrpc": "2.0", "id": 1, "method": "x"} {}`: "parse_error",
		`[{]`: "parse_error",
		strings.Repeat("[", 65) + strings.Repeat("]", 65): "parse_error",
		`[]`:      "invalid_request",
		`[1,2,3]`: "invalid_request",
		`7`:       "invalid_request",
		`{"jsonrpc": "1.0", "id": 1, "method": "x"}`:                                  "invalid_request",
		`{"jsonrpc": "2.0", "id": 1}`:                                                 "invalid_request",
		`{"jsonrpc": "2.0", "id": {}, "method": "x"}`:                                 "invalid_request",
		`{"jsonrpc": "2.0", "id": 1, "method": 2}`:                                    "invalid_request",
		`{"jsonrpc": "2.0", "id": "` + strings.Repeat("x", 200) + `", "method": "x"}`: "invalid_request",
	} {
		requests, _, err := Parse([]byte(body), 2)
		if err == nil && len(requests) == 1 {
			err = requests[0].Fault
		}
		if err == nil || err.Code != want {
			t.Errorf("%.60s: got %v, want %s", body, err, want)
		}
	}
	if Deeper([]byte(strings.Repeat("[", 64)+`"[[[[\"[[[["`+strings.Repeat("]", 64))) || !Deeper([]byte(strings.Repeat(`{"a":`, 65))) {
		t.Error("brackets are counted wrongly")
	}
}

func TestAnErrorHasCodeRuleAndRemedy(t *testing.T) {
	refused := &problem.Problem{Code: "recipient_not_allowed", What: "no", Rule: "policy.rules[0]", Remedy: "add a rule", Status: 403}
	for _, x := range []struct {
		err  error
		want string
	}{
		{refused, `{"jsonrpc":"2.0","id":1,"error":{"code":-32003,"message":"recipient_not_allowed: no; rule: policy.rules[0]; remedy: add a rule","data":{"code":"recipient_not_allowed","rule":"policy.rules[0]","remedy":"add a rule"}}}`},
		{errors.New("a secret"), `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"internal: something failed inside the signer; remedy: look at the signer's log","data":{"code":"internal","remedy":"look at the signer's log"}}}`},
		{nil, `{"jsonrpc":"2.0","id":1,"result":"0x1"}`},
	} {
		got, err := json.Marshal(Answer(json.RawMessage("1"), "0x1", x.err))
		if err != nil || string(got) != x.want {
			t.Errorf("got %s, %v\nwant %s", got, err, x.want)
		}
	}
	for p, want := range map[*problem.Problem]int{
		problem.Busy("x"): -32005, problem.Deadline(): -32002, problem.Unavailable("x"): -32002, problem.Invalid("", "x"): -32602,
		problem.Unauthorized("x", "", "x"): -32003, {Code: "key_not_found", Status: 404}: -32001, {Code: "max", Status: 429}: -32005, {Code: MethodNotFound}: -32601,
	} {
		if got := Answer(nil, nil, p); got.Error.Code != want || string(got.ID) != "null" {
			t.Errorf("%s: code %d, want %d", p.Code, got.Error.Code, want)
		}
	}
}
