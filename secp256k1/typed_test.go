package secp256k1

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/openbao/openbao/sdk/v2/logical"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

const (
	inbox         = "0xff00000000000000000000000000000000000901"
	batcherPolicy = `{
		"rules": [{"chain": 901, "to": "` + inbox + `", "selectors": "any", "maxValue": "5"}],
		"types": ["eip1559"],
		"fees": {"maxGas": 2000000, "maxFeePerGas": "500gwei", "maxPriorityFeePerGas": "50gwei", "maxTotalFee": "1ether"},
		"messages": [{"prefix": "hello"}],
		"blocks": {"chainIDs": [901]}}`
	cosmosPolicy = `{"chains": ["celestia"], "messages": [{"type": "/celestia.blob.v1.MsgPayForBlobs"}], "fees": {"max": [{"denom": "utia", "max": "100000"}], "maxGas": 1000000}}`
)

var (
	certificate = sum256("a certificate's public key")
	apiKey      = sum256("an API key")
	clients     = `[
		{"name": "op-batcher", "auth": "mtls", "spki": ["` + sum256("the one before") + `", "` + certificate + `"]},
		{"name": "poster", "auth": "apiKey", "digest": ["` + apiKey + `"]},
		{"name": "console", "auth": "openbao", "login": "alice"}]`
)

func sum256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func args(nonce int, more string) string {
	return fmt.Sprintf(`{"to": %q, "gas": "0x5208", "maxFeePerGas": "0x3b9aca00", "maxPriorityFeePerGas": "0x1", "value": "0x0", "nonce": "0x%x", "input": "0x", "chainId": "0x385"%s}`, inbox, nonce, more)
}

// by is a request's fields with the batcher's credential.
func by(f fields) fields {
	f["client"], f["credential"] = "op-batcher", certificate
	return f
}

func newTyped(t testing.TB, more fields) *mount {
	t.Helper()
	m := newMount(t)
	f := fields{"type": "evm", "policy": batcherPolicy, "clients": clients}
	for name, value := range more {
		f[name] = value
	}
	m.write("keys/batcher", f)
	return m
}

func TestATransactionThatThePolicyAllowsIsSigned(t *testing.T) {
	m := newTyped(t, nil)
	address := m.read("keys/batcher")["eth_address"].(string)
	answer := m.write("sign-tx/batcher", by(fields{"transaction": args(7, `, "from": "`+address+`"`)}))
	raw := unhex(t, answer["raw"].(string)[2:])
	if raw[0] != evm.DynamicFee || answer["sender"] != address || answer["hash"] != evm.Keccak256(raw).String() {
		t.Errorf("got %v", answer)
	}
	decisions := answer["decisions"].([]string)
	for _, want := range []string{"key=batcher", "client=op-batcher", "method=sign-tx", "chain=901", "value=0", "hash=" + answer["hash"].(string), "rule=rules[0]", "outcome=signed"} {
		if len(decisions) != 1 || !strings.Contains(decisions[0], want) {
			t.Errorf("decisions %q, want %q in them", decisions, want)
		}
	}
	// The unsigned bytes are the same transaction.
	tx, _, err := evm.ParseArgs([]byte(args(7, "")))
	if err != nil {
		t.Fatal(err)
	}
	again := m.write("sign-tx/batcher", by(fields{"transaction": "0x" + hex.EncodeToString(tx.Unsigned())}))
	if again["raw"] != answer["raw"] {
		t.Errorf("from bytes %v, from arguments %v", again["raw"], answer["raw"])
	}
	preimage := m.write("sign-preimage/batcher", by(fields{"preimage": "0x" + hex.EncodeToString(tx.Unsigned())}))
	if got := recovered(t, preimage["signature"], 27, tx.SigHash()); got != address {
		t.Errorf("the preimage is signed by %s, want %s", got, address)
	}
}

// recovered is the address that signed.
func recovered(t *testing.T, signature any, base byte, hash evm.Hash) string {
	t.Helper()
	raw := unhex(t, signature.(string)[2:])
	compact := append([]byte{27 + raw[64] - base}, raw[:64]...)
	public, _, err := ecdsa.RecoverCompact(compact, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	return ethereumAddress(public)
}

func TestMessagesAndBlocksThatThePolicyAllowsAreSigned(t *testing.T) {
	m := newTyped(t, nil)
	address := m.read("keys/batcher")["eth_address"].(string)
	message := evm.Message("hello there")
	signed := m.write("sign-message/batcher", by(fields{"message": "0x" + hex.EncodeToString(message)}))
	if got := recovered(t, signed["signature"], 27, message.SigHash()); got != address {
		t.Errorf("the message is signed by %s", got)
	}
	payload := `{"domain": "0x` + strings.Repeat("0", 64) + `", "chainId": "901", "payloadHash": "0x` + strings.Repeat("ab", 32) + `", "senderAddress": "` + address + `"}`
	block, err := evm.ParseBlock([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	signed = m.write("sign-block/batcher", by(fields{"payload": payload}))
	if got := recovered(t, signed["signature"], 0, block.SigHash()); got != address {
		t.Errorf("the block is signed by %s", got)
	}
}

func TestWhatThePolicyDoesNotAllowIsRefusedWithItsRuleAndRemedy(t *testing.T) {
	m := newTyped(t, nil)
	m.write("keys/hashes", fields{})
	other := strings.Replace(args(0, ""), "ff00", "ee00", 1)
	for _, c := range []struct {
		path   string
		data   fields
		status int
		want   string
	}{
		{"sign-tx/batcher", by(fields{"transaction": other}), 403, "recipient_not_allowed: "},
		{"sign-tx/batcher", by(fields{"transaction": strings.Replace(args(0, ""), "0x385", "0x386", 1)}), 403, "chain_not_allowed: "},
		{"sign-tx/batcher", by(fields{"transaction": args(0, `, "from": "`+inbox+`"`)}), 403, "sender_not_key: "},
		{"sign-message/batcher", by(fields{"message": "0x6869"}), 403, "message_not_allowed: "},
		{"sign-doc/batcher", by(fields{"sign_doc": "aGk="}), 403, "method_not_allowed: "},
		{"sign-tx/hashes", by(fields{"transaction": args(0, "")}), 403, "key_raw: "},
		{"sign/batcher", fields{"input": "aGk="}, 403, "key_not_raw: "},
		{"sign/batcher", fields{"batch_input": []any{fields{"input": "aGk="}}}, 403, "key_not_raw: "},
		{"sign-evm/batcher", fields{"hash": eip155Hash}, 403, "key_not_raw: "},
		{"sign-tx/batcher", fields{"transaction": args(0, "")}, 403, "client_required: "},
		{"sign-tx/batcher", fields{"transaction": args(0, ""), "client": "nobody"}, 403, "client_unknown: "},
		{"sign-tx/batcher", fields{"transaction": args(0, ""), "client": "op-batcher"}, 403, "credential_required: "},
		{"sign-tx/batcher", fields{"transaction": args(0, ""), "client": "op-batcher", "credential": apiKey}, 403, "credential_wrong: "},
		{"sign-tx/batcher", fields{"transaction": args(0, ""), "client": "console"}, 403, "client_unknown: "},
		// Who may not sign learns nothing of the policy.
		{"sign-tx/batcher", fields{"transaction": other, "client": "op-batcher", "credential": apiKey}, 403, "credential_wrong: "},
	} {
		response := m.status(c.status, c.path, c.data, c.want)
		if strings.HasPrefix(c.path, "sign-") && c.path != "sign-evm/batcher" {
			if got := fmt.Sprint(response.Data["decisions"]); !strings.Contains(got, "outcome=refused") {
				t.Errorf("%s: decisions %s", c.path, got)
			}
		}
	}
	_, err := m.request(logical.UpdateOperation, "sign-tx/batcher", by(fields{"transaction": other}))
	for _, want := range []string{"; rule: policy", "; remedy: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q in it", err, want)
		}
	}
	m.refused(logical.UpdateOperation, "sign-tx/batcher", by(fields{"transaction": "{}"}), "transaction: ")
	m.refused(logical.UpdateOperation, "sign-tx/batcher", by(fields{}), "missing transaction")
	m.missing(logical.UpdateOperation, "sign-tx/none", by(fields{"transaction": args(0, "")}))
	if got := m.read("counts")["used"]; got != uint64(0) {
		t.Errorf("what was refused counts: %v", got)
	}
}

func TestEveryKindOfClientSigns(t *testing.T) {
	m := newTyped(t, nil)
	for _, who := range []fields{
		{"client": "op-batcher", "credential": certificate},
		{"client": "op-batcher", "credential": sum256("the one before")},
		{"client": "poster", "credential": apiKey},
		{"client": "alice"},
	} {
		who["transaction"] = args(0, "")
		m.write("sign-tx/batcher", who)
	}
	keys := m.read("clients/op-batcher")["keys"].([]map[string]any)
	if len(keys) != 1 || keys[0]["key"] != "batcher" || keys[0]["eth_address"] != m.read("keys/batcher")["eth_address"] {
		t.Errorf("got %v", keys)
	}
	if listed := m.do(logical.ListOperation, "clients/", nil)["keys"].([]string); !slices.Equal(listed, []string{"alice", "op-batcher", "poster"}) {
		t.Errorf("got %v", listed)
	}
	m.missing(logical.ReadOperation, "clients/nobody", nil)

	// Out of the settings, out of everything.
	m.write("keys/batcher/policy", fields{"type": "evm", "policy": batcherPolicy, "version": 1})
	m.status(403, "sign-tx/batcher", by(fields{"transaction": args(0, "")}), "client_unknown")
	m.missing(logical.ReadOperation, "clients/op-batcher", nil)
}

func TestEveryFaultOfTheSettingsIsToldAtOnce(t *testing.T) {
	m := newMount(t)
	response, err := m.request(logical.UpdateOperation, "keys/k", fields{
		"type": "evm", "policy": `{"rules": [{"chain": 901, "to": "nowhere", "selectors": "any"}]}`,
		"clients": `[{"name": "a b", "auth": "mtls", "digest": ["00"]}, {"name": "c", "auth": "password"}, {"name": "d", "auth": "apiKey", "digest": ["xyz"]}]`,
		"fence":   "1ms", "nonce_guard": "yes",
	})
	if err != nil || !response.IsError() {
		t.Fatalf("got %v, %v", response, err)
	}
	for _, want := range []string{"policy.rules[0].to: ", "policy.types: ", "policy.fees: ", "clients[0].name: ", "clients[0].digest: ", "clients[1].auth: ", "clients[2].digest[0]: ", "fence: ", "nonce_guard: "} {
		if !strings.Contains(response.Error().Error(), want) {
			t.Errorf("%q is not told in\n%v", want, response.Error())
		}
	}
	m.refused(logical.UpdateOperation, "keys/k", fields{"type": "bitcoin"}, "type: must be raw, evm or cosmos")
	m.refused(logical.UpdateOperation, "keys/k", fields{"type": "evm"}, "policy: must be given")
	m.refused(logical.UpdateOperation, "keys/k", fields{"clients": clients}, "type: must be evm or cosmos")
	m.refused(logical.UpdateOperation, "keys/k", fields{"type": "evm", "policy": batcherPolicy, "clients": `[{"name": "a", "auth": "mtls"}, {"name": "b", "auth": "openbao", "login": "a"}]`}, `"a" stands twice`)
	m.missing(logical.ReadOperation, "keys/k", nil)
}

func TestAPolicyIsReplacedAsAWholeByItsVersion(t *testing.T) {
	m := newTyped(t, nil)
	before := m.read("keys/batcher/policy")
	if before["version"] != uint64(1) || before["type"] != "evm" || before["policy"] != batcherPolicy {
		t.Fatalf("got %v", before)
	}
	m.status(409, "keys/batcher/policy", fields{"type": "evm", "policy": batcherPolicy, "version": 7}, "version_conflict: ")
	m.refused(logical.UpdateOperation, "keys/batcher/policy", fields{"type": "evm", "policy": batcherPolicy}, "version: must be")
	m.refused(logical.UpdateOperation, "keys/batcher/policy", fields{"type": "raw", "version": 1}, "type: must be evm")
	m.refused(logical.UpdateOperation, "keys/batcher/policy", fields{"type": "cosmos", "policy": cosmosPolicy, "version": 1}, "type: must be evm")
	narrower := strings.Replace(batcherPolicy, inbox, "0x00000000000000000000000000000000000000aa", 1)
	after := m.write("keys/batcher/policy", fields{"type": "evm", "policy": narrower, "clients": clients, "version": 1})
	if after["version"] != uint64(2) {
		t.Errorf("got %v", after)
	}
	m.status(403, "sign-tx/batcher", by(fields{"transaction": args(0, "")}), "recipient_not_allowed")
}

func TestARawKeyBecomesATypedOneAndNeverRawAgain(t *testing.T) {
	m := newMount(t)
	created := m.write("keys/k", fields{})
	m.write("keys/lent", fields{"exportable": true})
	m.write("sign/k", fields{"input": "aGk="})
	if got := m.read("keys/k/policy"); got["type"] != "raw" || got["version"] != uint64(0) {
		t.Errorf("got %v", got)
	}
	m.refused(logical.UpdateOperation, "keys/k/policy", fields{"version": 0}, "a raw key has no policy")
	for _, name := range []string{"k", "lent"} {
		m.write("keys/"+name+"/policy", fields{"type": "evm", "policy": batcherPolicy, "clients": clients, "version": 0})
	}
	m.status(403, "sign/k", fields{"input": "aGk="}, "key_not_raw")
	m.status(403, "sign-evm/k", fields{"hash": eip155Hash}, "key_not_raw")
	m.refused(logical.UpdateOperation, "keys/k/policy", fields{"type": "raw", "version": 1}, "type: must be evm")
	if read := m.read("keys/k"); read["eth_address"] != created["eth_address"] {
		t.Errorf("the address changed: %v", read)
	}
	m.refused(logical.ReadOperation, "export/k", nil, "not exportable")
	m.read("export/lent") // it was made so
	m.write("sign-tx/k", by(fields{"transaction": args(0, "")}))
	m.write("keys/k/config", fields{"deletion_allowed": true}) // which writes the record anew
	m.write("sign-tx/k", by(fields{"transaction": args(0, "")}))
}

// loadsInVersion1 reports whether engine 1.0 takes what is stored for a key, by the rule of
// its load function: private_key of 32 bytes in range.
func loadsInVersion1(t *testing.T, m *mount, name string) bool {
	t.Helper()
	entry, err := m.storage.Get(context.Background(), keyPrefix+name)
	if err != nil || entry == nil {
		t.Fatal(entry, err)
	}
	var r struct {
		PrivateKey            []byte    `json:"private_key"`
		PublicKey             []byte    `json:"public_key"`
		PublicKeyUncompressed []byte    `json:"public_key_uncompressed,omitempty"`
		Exportable            bool      `json:"exportable"`
		DeletionAllowed       bool      `json:"deletion_allowed,omitempty"`
		CreatedAt             time.Time `json:"created_at"`
		Imported              bool      `json:"imported"`
	}
	if json.Unmarshal(entry.Value, &r) != nil {
		return false
	}
	_, err = parsePrivateKey(r.PrivateKey)
	return err == nil
}

func TestEngine1ReadsNoTypedKey(t *testing.T) {
	m := newTyped(t, nil)
	m.write("keys/raw", fields{})
	m.write("keys/doc", fields{"type": "cosmos", "policy": cosmosPolicy, "clients": clients})
	m.write("keys/turned", fields{})
	m.write("keys/turned/policy", fields{"type": "evm", "policy": batcherPolicy, "version": 0})
	for name, want := range map[string]bool{"raw": true, "batcher": false, "doc": false, "turned": false} {
		if got := loadsInVersion1(t, m, name); got != want {
			t.Errorf("engine 1.0 reads key %s: %v, want %v", name, got, want)
		}
	}
}

func TestARecordThatIsBothRawAndTypedIsRefused(t *testing.T) {
	m := newMount(t)
	key := b64(unhex(t, eip155Key))
	for _, value := range []string{
		`{"private_key": "` + key + `", "type": "evm", "policy": "{}"}`,
		`{"scalar": "` + key + `"}`,
		`{"scalar": "` + key + `", "type": "raw"}`,
		`{"scalar": "` + key + `", "type": "later"}`,
		`{"scalar": "` + key + `", "type": "evm", "policy": "{"}`,
	} {
		if err := m.storage.Put(context.Background(), &logical.StorageEntry{Key: "keys/k", Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.request(logical.UpdateOperation, "sign/k", fields{"input": "aGk="}); err == nil || strings.Contains(err.Error(), key[:20]) {
			t.Errorf("%s: got %v", value, err)
		}
	}
}

func TestAProofIsOfNoUseOnAChain(t *testing.T) {
	m := newTyped(t, nil)
	proof := m.write("keys/batcher/prove", fields{"challenge": b64([]byte("restored at noon"))})
	public, err := dcrec.ParsePubKey(unhex(t, proof["public_key"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	hash := evm.Keccak256([]byte(proofDomain), []byte("restored at noon"))
	if !verifyHash(public, hash[:], unb64(t, proof["signature"])) || proof["eth_address"] != m.read("keys/batcher")["eth_address"] {
		t.Errorf("got %v", proof)
	}
	// Whatever the challenge, what is hashed is no transaction and no message.
	for _, challenge := range [][]byte{nil, {0}, bytes.Repeat([]byte{0xc0}, 100), []byte("\x19Ethereum Signed Message:\n1a")} {
		if tx, message, err := evm.ParsePreimage(append([]byte(proofDomain), challenge...)); err == nil {
			t.Errorf("%x: taken for %v, %q", challenge, tx, message)
		}
	}
	m.refused(logical.UpdateOperation, "keys/batcher/prove", fields{"challenge": b64(make([]byte, maxChallenge+1))}, "at most 1,024")
}

func batchOf(t testing.TB, entries ...batchEntry) fields {
	t.Helper()
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	return fields{"batch": string(text)}
}

func entry(id, method, key, input string) batchEntry {
	return batchEntry{ID: id, Method: method, Key: key, Client: "op-batcher", Credential: certificate, Input: input}
}

func TestABatchDecidesEachEntryByItsOwnKey(t *testing.T) {
	m := newTyped(t, nil)
	narrower := strings.Replace(batcherPolicy, inbox, "0x00000000000000000000000000000000000000aa", 1)
	m.write("keys/other", fields{"type": "evm", "policy": narrower, "clients": clients})
	m.write("keys/raw", fields{})
	login := entry("login", "sign-tx", "batcher", args(0, ""))
	login.Client, login.Credential = "alice", ""
	answer := m.write("batch", batchOf(t,
		entry("a", "sign-tx", "batcher", args(1, "")),
		entry("b", "sign-tx", "other", args(1, "")),
		entry("c", "sign-message", "other", "0x"+hex.EncodeToString([]byte("hello"))),
		entry("d", "sign-tx", "none", args(1, "")),
		entry("e", "sign-tx", "batcher", "{"),
		entry("f", "sign-tx", "raw", args(1, "")),
		login,
	))
	results := answer["results"].([]map[string]any)
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprint(r["id"], " ", r["code"], " ", r["status"]))
	}
	want := []string{"a <nil> <nil>", "b recipient_not_allowed 403", "c <nil> <nil>", "d key_not_found 404", "e invalid 400", "f key_raw 403", "login client_not_in_batch 403"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	alone := m.write("sign-tx/batcher", by(fields{"transaction": args(1, "")}))
	if results[0]["raw"] != alone["raw"] {
		t.Errorf("in a batch %v, alone %v", results[0]["raw"], alone["raw"])
	}
	if decisions := answer["decisions"].([]string); len(decisions) != len(want) || !strings.Contains(decisions[1], "key=other") || !strings.Contains(decisions[1], "outcome=refused") {
		t.Errorf("decisions %q", decisions)
	}
	if used := m.read("counts")["used"]; used != uint64(3) {
		t.Errorf("%v are counted", used)
	}
}

func TestABatchIsBounded(t *testing.T) {
	m := newTyped(t, nil)
	many := make([]batchEntry, maxBatch+1)
	for i := range many {
		many[i] = entry("", "sign-tx", "batcher", args(i, ""))
	}
	m.refused(logical.UpdateOperation, "batch", batchOf(t, many...), "batch: must be 1 to 1000 entries (got 1001)")
	m.refused(logical.UpdateOperation, "batch", batchOf(t), "batch: must be ")
	m.refused(logical.UpdateOperation, "batch", fields{"batch": strings.Repeat(" ", maxBatchText+1)}, "batch: must be at most")
	m.refused(logical.UpdateOperation, "batch", batchOf(t, entry("", "sign", "batcher", ""), entry("", "sign-tx", "a/b", "")), "batch[1].key: ")
	m.refused(logical.UpdateOperation, "batch", fields{"batch": `[{"hash": ""}]`}, "unknown field")
	if results := m.write("batch", batchOf(t, many[:maxBatch]...))["results"].([]map[string]any); results[999]["raw"] == nil {
		t.Errorf("got %v", results[999])
	}
}

func TestABatchIsWeighedInTheRate(t *testing.T) {
	m := newTyped(t, nil)
	newClock(t, m)
	m.write("config", fields{"signatures_per_second": 10})
	block := `{"domain": "0x` + strings.Repeat("0", 64) + `", "chainId": "901", "payloadHash": "0x` + strings.Repeat("ab", 32) + `"}`
	var entries []batchEntry
	for i := range 9 {
		entries = append(entries, entry("", "sign-tx", "batcher", args(i, "")))
	}
	entries = append(entries, entry("", "sign-block", "batcher", block))
	results := m.write("batch", batchOf(t, entries...))["results"].([]map[string]any)
	if results[0]["code"] != "rate_exceeded" || results[9]["signature"] == nil {
		t.Errorf("got %v and %v, want the transactions refused and the block signed", results[0], results[9])
	}
}

func TestAFenceAndANonceGuardHoldForRequests(t *testing.T) {
	m := newTyped(t, fields{"fence": "4s", "nonce_guard": "sameContent"})
	block := fields{"payload": `{"domain": "0x` + strings.Repeat("0", 64) + `", "chainId": "901", "payloadHash": "0x` + strings.Repeat("ab", 32) + `"}`}
	m.status(409, "sign-block/batcher", by(block), "fence_not_taken")
	m.status(403, "keys/batcher/fence", fields{"client": "op-batcher"}, "credential_required")
	taken := m.write("keys/batcher/fence", fields{"client": "poster", "credential": apiKey})
	if taken["epoch"] != uint64(1) || taken["client"] != "poster" {
		t.Errorf("got %v", taken)
	}
	m.status(409, "sign-block/batcher", by(block), "fence_held")
	m.write("keys/batcher/fence", by(fields{}))
	m.write("sign-block/batcher", by(block))
	if got := m.read("keys/batcher/fence"); got["client"] != "op-batcher" || got["epoch"] != uint64(2) {
		t.Errorf("got %v", got)
	}

	m.write("sign-tx/batcher", by(fields{"transaction": args(0, "")}))
	m.status(409, "sign-tx/batcher", by(fields{"transaction": strings.Replace(args(0, ""), `"value": "0x0"`, `"value": "0x1"`, 1)}), "nonce_used")
	// No other way signs a nonce twice.
	tx, _, _ := evm.ParseArgs([]byte(strings.Replace(args(0, ""), `"value": "0x0"`, `"value": "0x1"`, 1)))
	m.status(409, "sign-preimage/batcher", by(fields{"preimage": "0x" + hex.EncodeToString(tx.Unsigned())}), "nonce_used")
	m.write("guards", fields{})
	m.status(409, "sign-tx/batcher", by(fields{"transaction": args(1, "")}), "nonce_guard_shut")
	m.status(409, "sign-block/batcher", by(block), "fence_not_taken")
	m.write("keys/batcher/nonces", fields{"chain": "901", "floor": "1"})
	m.write("sign-tx/batcher", by(fields{"transaction": args(1, "")}))
	m.write("keys/batcher/nonces", fields{"chain": "901", "release": "1"})
	if got := m.do(logical.ReadOperation, "keys/batcher/nonces", fields{"chain": "901"}); got["next"] != "1" || got["shut"] != false {
		t.Errorf("got %v", got)
	}
	m.refused(logical.UpdateOperation, "keys/batcher/nonces", fields{"chain": "901"}, "floor: must be given, or release")
	m.write("keys/plain", fields{})
	m.refused(logical.UpdateOperation, "keys/plain/nonces", fields{"chain": "901", "floor": "1"}, "no nonce_guard")
}

func TestABudgetIsSpentOverADayAndOutlivesTheNode(t *testing.T) {
	m := newTyped(t, fields{"policy": strings.Replace(batcherPolicy, `"blocks"`, `"budget": {"value": "9"}, "blocks"`, 1)})
	c := newClock(t, m)
	spend := func(m *mount, want int) {
		t.Helper()
		data := by(fields{"transaction": strings.Replace(args(0, ""), `"value": "0x0"`, `"value": "0x5"`, 1)})
		if want == 0 {
			m.write("sign-tx/batcher", data)
			return
		}
		m.status(want, "sign-tx/batcher", data, "budget_exceeded")
	}
	spend(m, 0)
	spend(m, 403)
	next := mountOn(t, m.storage)
	next.backend.now = c.Now
	spend(next, 403)
	c.pass(23 * time.Hour)
	spend(next, 403)
	c.pass(2 * time.Hour)
	spend(next, 0)
}

func TestAKeyThatIsMadeAnewHasNoGuardsOfTheOneBefore(t *testing.T) {
	m := newTyped(t, fields{"nonce_guard": "sameContent"})
	m.write("sign-tx/batcher", by(fields{"transaction": args(0, "")}))
	m.write("keys/batcher/config", fields{"deletion_allowed": true})
	m.do(logical.DeleteOperation, "keys/batcher", nil)
	m.write("keys/batcher", fields{"type": "evm", "policy": batcherPolicy, "clients": clients, "nonce_guard": "sameContent"})
	m.write("sign-tx/batcher", by(fields{"transaction": strings.Replace(args(0, ""), `"value": "0x0"`, `"value": "0x1"`, 1)}))
}

func TestAnImportedKeyMustHaveTheExpectedAddress(t *testing.T) {
	m := newMount(t)
	data := fields{"ciphertext": b64(unhex(t, eip155Key)), "expect_address": inbox, "type": "evm", "policy": batcherPolicy, "clients": clients}
	m.refused(logical.UpdateOperation, "keys/k/import", data, "expect_address: must be the imported key's address "+eip155Owner)
	data["expect_address"] = strings.ToLower(eip155Owner)
	if got := m.write("keys/k/import", data); got["type"] != "evm" || got["imported"] != true {
		t.Errorf("got %v", got)
	}
}

// Signing while the policy changes to and fro: what the narrow one forbids is signed
// only under the wide one's version.
func TestSigningWhileThePolicyChanges(t *testing.T) {
	m := newTyped(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				_, err := m.request(logical.UpdateOperation, "sign-tx/batcher", by(fields{"transaction": args(0, "")}))
				if err != nil && !strings.Contains(err.Error(), "policy_changed") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	for i := range 30 {
		m.write("keys/batcher/policy", fields{"type": "evm", "policy": batcherPolicy, "clients": clients, "version": i + 1})
	}
	wg.Wait()
}
