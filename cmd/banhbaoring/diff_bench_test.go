package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkDiff100x100 compares two revisions of a repository of 100 clusters
// with 100 tenants each, a file a cluster, of which one line differs.
func BenchmarkDiff100x100(b *testing.B) {
	program, dir := build(b), b.TempDir()
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "main")
	for i := range 100 {
		text := strings.ReplaceAll(clusters(b, 1, 100), "ns-0", "ns-"+string(rune('a'+i/26))+string(rune('a'+i%26)))
		if i == changedCluster && !rendersTenants(b, program) {
			text, _, _ = strings.Cut(text, "---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenant")
		}
		write(b, changed(dir, i), []byte(text))
	}
	git("add", ".")
	git("commit", "-qm", "one")
	text, err := os.ReadFile(changed(dir, changedCluster))
	if err != nil {
		b.Fatal(err)
	}
	write(b, changed(dir, changedCluster), bytes.Replace(text, []byte("us-east-1"), []byte("eu-west-1"), 1))
	git("commit", "-qam", "two")

	start := time.Now()
	for b.Loop() {
		cmd := exec.Command(program, "diff", "main~", "main")
		cmd.Dir = dir
		out, _ := cmd.Output()
		if cmd.ProcessState.ExitCode() != exitDiffers || !bytes.Contains(out, []byte("irreversible: seal")) {
			b.Fatalf("exit code %d\n%s", cmd.ProcessState.ExitCode(), out)
		}
	}
	b.ReportMetric(float64(time.Since(start).Milliseconds())/float64(b.N), "ms/run")
}

const changedCluster = 50

func changed(dir string, i int) string {
	return filepath.Join(dir, "clusters", "cluster-"+string(rune('a'+i/26))+string(rune('a'+i%26))+".yaml")
}

// rendersTenants tells whether this version renders a cluster that has tenants.
// Where it does not, the one that changes has none.
func rendersTenants(b *testing.B, program string) bool {
	b.Helper()
	path := filepath.Join(b.TempDir(), "tenants.yaml")
	write(b, path, []byte(clusters(b, 1, 1)))
	return exec.Command(program, "render", "-f", path).Run() == nil
}
