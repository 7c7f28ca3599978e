//go:build integration

package signer_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/internal/realbao"
)

// Signatures through the signer, beside OpenBao asked directly and its own transit
// engine, over TLS and in one run: by one client, by 64 with one key, and by 64 with a
// key each.
func BenchmarkSignatures(b *testing.B) {
	r := start(b, 1, nil)
	leader := r.Servers[0]
	r.Must("POST", "", "sys/mounts/transit", map[string]any{"type": "transit"})
	r.Must("POST", "", "transit/keys/k", map[string]any{"type": "ecdsa-p256"})
	froms := []string{r.address}
	for i := range 63 {
		froms = append(froms, r.NewKey("rollup", fmt.Sprint("k", i), evmKey(r.mtls))["eth_address"].(string))
	}
	direct := directClient(b, r.Stack)
	ask := func(path, namespace string, body map[string]any) func(int, int) error {
		text, err := json.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		return func(int, int) error { return post200(direct, leader.Address+"/v1/"+path, text, r.Root, namespace) }
	}
	through := func(keys int) func(worker, i int) error {
		return func(worker, i int) error {
			body := fmt.Sprintf(`{"jsonrpc": "2.0", "id": 1, "method": "eth_signTransaction", "params": [%s]}`, transaction(froms[worker%keys], inbox, i))
			_, text, err := send(r.mtls, "/", body)
			if err == nil && !strings.Contains(text, `"result":"0x02`) {
				err = fmt.Errorf("got %s", text)
			}
			return err
		}
	}
	signed := map[string]any{
		"client": "op-batcher", "credential": r.mtls.Pair.SPKI, "transaction": transaction(r.address, inbox, 1),
	}
	for _, x := range []struct {
		name    string
		workers int
		do      func(worker, i int) error
	}{
		{"transit P-256", 1, ask("transit/sign/k", "", map[string]any{"input": base64.StdEncoding.EncodeToString([]byte("block"))})},
		{"transit P-256", 64, ask("transit/sign/k", "", map[string]any{"input": base64.StdEncoding.EncodeToString([]byte("block"))})},
		{"OpenBao directly", 1, ask("secp256k1/sign-tx/batcher", "tenant-rollup", signed)},
		{"OpenBao directly", 64, ask("secp256k1/sign-tx/batcher", "tenant-rollup", signed)},
		{"signer", 1, through(1)},
		{"signer", 64, through(1)},
		{"signer, a key each", 64, through(64)},
	} {
		b.Run(fmt.Sprintf("%s/%d clients", x.name, x.workers), func(b *testing.B) { measure(b, x.workers, x.do) })
	}
}

// measure has workers do b.N things together, and reports how many a second, and how
// long they took.
func measure(b *testing.B, workers int, do func(worker, i int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	before := processorTime(b)
	b.ResetTimer()
	for w := range workers {
		wg.Go(func() {
			var own []time.Duration
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				began := time.Now()
				if err := do(w, int(i)); err != nil {
					b.Error(err)
					break
				}
				own = append(own, time.Since(began))
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "signatures/s")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "own-µs")
	slices.Sort(took)
	if n := len(took); n > 0 {
		b.ReportMetric(float64(took[n/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[n*99/100].Microseconds())/1000, "p99-ms")
	}
}

// processorTime is what this process, which is the clients and the signer, has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// directClient speaks to OpenBao over connections that stay open.
func directClient(b *testing.B, s *realbao.Stack) *http.Client {
	b.Helper()
	trust, err := os.ReadFile(s.Authority.File)
	if err != nil {
		b.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(trust)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 256}}
}

func post200(c *http.Client, url string, body []byte, token, namespace string) error {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("X-Vault-Token", token)
	request.Header.Set("X-Vault-Namespace", namespace)
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, text)
	}
	return err
}
