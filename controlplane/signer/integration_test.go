//go:build integration

package signer_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/internal/realbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/caller"
)

const (
	inbox = "0xff00000000000000000000000000000000000901"
	other = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

const policy = `{"rules": [{"name": "inbox", "chain": 901, "to": "` + inbox + `", "selectors": "any"}], "types": ["legacy", "eip1559", "blob"],
	"fees": {"maxGas": 2000000, "maxFeePerGas": "500gwei", "maxPriorityFeePerGas": "50gwei", "maxFeePerBlobGas": "500gwei", "maxTotalFee": "2ether"},
	"messages": [{"prefix": "hello "}], "blocks": {"chainIDs": [901]},
	"typedData": [{"name": "mail", "chain": 901, "contract": "` + inbox + `", "encodeType": "Mail(address to)", "fields": {"to": "` + inbox + `"}}]}`

// evmKey are a key's fields with its clients.
func evmKey(clients ...*realbao.Client) map[string]any {
	return map[string]any{"type": "evm", "policy": policy, "clients": realbao.ClientsOf(clients...)}
}

// rollup is a stack with a tenant, its key and a client of each kind.
type rollup struct {
	*realbao.Stack
	mtls, keyed *realbao.Client
	address     string
}

func start(t testing.TB, size int, change func(*signer.Config)) *rollup {
	t.Helper()
	r := &rollup{Stack: realbao.StartStack(realbao.Start(t, size), change)}
	r.Tenant("rollup")
	r.mtls, r.keyed = r.NewMTLS("rollup", "op-batcher"), r.NewAPIKey("rollup", "poster")
	r.address = r.NewKey("rollup", "batcher", evmKey(r.mtls, r.keyed))["eth_address"].(string)
	return r
}

// post sends a body and returns the answer's status and text.
func post(t testing.TB, c *realbao.Client, path, body string) (int, string) {
	t.Helper()
	status, text, err := send(c, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

func send(c *realbao.Client, path, body string) (int, string, error) {
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequest(method, c.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.APIKey != "" {
		request.Header.Set("X-API-Key", c.APIKey)
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// answer is a call's.
type answer struct {
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
		Data    struct{ Code, Rule, Remedy string }
	}
}

func rpc(t testing.TB, c *realbao.Client, method, params string) answer {
	t.Helper()
	status, text := post(t, c, "/", fmt.Sprintf(`{"jsonrpc": "2.0", "id": 1, "method": %q, "params": %s}`, method, params))
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil || status != http.StatusOK {
		t.Fatalf("%s: status %d, %s", method, status, text)
	}
	return a
}

func transaction(from, to string, nonce int) string {
	return fmt.Sprintf(`{"from": %q, "to": %q, "gas": "0x5208", "gasPrice": null, "maxFeePerGas": "0x3b9aca00", "maxPriorityFeePerGas": "0x1", "value": "0x0", "nonce": "0x%x", "input": "0x", "chainId": "0x385", "accessList": null}`, from, to, nonce)
}

const typed = `{"types": {"EIP712Domain": [{"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}], "Mail": [{"name": "to", "type": "address"}]}, "primaryType": "Mail", "domain": {"chainId": 901, "verifyingContract": "` + inbox + `"}, "message": {"to": "` + inbox + `"}}`

func TestClientsGetWhatTheirKeysPoliciesAllow(t *testing.T) {
	r := start(t, 1, nil)
	block := `{"domain": [` + strings.TrimSuffix(strings.Repeat("0,", 32), ",") + `], "chainId": 901, "payloadHash": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=", "senderAddress": null}`
	blockV2 := `{"domain": "0x` + strings.Repeat("0", 64) + `", "chainId": "901", "payloadHash": "0x` + strings.Repeat("ab", 32) + `", "senderAddress": "` + r.address + `"}`
	signature := `^"0x[0-9a-f]{130}"$`
	quoted, _ := json.Marshal(typed)
	for _, x := range []struct{ name, method, params, want string }{
		{"who is there", "health_status", `[]`, `"` + signer.Version + `"`},
		{"the client's accounts", "eth_accounts", `[]`, `["` + r.address + `"]`},
		{"a transaction", "eth_signTransaction", `[` + transaction(r.address, inbox, 1) + `]`, `"0x02`},
		{"a transaction without a sender", "eth_signTransaction", `[` + strings.Replace(transaction("", inbox, 1), `"from": "", `, "", 1) + `]`, `"0x02`},
		{"another recipient", "eth_signTransaction", `[` + transaction(r.address, other, 1) + `]`, "recipient_not_allowed"},
		{"another sender", "eth_signTransaction", `[` + transaction(other, inbox, 1) + `]`, "key_not_found"},
		{"a client in Go without Ethereum's types", "eth_signTransaction", `[{"from": "` + r.address + `", "to": "` + inbox + `", "gas": 21000, "gasPrice": "1000000000", "nonce": 7, "value": "0", "data": "q80="}]`, `"0xf8`},
		{"an unknown field", "eth_signTransaction", `[{"gas": "0x1", "nonce": "0x1", "surprise": 1}]`, "invalid"},
		{"a hash", "eth_sign", `["` + r.address + `", "0x` + strings.Repeat("ab", 32) + `"]`, "invalid"},
		{"a message as its preimage", "eth_sign", `["` + r.address + `", "0x` + fmt.Sprintf("%x", "\x19Ethereum Signed Message:\n8hello me") + `"]`, signature},
		{"a message", "personal_sign", `["0x` + fmt.Sprintf("%x", "hello me") + `", "` + r.address + `"]`, signature},
		{"another message", "personal_sign", `["0x` + fmt.Sprintf("%x", "goodbye") + `", "` + r.address + `"]`, "message_not_allowed"},
		{"no hex", "personal_sign", `["hello me", "` + r.address + `"]`, "invalid"},
		{"typed data", "eth_signTypedData_v4", `["` + r.address + `", ` + typed + `]`, signature},
		{"typed data as text", "eth_signTypedData_v4", `["` + r.address + `", ` + string(quoted) + `]`, signature},
		{"typed data of another contract", "eth_signTypedData_v4", `["` + r.address + `", ` + strings.Replace(typed, inbox, other, 1) + `]`, "typed_data_not_allowed"},
		{"a block", "opsigner_signBlockPayload", `[` + block + `]`, signature},
		{"a block as an object", "opsigner_signBlockPayload", blockV2, `{"signature":"0x`},
		{"a block of version 2", "opsigner_signBlockPayloadV2", `[` + blockV2 + `]`, signature},
		{"a block of another chain", "opsigner_signBlockPayload", `[` + strings.Replace(block, "901", "902", 1) + `]`, "chain_not_allowed"},
		{"a block with another domain", "opsigner_signBlockPayload", `[` + strings.Replace(block, "[0,", "[1,", 1) + `]`, "domain_not_allowed"},
		{"an authorisation", "banhbaoring_signAuthorization", `["` + r.address + `", {"chainId": "0x385", "address": "` + inbox + `", "nonce": "0x1"}]`, "method_not_allowed"},
		{"a chain", "eth_chainId", `[]`, "chain_missing"},
		{"no parameters", "eth_signTransaction", `[]`, "invalid"},
		{"a transaction that is to be sent", "eth_sendTransaction", `[]`, "method_not_found"},
	} {
		for kind, client := range map[string]*realbao.Client{"mtls": r.mtls, "api key": r.keyed} {
			requireAnswer(t, kind+", "+x.name, rpc(t, client, x.method, x.params), x.want)
		}
	}
}

// requireAnswer wants an error's code, a result's beginning, or a signature.
func requireAnswer(t *testing.T, name string, a answer, want string) {
	t.Helper()
	switch {
	case a.Error != nil:
		if a.Error.Data.Code != want || a.Error.Data.Remedy == "" || !strings.HasPrefix(a.Error.Message, want+": ") || strings.Count(a.Error.Message, "remedy:") != 1 {
			t.Errorf("%s: got %+v, want %s", name, *a.Error, want)
		}
	case strings.HasPrefix(want, "^"):
		if len(a.Result) != 134 {
			t.Errorf("%s: got %s, want a signature", name, a.Result)
		}
	case !strings.HasPrefix(string(a.Result), want):
		t.Errorf("%s: got %.80s, want %s", name, a.Result, want)
	}
}

func TestManyCallsInOneRequestAreAnsweredInOrder(t *testing.T) {
	r := start(t, 1, nil)
	var calls []string
	for i := range 40 {
		to := inbox
		if i%4 == 3 {
			to = other
		}
		calls = append(calls, fmt.Sprintf(`{"jsonrpc": "2.0", "id": %d, "method": "eth_signTransaction", "params": [%s]}`, i, transaction(r.address, to, i)))
	}
	status, text := post(t, r.mtls, "/chains/901", "["+strings.Join(calls, ",")+`, {"jsonrpc": "2.0", "method": "eth_accounts"}, {"jsonrpc": "2.0", "id": "c", "method": "eth_chainId"}]`)
	var answers []struct {
		answer
		ID any
	}
	if err := json.Unmarshal([]byte(text), &answers); err != nil || status != http.StatusOK || len(answers) != 41 {
		t.Fatalf("status %d, %v, %d answers", status, err, len(answers))
	}
	for i, a := range answers[:40] {
		if refused := a.Error != nil; fmt.Sprint(a.ID) != fmt.Sprint(i) || refused != (i%4 == 3) {
			t.Errorf("call %d: got id %v, %+v", i, a.ID, a.Error)
		}
	}
	if last := answers[40]; last.ID != "c" || string(last.Result) != `"0x385"` {
		t.Errorf("the endpoint's chain: got %v, %s", last.ID, last.Result)
	}
	// The first went alone, and all others with it or together: 40 signatures in a few requests.
	if batches := r.metric(t, "banhbaoring_signer_batch_entries_count"); batches == 0 || batches > 20 {
		t.Errorf("40 signatures made %v requests to OpenBao", batches)
	}
	if entries := r.metric(t, "banhbaoring_signer_batch_entries_sum"); entries != 40 {
		t.Errorf("%v signatures went to OpenBao", entries)
	}
	status, text = post(t, r.mtls, "/chains/902", `{"jsonrpc": "2.0", "id": 1, "method": "eth_signTransaction", "params": [`+transaction(r.address, inbox, 1)+`]}`)
	if status != http.StatusOK || !strings.Contains(text, "chain_not_allowed") {
		t.Errorf("another chain's endpoint: status %d, %s", status, text)
	}
}

// metric is the sum of a metric's samples.
func (r *rollup) metric(t testing.TB, name string) (sum float64) {
	t.Helper()
	response, err := http.Get(r.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		at := strings.LastIndexByte(line, ' ')
		if at > 0 && (line[:at] == name || strings.HasPrefix(line, name+"{")) {
			value, err := strconv.ParseFloat(line[at+1:], 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += value
		}
	}
	return sum
}

func TestWeb3signersAPIAndREST(t *testing.T) {
	r := start(t, 1, nil)
	key := r.NewKey("rollup", "other", evmKey(r.keyed))
	public := "0x" + strings.TrimPrefix(key["public_key_uncompressed"].(string), "04")
	message := fmt.Sprintf("0x%x", "\x19Ethereum Signed Message:\n8hello me")
	sign := func(method, input string) string {
		return fmt.Sprintf(`{"key": "batcher", "method": %q, "input": %s}`, method, input)
	}
	for _, x := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/upcheck", "", 200, "OK"},
		{"/healthcheck", "", 200, `"status":"UP"`},
		{"/health", "", 200, "ok"},
		{"/ready", "", 200, "ready"},
		{"/api/v1/eth1/publicKeys", "", 200, public},
		{"/api/v1/eth1/sign/" + public, `{"data": "` + message + `"}`, 200, "0x"},
		{"/api/v1/eth1/sign/" + public, `{"data": "0x` + strings.Repeat("ab", 32) + `"}`, 400, "invalid"},
		{"/api/v1/eth1/sign/0xab", `{"data": "` + message + `"}`, 404, "key_not_found"},
		{"/reload", "{}", 404, ""},
		{"/v1/keys", "", 200, `"name":"batcher"`},
		{"/v1/sign", sign("sign-tx", transaction(r.address, inbox, 3)), 200, `"raw":"0x02`},
		{"/v1/sign", sign("sign-tx", transaction(r.address, other, 3)), 403, `"rule":"policy`},
		{"/v1/sign", sign("sign-message", fmt.Sprintf(`"0x%x"`, "hello")), 403, "message_not_allowed"},
		{"/v1/sign", sign("sign", `"0x00"`), 400, "invalid"},
		{"/v1/sign", `{"key": "none", "method": "sign-tx", "input": ""}`, 404, "key_not_found"},
		{"/v1/sign", `{"surprise": 1}`, 400, "invalid"},
		{"/v1/sign/batch", `{"requests": [` + sign("sign-tx", transaction(r.address, inbox, 4)) + `]}`, 200, `"raw":"0x02`},
		{"/v1/sign/batch", `{"requests": [` + sign("sign-tx", transaction(r.address, inbox, 4)) + `,` + sign("sign-tx", transaction(r.address, other, 4)) + `]}`, 207, `"code":"recipient_not_allowed"`},
		{"/v1/sign/batch", `{"requests": []}`, 400, `"rule":"batch"`},
	} {
		status, text := post(t, r.keyed, x.path, x.body)
		if status != x.status || !strings.Contains(text, x.want) {
			t.Errorf("%s %.60s: got %d %.200s, want %d with %s", x.path, x.body, status, text, x.status, x.want)
		}
	}
}

func TestStrangersAndStolenNamesAreTurnedAway(t *testing.T) {
	r := start(t, 1, nil)
	r.Tenant("another")
	impostor := r.NewMTLS("rollup", "op-batcher")
	accounts := `{"jsonrpc": "2.0", "id": 1, "method": "eth_accounts"}`
	for name, c := range map[string]*realbao.Client{
		"another certificate of the same name": impostor,
		"another key of the same name":         r.NewAPIKey("rollup", "poster"),
		"a client of no key":                   r.NewMTLS("rollup", "nobody"),
		"a client of another tenant":           r.NewMTLS("another", "op-batcher"),
		"a client of no tenant":                r.NewAPIKey("nowhere", "poster"),
		"a certificate that names nobody":      r.NewMTLS("rollup", "no one"),
	} {
		status, text := post(t, c, "/", accounts)
		if status != http.StatusUnauthorized || !strings.Contains(text, "-32003") || strings.Contains(text, r.address) {
			t.Errorf("%s: got %d %s, want 401", name, status, text)
		}
	}
	strange := *r.mtls
	strange.HTTP = r.HTTP()
	if _, text, err := send(&strange, "/", accounts); err == nil {
		t.Errorf("without a certificate: got %s", text)
	}
	strange.HTTP = r.HTTP()
	strange.URL = r.Key
	if status, _ := post(t, &strange, "/", accounts); status != http.StatusUnauthorized {
		t.Errorf("without an API key: got %d", status)
	}
	large := *r.keyed
	if status, _, err := send(&large, "/", strings.Repeat(" ", 9<<20)); err == nil && status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: got %d", status)
	}
	if status, text := post(t, r.keyed, "/", strings.Repeat("[", 100)+strings.Repeat("]", 100)); status != 400 || !strings.Contains(text, "parse_error") {
		t.Errorf("a deep body: got %d %s", status, text)
	}
	old := *r.mtls
	old.HTTP = r.HTTP()
	pair, err := tls.LoadX509KeyPair(r.mtls.Pair.Certificate, r.mtls.Pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	old.HTTP.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{pair}
	old.HTTP.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS12
	if _, text, err := send(&old, "/", accounts); err == nil {
		t.Errorf("TLS 1.2: got %s", text)
	}
}

func TestWhatLeavesGitSignsNoMore(t *testing.T) {
	r := start(t, 1, nil)
	sign := `[` + transaction(r.address, inbox, 1) + `]`
	requireAnswer(t, "before", rpc(t, r.keyed, "eth_signTransaction", sign), `"0x02`)
	renewed := r.NewAPIKey("rollup", "poster")
	fields := evmKey(r.mtls, renewed)
	fields["version"] = 1
	r.Must("POST", "tenant-rollup", "secp256k1/keys/batcher/policy", fields)
	// The engine refuses at once, whatever is remembered here.
	status, text := post(t, r.keyed, "/", `{"jsonrpc": "2.0", "id": 1, "method": "eth_signTransaction", "params": `+sign+`}`)
	if !strings.Contains(text, "credential_wrong") && status != http.StatusUnauthorized {
		t.Errorf("the old key: got %d %s", status, text)
	}
	realbao.Eventually(t, "the new key signs", func() error {
		if status, text := post(t, renewed, "/", `{"jsonrpc": "2.0", "id": 1, "method": "eth_signTransaction", "params": `+sign+`}`); status != 200 {
			return fmt.Errorf("got %d %s", status, text)
		}
		return nil
	})
	requireAnswer(t, "the other client", rpc(t, r.mtls, "eth_signTransaction", sign), `"0x02`)
}

func TestTheSignersRightsEndAtWhatPoliciesJudge(t *testing.T) {
	r := start(t, 1, nil)
	r.NewKey("rollup", "raw", nil)
	jwt, err := os.ReadFile(r.Config.TokenFile)
	if err != nil {
		t.Fatal(err)
	}
	login, err := r.As(r.Servers[0], "", "POST", "", "auth/kubernetes/login", map[string]any{"role": "signer", "jwt": string(jwt)})
	if err != nil {
		t.Fatal(err)
	}
	auth := login["auth"].(map[string]any)
	token := auth["client_token"].(string)
	if fmt.Sprint(auth["token_policies"]) != "[signer]" || auth["lease_duration"].(float64) != (72*time.Hour).Seconds() {
		t.Errorf("got %v for %v", auth["token_policies"], auth["lease_duration"])
	}
	hash := map[string]any{"input": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "prehashed": true, "hash": strings.Repeat("00", 32)}
	for _, x := range []struct {
		method, path string
		body         map[string]any
		want         int
	}{
		{"GET", "secp256k1/clients/poster", nil, 200},
		{"POST", "secp256k1/batch", map[string]any{"batch": `[{"method": "sign-tx", "key": "raw", "client": "poster", "credential": "", "input": "0x"}]`}, 200},
		{"POST", "secp256k1/sign/raw", hash, 403},
		{"POST", "secp256k1/sign-evm/raw", hash, 403},
		{"POST", "secp256k1/sign-tx/batcher", nil, 403},
		{"POST", "secp256k1/keys/mine", nil, 403},
		{"GET", "secp256k1/keys/raw", nil, 403},
		{"LIST", "secp256k1/keys/", nil, 403},
		{"LIST", "secp256k1/clients/", nil, 403},
		{"POST", "secp256k1/keys/batcher/policy", nil, 403},
		{"POST", "secp256k1/keys/batcher/fence", nil, 403},
		{"GET", "secp256k1/export/raw", nil, 403},
		{"GET", "secp256k1/config", nil, 403},
		{"GET", "sys/mounts", nil, 403},
	} {
		status := 200
		_, err := r.As(r.Servers[0], token, x.method, "tenant-rollup", x.path, x.body)
		var failed *realbao.StatusError
		if errors.As(err, &failed) {
			status = failed.Status
		} else if err != nil {
			t.Fatal(err)
		}
		if status != x.want {
			t.Errorf("%s %s: got %d, want %d: %v", x.method, x.path, status, x.want, err)
		}
	}
	if _, err := r.As(r.Servers[0], token, "POST", "", "auth/token/create", nil); err == nil {
		t.Error("the signer makes tokens")
	}
	answer, err := r.As(r.Servers[0], token, "POST", "tenant-rollup", "secp256k1/batch", map[string]any{"batch": `[{"method": "sign-tx", "key": "raw", "client": "poster", "credential": "", "input": "0x"}]`})
	if err != nil || !strings.Contains(fmt.Sprint(answer["data"]), "key_raw") {
		t.Errorf("a raw key in a batch: got %v, %v", answer["data"], err)
	}
}

func TestTheTokenIsRevokedWhenTheSignerDrains(t *testing.T) {
	r := start(t, 1, func(c *signer.Config) { c.Drain = 300 * time.Millisecond })
	accessors := func() int { return len(r.Must("LIST", "", "auth/token/accessors/", nil)["keys"].([]any)) }
	with := accessors()
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop() }()
	realbao.Eventually(t, "it says that it is not ready", func() error {
		if r.Ready() == nil {
			return fmt.Errorf("ready")
		}
		return nil
	})
	requireAnswer(t, "while it drains", rpc(t, r.mtls, "eth_accounts", `[]`), `["0x`)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if without := accessors(); without != with-1 {
		t.Errorf("%d tokens before, %d after", with, without)
	}
	// One that is revoked under its feet is replaced.
	r.StartSigner()
	revoked := r.signersAccessor(t)
	r.Must("POST", "", "auth/token/revoke-accessor", map[string]any{"accessor": revoked})
	again := realbao.Client{HTTP: r.mtls.HTTP, URL: r.MTLS}
	realbao.Eventually(t, "it logs in anew", func() error {
		if _, text := post(t, &again, "/", `{"jsonrpc": "2.0", "id": 1, "method": "eth_signTransaction", "params": [`+transaction(r.address, inbox, 1)+`]}`); !strings.Contains(text, `"result":"0x02`) {
			return fmt.Errorf("got %s", text)
		}
		return r.Ready()
	})
	if r.signersAccessor(t) == revoked {
		t.Error("the token was not revoked")
	}
}

// signersAccessor is that of the one token that has the signer's policy.
func (r *rollup) signersAccessor(t *testing.T) (found string) {
	t.Helper()
	for _, accessor := range r.Must("LIST", "", "auth/token/accessors/", nil)["keys"].([]any) {
		token := r.Must("POST", "", "auth/token/lookup-accessor", map[string]any{"accessor": accessor})
		if fmt.Sprint(token["policies"]) == "[signer]" {
			if found != "" {
				t.Error("there is more than one token")
			}
			found = accessor.(string)
		}
	}
	return found
}

func TestCertificatesAreRenewedWithoutARestart(t *testing.T) {
	r := start(t, 1, nil)
	shown := func() []byte {
		t.Helper()
		c, err := tls.Dial("tcp", strings.TrimPrefix(r.Key, "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Raw
	}
	before := shown()
	renewed := r.Authority.Server(t)
	overwrite(t, renewed.Certificate, r.Config.Certificate)
	overwrite(t, renewed.Key, r.Config.Key)
	realbao.Eventually(t, "the renewed certificate is shown", func() error {
		if bytes.Equal(before, shown()) {
			return fmt.Errorf("the one before is shown")
		}
		return nil
	})
	// Another authority of clients: who is known to the old one alone connects no more.
	authority := realbao.NewAuthority(t)
	overwrite(t, authority.File, r.Config.ClientCA)
	realbao.Eventually(t, "the old authority's clients are refused", func() error {
		r.mtls.HTTP.CloseIdleConnections()
		if _, _, err := send(r.mtls, "/", `{"jsonrpc": "2.0", "id": 1, "method": "eth_accounts"}`); err == nil {
			return fmt.Errorf("it is answered")
		}
		return nil
	})
	if authority.Client(t, caller.URI("rollup", "op-batcher")).SPKI == "" {
		t.Error("the test's authority issues nothing")
	}
}

func overwrite(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
