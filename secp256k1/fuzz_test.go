package secp256k1

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openbao/openbao/sdk/v2/logical"
)

// FuzzRequest sends any body to any path. What the caller sends may be refused,
// but never is the engine's own error, and never shows a key.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{"keys/n", "keys/k/config", "keys/n/import", "sign/k", "sign-evm/k", "verify/k", "export/k", "wrapping_key/k", "keys/"} {
		f.Add(path, `{"input": "aGk=", "hash": "`+eip155Hash+`", "chain_id": 10, "signature": "aGk=", "ciphertext": "aGk=", "deletion_allowed": false}`)
		f.Add(path, `{"batch_input": [{"input": "aGk=", "prehashed": null}, null, 1], "exportable": "true", "prehashed": {}}`)
	}
	for _, m := range methods {
		f.Add(m.name+"/t", `{"`+m.field+`": "0x00", "client": "op-batcher", "credential": "`+certificate+`"}`)
	}
	for _, path := range []string{"keys/t/policy", "keys/t/fence", "keys/t/nonces", "keys/t/prove", "keys/new", "batch", "config", "guards", "counts", "counts/t", "clients/op-batcher", "clients/"} {
		f.Add(path, `{"type": "evm", "version": 1, "policy": "{}", "clients": "[]", "client": "op-batcher", "credential": "`+certificate+`", "chain": "1", "floor": "7", "challenge": "aGk=", "max_keys": 3}`)
	}
	f.Add("batch", `{"batch": "[{\"method\": \"sign-tx\", \"key\": \"t\", \"client\": \"op-batcher\", \"credential\": \"`+certificate+`\", \"input\": \"{}\"}]"}`)
	m := newMount(f)
	m.importHex("k", eip155Key)
	m.write("keys/t/import", fields{"ciphertext": b64(unhex(f, eip155Key)), "type": "evm", "policy": batcherPolicy, "clients": clients, "fence": "4s", "nonce_guard": "sameContent"})
	secrets := []string{eip155Key, strings.TrimRight(b64(unhex(f, eip155Key)), "="), strings.Repeat("F", 32)}
	f.Fuzz(func(t *testing.T, path, body string) {
		var data fields
		if json.Unmarshal([]byte(body), &data) != nil || strings.HasPrefix(path, "wrapping_key") {
			return
		}
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.ReadOperation, logical.ListOperation} {
			response, err := m.request(operation, path, data)
			var coded logical.HTTPCodedError
			switch {
			case errors.Is(err, logical.ErrUnsupportedPath), errors.Is(err, logical.ErrUnsupportedOperation):
			case errors.As(err, &coded) && slices.Contains([]int{http.StatusNotFound, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests}, coded.Code()):
			case err != nil:
				t.Errorf("%s %s %s: %v", operation, path, body, err)
			}
			answer, err := json.Marshal(response)
			if err != nil {
				t.Error(err)
			}
			for _, secret := range secrets {
				if strings.Contains(string(answer), secret) && !strings.Contains(body, secret) {
					t.Errorf("%s %s %s: answered with a key", operation, path, body)
				}
			}
		}
	})
}

// FuzzVerify finds nothing that verifies as another's signature.
func FuzzVerify(f *testing.F) {
	m := newMount(f)
	k := m.importHex("k", eip155Key)
	signed := m.write("sign/k", fields{"input": "aGk=", "output_format": "der"})
	f.Add(unb64(f, signed["signature"]))
	f.Add(make([]byte, 64))
	want := string(unb64(f, signed["signature"]))
	compact := string(unb64(f, m.write("sign/k", fields{"input": "aGk="})["signature"]))
	f.Fuzz(func(t *testing.T, signature []byte) {
		if len(signature) == 0 {
			return
		}
		response, err := m.request(logical.UpdateOperation, "verify/k", fields{"input": "aGk=", "signature": b64(signature)})
		if err != nil || response.IsError() {
			t.Fatalf("%x: %v, %v", signature, response, err)
		}
		valid := response.Data["valid"] == true
		if valid && string(signature) != want && string(signature) != compact {
			t.Errorf("%x verifies for %v", signature, k["public_key"])
		}
	})
}
