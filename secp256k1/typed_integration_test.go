//go:build integration

package secp256k1_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/secp256k1"
)

const (
	credential = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9" // of every client here
	inbox      = "0xff00000000000000000000000000000000000901"
)

// typed are the fields of a key that signs transactions and blocks of chain 901.
var typed = map[string]any{
	"type": "evm", "fence": "4s",
	"policy": `{"rules": [{"chain": 901, "to": "` + inbox + `", "selectors": "any"}], "types": ["eip1559"],
		"fees": {"maxGas": 2000000, "maxFeePerGas": "500gwei", "maxPriorityFeePerGas": "50gwei", "maxTotalFee": "1ether"},
		"blocks": {"chainIDs": [901]}}`,
	"clients": `[{"name": "op-node-0", "auth": "mtls", "spki": ["` + credential + `"]}, {"name": "op-node-1", "auth": "mtls", "spki": ["` + credential + `"]}]`,
}

// as adds a client to a request.
func as(client string, fields map[string]any) map[string]any {
	all := map[string]any{"client": client, "credential": credential}
	for name, value := range fields {
		all[name] = value
	}
	return all
}

func transaction(nonce int, to string) map[string]any {
	return map[string]any{"transaction": fmt.Sprintf(`{"to": %q, "gas": "0x5208", "maxFeePerGas": "0x3b9aca00", "maxPriorityFeePerGas": "0x1", "value": "0x0", "nonce": "0x%x", "input": "0x", "chainId": "0x385"}`, to, nonce)}
}

var block = map[string]any{"payload": `{"domain": "0x` + strings.Repeat("0", 64) + `", "chainId": "901", "payloadHash": "0x` + strings.Repeat("ab", 32) + `"}`}

func TestATypedKeySignsThroughEveryServerAndItsDecisionsAreAudited(t *testing.T) {
	c := start(t, 3)
	active := c.leader(c.servers)
	if err := active.client.Sys().TuneMount("secp256k1", api.MountConfigInput{
		AuditNonHMACRequestKeys: []string{"client", "policy"}, AuditNonHMACResponseKeys: []string{"decisions"},
	}); err != nil {
		t.Fatal(err)
	}
	c.write(active, "keys/sequencer", typed)
	for _, s := range c.servers {
		c.write(s, "sign-tx/sequencer", as("op-node-0", transaction(1, inbox)))
		_, err := s.client.Logical().Write("secp256k1/sign-tx/sequencer", as("op-node-0", transaction(1, "0x"+strings.Repeat("aa", 20))))
		if status(err) != http.StatusForbidden || !strings.Contains(err.Error(), "recipient_not_allowed: ") || !strings.Contains(err.Error(), "; remedy: ") {
			t.Errorf("%s: got %v, want status 403 with code and remedy", s.id, err)
		}
		_, err = s.client.Logical().Write("secp256k1/sign/sequencer", message)
		if status(err) != http.StatusForbidden || !strings.Contains(err.Error(), "key_not_raw") {
			t.Errorf("%s: got %v, want status 403", s.id, err)
		}
	}
	audited, err := os.ReadFile(active.audited())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"method=sign-tx chain=901", "outcome=signed", "outcome=refused code=recipient_not_allowed", `"client":"op-node-0"`, "maxTotalFee"} {
		if !strings.Contains(string(audited), want) {
			t.Errorf("the audit log has no %q", want)
		}
	}
	requests := 0
	for _, line := range strings.Split(string(audited), "\n") {
		var entry struct {
			Request struct {
				Path string
				Data map[string]any
			}
		}
		if json.Unmarshal([]byte(line), &entry) == nil && strings.HasPrefix(entry.Request.Path, "secp256k1/sign-tx/") {
			requests++
			if shown := fmt.Sprint(entry.Request.Data["credential"]); !strings.HasPrefix(shown, "hmac-sha256:") {
				t.Errorf("the audit log shows a credential: %s", shown)
			}
		}
	}
	if requests == 0 {
		t.Error("no signature was audited")
	}
	// Pages, by the query of an HTTP request.
	page, err := active.client.Logical().ListPage("secp256k1/keys", "", 1)
	if err != nil || fmt.Sprint(page.Data["keys"]) != "[sequencer]" || page.Data["key_info"] != nil {
		t.Errorf("listed %v, %v", page, err)
	}
	info, err := active.client.Logical().ReadRawWithData("secp256k1/keys", map[string][]string{"list": {"true"}, "key_info": {"true"}})
	if err != nil {
		t.Fatal(err)
	}
	defer info.Body.Close()
	var listed struct {
		Data struct {
			KeyInfo map[string]any `json:"key_info"`
		}
	}
	if err := json.NewDecoder(info.Body).Decode(&listed); err != nil || listed.Data.KeyInfo["sequencer"] == nil {
		t.Errorf("listed %v, %v", listed, err)
	}
}

// The active server dies while it signs: what it signed is counted, and for one lease
// nobody but the holder gets the fence.
func TestCountsAndFencesHoldAcrossAFailover(t *testing.T) {
	c := start(t, 3)
	active := c.leader(c.servers)
	c.write(active, "keys/sequencer", typed)
	c.write(active, "keys/sequencer/fence", as("op-node-0", nil))
	signed := 0
	for range 200 {
		c.write(active, "sign-block/sequencer", as("op-node-0", block))
		signed++
	}
	rest := c.others(active)
	active.kill()
	next := c.leader(rest)
	c.eventually("the holder signs on", func() error {
		_, err := next.client.Logical().Write("secp256k1/sign-block/sequencer", as("op-node-0", block))
		if err == nil {
			signed++
		}
		return err
	})
	began := time.Now()
	_, err := next.client.Logical().Write("secp256k1/keys/sequencer/fence", as("op-node-1", nil))
	if status(err) != http.StatusConflict || !strings.Contains(err.Error(), "fence_wait") {
		t.Errorf("another takes the fence at once: got %v, want status 409", err)
	}
	c.eventually("another takes the fence", func() error {
		_, err := next.client.Logical().Write("secp256k1/keys/sequencer/fence", as("op-node-1", nil))
		return err
	})
	if waited := time.Since(began); waited < 2*time.Second {
		t.Errorf("another got the fence after %v, want about a lease of 4s", waited)
	}
	_, err = next.client.Logical().Write("secp256k1/sign-block/sequencer", as("op-node-0", block))
	if !strings.Contains(fmt.Sprint(err), "fence_held") {
		t.Errorf("the former holder signs: %v", err)
	}
	c.write(next, "sign-block/sequencer", as("op-node-1", block))
	signed++
	for _, path := range []string{"counts", "counts/sequencer"} {
		counts, err := next.client.Logical().Read("secp256k1/" + path)
		if err != nil {
			t.Fatal(err)
		}
		used, err := counts.Data["used"].(json.Number).Int64()
		if err != nil || used < int64(signed) || used > int64(signed)+2048 {
			t.Errorf("%s: %d were signed, %d are counted (%v)", path, signed, used, err)
		}
	}
}

// released is the commit whose engine is 1.0.0.
const released = "1cd09cd"

func TestKeysGoUpFromEngine1AndItReadsNoTypedOnes(t *testing.T) {
	if exec.Command("git", "cat-file", "-e", released).Run() != nil {
		t.Skip("the repository here has no history with engine 1.0.0 in it")
	}
	source := t.TempDir()
	archive := exec.Command("bash", "-c", "git -C .. archive "+released+" secp256k1 | tar -x -C "+source)
	if out, err := archive.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := startWith(t, 1, func(plugins string) {
		build(t, filepath.Join(source, "secp256k1"), filepath.Join(plugins, "engine-1.0.0"))
	})
	s := c.servers[0]
	c.register("engine-1.0.0", "v1.0.0")
	c.mount("v1.0.0")
	created := c.write(s, "keys/old", nil)
	before := c.write(s, "sign/old", message)["signature"]

	c.register("secp256k1", "v"+secp256k1.Version)
	c.goOver("v" + secp256k1.Version)
	if after := c.write(s, "sign/old", message)["signature"]; after != before {
		t.Errorf("engine %s signed %v, 1.0.0 %v", secp256k1.Version, after, before)
	}
	read, err := s.client.Logical().Read("secp256k1/keys/old")
	if err != nil || read.Data["type"] != "raw" || read.Data["eth_address"] != created["eth_address"] {
		t.Errorf("got %v, %v", read, err)
	}
	c.write(s, "keys/typed", typed)
	c.write(s, "sign-tx/typed", as("op-node-0", transaction(1, inbox)))

	c.goOver("v1.0.0")
	if after := c.write(s, "sign/old", message)["signature"]; after != before {
		t.Errorf("back at 1.0.0: signed %v, before %v", after, before)
	}
	if _, err := s.client.Logical().Write("secp256k1/sign/typed", message); status(err) != http.StatusInternalServerError || !strings.Contains(err.Error(), "not a key") {
		t.Errorf("engine 1.0.0 with a typed key: got %v, want status 500", err)
	}
	if _, err := s.client.Logical().Write("secp256k1/keys/typed", nil); err == nil {
		t.Error("engine 1.0.0 makes the typed key's name anew")
	}

	c.goOver("v" + secp256k1.Version)
	c.write(s, "sign-tx/typed", as("op-node-0", transaction(2, inbox)))
}

// goOver has the mount run another version.
func (c *cluster) goOver(version string) {
	c.Helper()
	client := c.servers[0].client
	if err := client.Sys().TuneMount("secp256k1", api.MountConfigInput{PluginVersion: version}); err != nil {
		c.Fatal(err)
	}
	if _, err := client.Logical().Write("sys/plugins/reload/backend", map[string]any{"mounts": []string{"secp256k1/"}}); err != nil {
		c.Fatal(err)
	}
	c.runs(version)
}

// Requests to one server over HTTP by 16 clients, and by one, beside OpenBao's own
// transit engine with ECDSA P-256 in the same run.
func BenchmarkServer(b *testing.B) {
	c := start(b, 1)
	s := c.servers[0]
	if err := s.client.Sys().Mount("transit", &api.MountInput{Type: "transit"}); err != nil {
		b.Fatal(err)
	}
	must := func(path string, data map[string]any) {
		b.Helper()
		if _, err := s.client.Logical().Write(path, data); err != nil {
			b.Fatal(err)
		}
	}
	must("transit/keys/k", map[string]any{"type": "ecdsa-p256"})
	must("secp256k1/keys/k", nil)
	must("secp256k1/keys/t", typed)
	var entries []map[string]any
	for i := range 64 {
		entries = append(entries, map[string]any{
			"method": "sign-tx", "key": "t", "client": "op-node-0", "credential": credential, "input": transaction(i, inbox)["transaction"],
		})
	}
	text, err := json.Marshal(entries)
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range []struct {
		name, path string
		data       map[string]any
		signatures int
	}{
		{"transit", "transit/sign/k", map[string]any{"input": message["input"]}, 1},
		{"sign", "secp256k1/sign/k", message, 1},
		{"sign-tx", "secp256k1/sign-tx/t", as("op-node-0", transaction(1, inbox)), 1},
		{"batch of 64", "secp256k1/batch", map[string]any{"batch": string(text)}, 64},
	} {
		for _, clients := range []int{16, 1} {
			b.Run(fmt.Sprintf("%s/%d clients", x.name, clients), func(b *testing.B) {
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan error, clients)
				b.ResetTimer()
				for range clients {
					go func() {
						var failed error
						for left.Add(-1) >= 0 && failed == nil {
							_, failed = s.client.Logical().WriteWithContext(context.Background(), x.path, x.data)
						}
						done <- failed
					}()
				}
				for range clients {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*x.signatures)/b.Elapsed().Seconds(), "signatures/s")
			})
		}
	}
}
