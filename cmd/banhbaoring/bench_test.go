package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/components/openbao/chart"
	"github.com/banhbaoring/banhbaoring/golden"
)

func BenchmarkRenderProduction(b *testing.B) {
	text := example(b, "production.yaml")
	b.ReportAllocs()
	for b.Loop() {
		rendered(b, text)
	}
}

// clusters are n clusters of the production example, each with tenants.
func clusters(b *testing.B, n, tenants int) string {
	b.Helper()
	production := example(b, "production.yaml")
	var text strings.Builder
	for i := range n {
		namespace := fmt.Sprintf("ns-%d", i)
		text.WriteString(strings.NewReplacer("banhbaoring-system", namespace, "  domain: ", "  domain: "+namespace+".", "      bucket: ", "      bucket: "+namespace+"-").Replace(production))
		for j := range tenants {
			fmt.Fprintf(&text, `---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingTenant
metadata:
  name: tenant-%d
  namespace: %s
spec:
  clusterRef:
    name: production
  displayName: Tenant %d
  plan: pro
  quotas:
    keys: 25
  admin:
    email: admin@example.com
`, j, namespace, j)
		}
		text.WriteString("---\n")
	}
	return text.String()
}

func BenchmarkRender100Clusters(b *testing.B) {
	text := clusters(b, 100, 0)
	b.ReportAllocs()
	for b.Loop() {
		rendered(b, text)
	}
}

func BenchmarkRender1000Tenants(b *testing.B) {
	text := clusters(b, 1, 1000)
	b.ReportAllocs()
	for b.Loop() {
		rendered(b, text)
	}
}

func BenchmarkRender100Clusters100Tenants(b *testing.B) {
	text := clusters(b, 100, 100)
	b.ReportAllocs()
	for b.Loop() {
		rendered(b, text)
	}
}

// build builds the command, as it is shipped.
func build(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "banhbaoring")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

// process runs a whole process and reports its greatest memory. Linux counts
// that of the process that started it, until it became another program: no
// figure is below this one's own.
func process(b *testing.B, name string, args ...string) []byte {
	b.Helper()
	cmd := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %v: %v\n%s", name, args, err, stderr.String())
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		b.ReportMetric(float64(usage.Maxrss)/1024, "MiB-max") // Linux counts in KiB
	}
	return stdout.Bytes()
}

func BenchmarkStartup(b *testing.B) {
	program := build(b)
	production := filepath.Join(golden.Root(b), "examples", "production.yaml")
	for _, args := range [][]string{{"version"}, {"render", "-f", production}} {
		b.Run(args[0], func(b *testing.B) {
			start := time.Now()
			for b.Loop() {
				process(b, program, args...)
			}
			b.ReportMetric(float64(time.Since(start).Microseconds())/1000/float64(b.N), "ms/run")
		})
	}
}

// BenchmarkPeer measures whole processes in one run: this program; `helm
// template` of a chart with the production stack's numbers; and `kustomize
// build` of the objects that this program prints. HELM, KUSTOMIZE and
// HELM_CHART name the programs and the official chart's folder or archive; the
// chart is the built-in one when absent.
func BenchmarkPeer(b *testing.B) {
	helm, kustomize := lookup(b, "HELM", "helm"), lookup(b, "KUSTOMIZE", "kustomize")
	program := build(b)
	production := filepath.Join(golden.Root(b), "examples", "production.yaml")
	dir := b.TempDir()

	objects := filepath.Join(dir, "objects")
	write(b, filepath.Join(objects, "objects.yaml"), process(b, program, "render", "-f", production))
	write(b, filepath.Join(objects, "kustomization.yaml"), []byte("resources: [objects.yaml]\n"))

	folder := os.Getenv("HELM_CHART")
	if folder == "" {
		folder = filepath.Join(dir, "chart")
		if err := os.CopyFS(folder, chart.FS); err != nil {
			b.Fatal(err)
		}
	}
	values := filepath.Join(dir, "values.yaml")
	text, err := yaml.Marshal(map[string]any{
		"global": map[string]any{"tlsDisable": false},
		"server": map[string]any{"ha": map[string]any{"enabled": true, "replicas": 3, "raft": map[string]any{"enabled": true, "config": "ui = true\n"}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	write(b, values, text)

	b.Run("banhbaoring", func(b *testing.B) {
		for b.Loop() {
			process(b, program, "render", "-f", production)
		}
	})
	b.Run("helm", func(b *testing.B) {
		for b.Loop() {
			process(b, helm, "template", "banhbaoring", folder, "--namespace", "banhbaoring", "--kube-version", "1.34.0", "--values", values)
		}
	})
	b.Run("kustomize", func(b *testing.B) {
		for b.Loop() {
			process(b, kustomize, "build", objects)
		}
	})
}

func lookup(b *testing.B, variable, name string) string {
	b.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		b.Skipf("%s is not installed: set %s", name, variable)
	}
	return path
}

func write(b testing.TB, path string, text []byte) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
}
