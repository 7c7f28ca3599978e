package secp256k1

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func TestAKeyIsCreatedReadListedAndDeleted(t *testing.T) {
	m := newMount(t)
	created := m.do(logical.CreateOperation, "keys/sequencer", fields{})
	if created["exportable"] != false || created["imported"] != false || created["deletion_allowed"] != false {
		t.Errorf("a new key is %v", created)
	}
	if read := m.read("keys/sequencer"); !maps.Equal(read, created) {
		t.Errorf("read %v, created %v", read, created)
	}
	compressed, uncompressed := unhex(t, created["public_key"].(string)), unhex(t, created["public_key_uncompressed"].(string))
	public, err := dcrec.ParsePubKey(compressed)
	if err != nil || !bytes.Equal(public.SerializeUncompressed(), uncompressed) {
		t.Errorf("the public keys differ: %x, %x, %v", compressed, uncompressed, err)
	}
	listed := m.do(logical.ListOperation, "keys/", fields{"key_info": true})
	if info := listed["key_info"].(fields)["sequencer"].(fields); !maps.Equal(info, created) {
		t.Errorf("listed %v, created %v", info, created)
	}
	m.refused(logical.DeleteOperation, "keys/sequencer", nil, "deletion_allowed")
	m.write("keys/sequencer/config", fields{"deletion_allowed": true})
	m.do(logical.DeleteOperation, "keys/sequencer", nil)
	m.missing(logical.ReadOperation, "keys/sequencer", nil)
	m.missing(logical.UpdateOperation, "sign/sequencer", fields{"input": "aGk="})
}

func TestATakenNameIsLeftAsItIs(t *testing.T) {
	m := newMount(t)
	created := m.write("keys/k", fields{})
	for _, operation := range []logical.Operation{logical.CreateOperation, logical.UpdateOperation} {
		m.refused(operation, "keys/k", fields{"exportable": true}, "key already exists")
	}
	m.refused(logical.UpdateOperation, "keys/k/import", fields{"ciphertext": b64(unhex(t, one)), "exportable": true}, "key already exists")
	if read := m.read("keys/k"); !maps.Equal(read, created) {
		t.Errorf("read %v, created %v", read, created)
	}
}

func TestOfManyWhoCreateANameAtOnceOneDoes(t *testing.T) {
	m := newMount(t)
	var won sync.Map
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if response, err := m.request(logical.UpdateOperation, "keys/k", fields{}); err == nil && !response.IsError() {
				won.Store(i, response.Data["public_key"])
			}
		})
	}
	wg.Wait()
	var winners []any
	won.Range(func(_, public any) bool { winners = append(winners, public); return true })
	if len(winners) != 1 || winners[0] != m.read("keys/k")["public_key"] {
		t.Errorf("%d created the key", len(winners))
	}
}

func TestMissingKeysAre404(t *testing.T) {
	m := newMount(t)
	m.missing(logical.ReadOperation, "keys/k", nil)
	m.missing(logical.DeleteOperation, "keys/k", nil)
	m.missing(logical.ReadOperation, "keys/k/config", nil)
	m.missing(logical.UpdateOperation, "keys/k/config", fields{"deletion_allowed": true})
	m.missing(logical.ReadOperation, "export/k", nil)
	m.missing(logical.UpdateOperation, "sign/k", fields{"input": "aGk="})
	m.missing(logical.UpdateOperation, "sign/k", fields{"batch_input": []any{fields{"input": "aGk="}}})
	m.missing(logical.UpdateOperation, "sign-evm/k", fields{"hash": eip155Hash})
	m.missing(logical.UpdateOperation, "verify/k", fields{"input": "aGk=", "signature": "aGk="})
}

func TestBadInputIsRefusedByTheFieldsName(t *testing.T) {
	m := newMount(t)
	m.write("keys/k", fields{})
	for _, c := range []struct {
		path string
		data fields
		want string
	}{
		{"keys/k/config", fields{}, "missing deletion_allowed"},
		{"keys/k/config", fields{"deletion_allowed": "perhaps"}, "deletion_allowed"},
		{"keys/new", fields{"exportable": "perhaps"}, "exportable"},
		{"keys/new/import", fields{}, "missing ciphertext"},
		{"keys/new/import", fields{"ciphertext": "%"}, "invalid ciphertext: not valid base64"},
		{"keys/new/import", fields{"ciphertext": b64([]byte("short"))}, "ciphertext: private key must be 32 bytes, got 5"},
		{"keys/new/import", fields{"ciphertext": b64(unhex(t, zeroes))}, "ciphertext: private key must be above zero"},
		{"keys/new/import", fields{"ciphertext": b64(unhex(t, groupOrder))}, "below the order"},
		{"keys/new/import", fields{"ciphertext": b64(make([]byte, 512))}, "wrapping_key"},
		{"sign/k", fields{}, "missing input"},
		{"sign/k", fields{"input": ""}, "missing input"},
		{"sign/k", fields{"input": "%"}, "invalid input: not valid base64"},
		{"sign/k", fields{"input": "aGk=", "prehashed": true}, "prehashed input must be 32 bytes, got 2"},
		{"sign/k", fields{"input": "aGk=", "prehashed": "perhaps"}, "prehashed"},
		{"sign/k", fields{"input": "aGk=", "hash_algorithm": "md5"}, "hash_algorithm must be"},
		{"sign/k", fields{"input": "aGk=", "output_format": "pem"}, "output_format must be"},
		{"sign/k", fields{"batch_input": []any{}}, "missing batch_input"},
		{"sign/k", fields{"batch_input": make([]any, maxBatch+1)}, "batch_input has 1001 entries"},
		{"sign/k", fields{"batch_input": []any{fields{}}, "input": "aGk="}, "input and batch_input"},
		{"sign-evm/k", fields{}, "missing hash"},
		{"sign-evm/k", fields{"hash": "0x!!"}, "invalid hash"},
		{"sign-evm/k", fields{"hash": "abcd"}, "hash must be 32 bytes, got 2"},
		{"sign-evm/k", fields{"hash": eip155Hash, "chain_id": -1}, "invalid chain_id"},
		{"sign-evm/k", fields{"hash": eip155Hash, "chain_id": int64(maxChainID) + 1}, "invalid chain_id"},
		{"sign-evm/k", fields{"hash": eip155Hash, "chain_id": "mainnet"}, "chain_id"},
		{"verify/k", fields{"signature": "aGk="}, "missing input"},
		{"verify/k", fields{"input": "aGk="}, "missing signature"},
		{"verify/k", fields{"input": "aGk=", "signature": "%"}, "invalid signature: not valid base64"},
		{"verify/k", fields{"input": "aGk=", "signature": "aGk=", "hash_algorithm": "md5"}, "hash_algorithm must be"},
	} {
		m.refused(logical.UpdateOperation, c.path, c.data, c.want)
	}
	if names := m.do(logical.ListOperation, "keys/", nil)["keys"].([]string); !slices.Equal(names, []string{"k"}) {
		t.Errorf("what was refused left keys: %v", names)
	}
}

func TestTheLargestChainIDHasAV(t *testing.T) {
	m := newMount(t)
	m.write("keys/k", fields{})
	if v := m.write("sign-evm/k", fields{"hash": eip155Hash, "chain_id": int64(maxChainID)})["v_int"].(int64); v < maxChainID {
		t.Errorf("v overflowed: %d", v)
	}
}

func TestEveryFormatVerifiesAndNothingElseDoes(t *testing.T) {
	m := newMount(t)
	m.write("keys/k", fields{})
	m.write("keys/other", fields{})
	for i := range 64 {
		input := make([]byte, 1+i)
		rand.Read(input)
		for _, algorithm := range []string{"sha256", "keccak256"} {
			for _, format := range []string{"cosmos", "der", ""} {
				signed := m.write("sign/k", fields{"input": b64(input), "hash_algorithm": algorithm, "output_format": format})
				check := fields{"input": b64(input), "hash_algorithm": algorithm, "signature": signed["signature"]}
				if m.write("verify/k", check)["valid"] != true {
					t.Fatalf("%s, %s: %x does not verify", algorithm, format, input)
				}
				if m.write("verify/other", check)["valid"] != false {
					t.Fatalf("verifies with another key")
				}
				check["input"] = b64(append([]byte("x"), input...))
				if m.write("verify/k", check)["valid"] != false {
					t.Fatalf("verifies another input")
				}
				if format != "der" {
					requireLowS(t, unb64(t, signed["signature"]))
				}
			}
		}
	}
}

func requireLowS(t *testing.T, signature []byte) {
	t.Helper()
	if len(signature) != 64 || bytes.Compare(signature[32:], unhex(t, halfOrder)) > 0 {
		t.Fatalf("not 64 bytes with the lower S: %x", signature)
	}
}

func TestTheSignersAddressIsRecovered(t *testing.T) {
	m := newMount(t)
	created := m.write("keys/k", fields{})
	hash := make([]byte, 32)
	for _, chainID := range []int64{0, 1, 10, 8453, 11155420} {
		for range 32 {
			rand.Read(hash)
			signed := m.write("sign-evm/k", fields{"hash": hex.EncodeToString(hash), "chain_id": chainID})
			recovery := signed["v_int"].(int64) - 27
			if chainID != 0 {
				recovery = signed["v_int"].(int64) - 35 - 2*chainID
			}
			compact := unhex(t, fmt.Sprintf("%02x%s%s", 27+recovery, signed["r"], signed["s"]))
			requireLowS(t, compact[1:])
			public, _, err := ecdsa.RecoverCompact(compact, hash)
			if err != nil {
				t.Fatal(err)
			}
			if got := ethereumAddress(public); got != created["eth_address"] {
				t.Fatalf("chain %d: recovered %s, want %s", chainID, got, created["eth_address"])
			}
		}
	}
}

func TestABatchAnswersEachEntryOnItsOwn(t *testing.T) {
	m := newMount(t)
	m.write("keys/k", fields{})
	batch := make([]any, maxBatch)
	for i := range batch {
		batch[i] = fields{"input": b64([]byte(fmt.Sprint(i))), "reference": i}
	}
	batch[1] = fields{"input": "%", "reference": "bad"}
	batch[2] = "not an object"
	batch[3] = fields{"input": "aGk=", "prehashed": []any{}}
	batch[4] = fields{"input": "aGk=", "output_format": "cosmos"}
	results := m.write("sign/k", fields{"batch_input": batch, "output_format": "der"})["batch_results"].([]fields)
	if len(results) != maxBatch {
		t.Fatalf("%d results", len(results))
	}
	for i, want := range map[int]string{1: "invalid input", 2: "not an object", 3: "prehashed"} {
		if got, _ := results[i]["error"].(string); !strings.Contains(got, want) {
			t.Errorf("entry %d: got %v, want an error with %q", i, results[i], want)
		}
	}
	if results[1]["reference"] != "bad" || results[maxBatch-1]["reference"] != maxBatch-1 {
		t.Error("a reference was lost")
	}
	if signature := unb64(t, results[4]["signature"]); len(signature) != 64 {
		t.Errorf("an entry's own format was not taken: %d bytes", len(signature))
	}
	for _, i := range []int{0, 5, maxBatch - 1} {
		alone := m.write("sign/k", fields{"input": batch[i].(fields)["input"], "output_format": "der"})
		delete(results[i], "reference")
		if !maps.Equal(results[i], alone) {
			t.Errorf("entry %d: got %v, alone %v", i, results[i], alone)
		}
	}
}

func TestOnlyAnExportableKeyIsExported(t *testing.T) {
	m := newMount(t)
	m.write("keys/kept", fields{})
	m.refused(logical.ReadOperation, "export/kept", nil, "not exportable")
	m.write("keys/kept/config", fields{"deletion_allowed": true, "exportable": true})
	m.refused(logical.ReadOperation, "export/kept", nil, "not exportable")

	created := m.write("keys/lent", fields{"exportable": true})
	exported := m.read("export/lent")["keys"].(map[string]string)["1"]
	if again := m.write("keys/again/import", fields{"ciphertext": exported}); again["public_key"] != created["public_key"] {
		t.Errorf("what was exported is another key: %v, want %v", again["public_key"], created["public_key"])
	}
}

func TestAWrappedKeyIsImported(t *testing.T) {
	m := newMount(t)
	text := m.read("wrapping_key")["public_key"].(string)
	if again := m.read("wrapping_key")["public_key"]; again != text {
		t.Fatal("the wrapping key changed")
	}
	block, _ := pem.Decode([]byte(text))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	wrap := func(key []byte) string {
		wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), key, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b64(wrapped)
	}
	got := m.write("keys/k/import", fields{"ciphertext": wrap(unhex(t, eip155Key))})
	if got["eth_address"] != eip155Owner || got["imported"] != true {
		t.Errorf("got %v", got)
	}
	m.refused(logical.UpdateOperation, "keys/n/import", fields{"ciphertext": wrap([]byte("short"))}, "must be 32 bytes")
	m.refused(logical.UpdateOperation, "keys/n/import", fields{"ciphertext": b64(make([]byte, 512))}, "not wrapped with")
}

// The records of engines that store keys in the same place and form are read.
func TestAStoredRecordIsRead(t *testing.T) {
	m := newMount(t)
	value, err := json.Marshal(fields{
		"private_key": unhex(t, eip155Key), "public_key": []byte("derived anew"),
		"exportable": true, "created_at": "2025-11-23T01:02:03.000000004Z", "imported": true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.storage.Put(context.Background(), &logical.StorageEntry{Key: "keys/old", Value: value}); err != nil {
		t.Fatal(err)
	}
	got := m.read("keys/old")
	if got["eth_address"] != eip155Owner || got["exportable"] != true || got["imported"] != true || got["created_at"] != "2025-11-23T01:02:03Z" {
		t.Errorf("got %v", got)
	}
}

func TestABrokenRecordIsNamedAndNotQuoted(t *testing.T) {
	for _, value := range []string{`{"private_key": "c2VjcmV0"}`, `{"private_key": 7777777}`, `secret`} {
		m := newMount(t)
		if err := m.storage.Put(context.Background(), &logical.StorageEntry{Key: "keys/k", Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		_, err := m.request(logical.UpdateOperation, "sign/k", fields{"input": "aGk="})
		if err == nil || !strings.Contains(err.Error(), `key "k"`) || strings.Contains(err.Error(), "777") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", value, err)
		}
		listed, err := m.request(logical.ListOperation, "keys/", fields{"key_info": true})
		if err != nil || len(listed.Warnings) != 1 {
			t.Errorf("%s: listed %v, %v, want a warning", value, listed, err)
		}
	}
}

func TestWhatAnotherNodeWroteIsSeenOnceInvalidated(t *testing.T) {
	active := newMount(t)
	standby := mountOn(t, active.storage)
	active.write("keys/k", fields{})
	standby.write("sign/k", fields{"input": "aGk="})
	active.write("keys/k/config", fields{"deletion_allowed": true})
	standby.backend.InvalidateKey(context.Background(), "keys/k")
	if standby.read("keys/k")["deletion_allowed"] != true {
		t.Error("the change was not seen")
	}
	active.do(logical.DeleteOperation, "keys/k", nil)
	standby.backend.InvalidateKey(context.Background(), "keys/k")
	standby.missing(logical.UpdateOperation, "sign/k", fields{"input": "aGk="})
}

// A key that is deleted between its being read from storage and its being
// cached must not be cached.
func TestADeletedKeyIsNotCached(t *testing.T) {
	m := newMount(t)
	m.write("keys/k", fields{})
	m.write("keys/k/config", fields{"deletion_allowed": true})
	m.storage.afterGet = func() {
		m.storage.afterGet = nil
		m.do(logical.DeleteOperation, "keys/k", nil)
	}
	m.write("sign/k", fields{"input": "aGk="}) // it was there when the request came
	m.missing(logical.UpdateOperation, "sign/k", fields{"input": "aGk="})
}

func TestForgottenKeysAreZeroed(t *testing.T) {
	for name, forget := range map[string]func(*mount){
		"invalidated":   func(m *mount) { m.backend.InvalidateKey(context.Background(), "keys/k") },
		"all at once":   func(m *mount) { m.backend.InvalidateKey(context.Background(), "") },
		"reconfigured":  func(m *mount) { m.write("keys/k/config", fields{"deletion_allowed": true}) },
		"shutting down": func(m *mount) { m.backend.Cleanup(context.Background()) },
	} {
		m := newMount(t)
		m.write("keys/k", fields{})
		m.write("sign/k", fields{"input": "aGk="})
		held := m.backend.cache.entries["k"]
		if held == nil || held.private.Key.IsZero() {
			t.Fatalf("%s: the key was not cached", name)
		}
		forget(m)
		if !held.private.Key.IsZero() || len(m.backend.cache.entries) != 0 {
			t.Errorf("%s: the key is still in memory", name)
		}
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newCache()
	private, err := dcrec.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	for i := range cacheSize + 10 {
		c.put(fmt.Sprint(i), &key{}, private, 0)
	}
	if len(c.entries) != cacheSize {
		t.Errorf("%d keys are cached, want %d", len(c.entries), cacheSize)
	}
}

// Signing, invalidation and reconfiguration at once: every signature is whole.
func TestSigningWhileTheCacheIsInvalidated(t *testing.T) {
	m := newMount(t)
	m.importHex("k", eip155Key)
	want := m.write("sign/k", fields{"input": "aGk="})["signature"]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				response, err := m.request(logical.UpdateOperation, "sign/k", fields{"input": "aGk="})
				if err != nil || response.Data["signature"] != want {
					t.Errorf("got %v, %v", response, err)
					return
				}
			}
		})
	}
	for i := range 200 {
		m.backend.InvalidateKey(context.Background(), "keys/k")
		if i%20 == 0 {
			m.write("keys/k/config", fields{"deletion_allowed": i%40 == 0})
		}
	}
	wg.Wait()
}

func TestStorageOfKeysIsSealWrapped(t *testing.T) {
	m := newMount(t)
	if got := m.backend.SpecialPaths().SealWrapStorage; !slices.Equal(got, []string{"keys/", "wrapping_key"}) {
		t.Errorf("seal-wrapped: %v", got)
	}
}

// The renderer installs the engine under its own default version, and OpenBao
// refuses a binary that reports another one.
func TestTheVersionIsTheOneThatIsInstalled(t *testing.T) {
	source, err := os.ReadFile("../api/v1/defaults.go")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`OpenBao\.Plugin\.Version, "(.*)"`).FindSubmatch(source)
	if want == nil || string(want[1]) != Version {
		t.Errorf("the engine is %s, what is installed is %s", Version, want)
	}
	if got := newMount(t).backend.RunningVersion; got != "v"+Version {
		t.Errorf("the running version is %s", got)
	}
}
