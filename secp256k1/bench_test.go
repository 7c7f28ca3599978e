package secp256k1

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openbao/openbao/sdk/v2/logical"
)

// processorTime is what this process has used of all cores.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// reportPerCore reports signatures a second of processor time, which other
// programs on the machine do not lower.
func reportPerCore(b *testing.B, signatures int, before time.Duration) {
	b.Helper()
	b.ReportMetric(float64(signatures)/(processorTime(b)-before).Seconds(), "signatures/core-s")
}

// In process, on one core: -cpu 1.
func BenchmarkSign(b *testing.B) {
	m := newMount(b)
	m.write("keys/k", fields{})
	for name, request := range map[string]struct {
		path string
		data fields
	}{
		"cosmos": {"sign/k", fields{"input": b64(make([]byte, 256))}},
		"der":    {"sign/k", fields{"input": b64(make([]byte, 256)), "output_format": "der"}},
		"evm":    {"sign-evm/k", fields{"hash": eip155Hash, "chain_id": 10}},
	} {
		b.Run(name, func(b *testing.B) {
			before := processorTime(b)
			for b.Loop() {
				if response, err := m.request(logical.UpdateOperation, request.path, request.data); err != nil || response.IsError() {
					b.Fatal(response, err)
				}
			}
			reportPerCore(b, b.N, before)
		})
	}
}

func BenchmarkSignBatch(b *testing.B) {
	m := newMount(b)
	m.write("keys/k", fields{})
	batch := make([]any, maxBatch)
	for i := range batch {
		batch[i] = fields{"input": b64([]byte(fmt.Sprint(i)))}
	}
	before := processorTime(b)
	for b.Loop() {
		m.write("sign/k", fields{"batch_input": batch})
	}
	reportPerCore(b, b.N*maxBatch, before)
}

// What a policy costs beside the signature: 1,000 rules, of which the last matches.
func BenchmarkSignTyped(b *testing.B) {
	rules := make([]string, 1000)
	for i := range rules {
		rules[i] = fmt.Sprintf(`{"chain": 901, "to": "0x%040x", "selectors": "any"}`, i+1)
	}
	rules[999] = `{"chain": 901, "to": "` + inbox + `", "selectors": "any"}`
	m := newTyped(b, fields{"policy": strings.Replace(batcherPolicy, `"rules": [`, `"rules": [`+strings.Join(rules[:999], ",")+",", 1)})
	var entries []batchEntry
	for i := range 64 {
		entries = append(entries, entry("", "sign-tx", "batcher", args(i, "")))
	}
	for name, request := range map[string]struct {
		path       string
		data       fields
		signatures int
	}{
		"sign-tx": {"sign-tx/batcher", by(fields{"transaction": args(0, "")}), 1},
		"batch":   {"batch", batchOf(b, entries...), 64},
	} {
		b.Run(name, func(b *testing.B) {
			before := processorTime(b)
			for b.Loop() {
				m.write(request.path, request.data)
			}
			reportPerCore(b, b.N*request.signatures, before)
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	m := newMount(b)
	m.write("keys/k", fields{})
	signed := m.write("sign/k", fields{"input": "aGk="})
	for b.Loop() {
		m.write("verify/k", fields{"input": "aGk=", "signature": signed["signature"]})
	}
}
