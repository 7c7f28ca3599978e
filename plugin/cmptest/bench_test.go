package cmptest

import (
	"testing"
	"time"
)

// BenchmarkGenerate compares a render through the plugin server with the plain
// command on the same folder, in turns.
func BenchmarkGenerate(b *testing.B) {
	c := client(b)
	dir := repository(b, map[string]string{"keys/one.yaml": example(b, "production.yaml")})
	var server, plain time.Duration
	for b.Loop() {
		start := time.Now()
		manifests, err := generate(within(b, time.Minute), c, dir, "keys", "ARGOCD_APP_NAME=keys")
		if err != nil || len(manifests) == 0 {
			b.Fatal(err)
		}
		server += time.Since(start)
		start = time.Now()
		render(b, dir+"/keys")
		plain += time.Since(start)
	}
	b.ReportMetric(float64(server.Milliseconds())/float64(b.N), "server-ms/op")
	b.ReportMetric(float64(plain.Milliseconds())/float64(b.N), "plain-ms/op")
	b.ReportMetric(float64(server)/float64(plain), "server/plain")
}
