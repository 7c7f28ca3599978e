//go:build integration

package monitoring_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/components/monitoring"
	"github.com/banhbaoring/banhbaoring/golden"
)

// programs is the folder that e2e/prometheus/build fills.
func programs(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PROMETHEUS_PROGRAMS")
	if dir == "" {
		t.Fatal("PROMETHEUS_PROGRAMS names no folder: e2e/prometheus/build makes one")
	}
	return dir
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", filepath.Base(program), args, err, out)
	}
}

func TestRulesPassPrometheusOwnTest(t *testing.T) {
	promtool := filepath.Join(programs(t), "promtool")
	run(t, promtool, "check", "rules", "base/rules.yaml")
	run(t, promtool, "test", "rules", "testdata/rules_test.yaml")
}

func TestTheProgramsAcceptTheirConfiguration(t *testing.T) {
	dir := programs(t)
	for name, spec := range map[string]string{
		"default":  "",
		"alerting": receivers,
		"silent":   "monitoring: {alerting: {enabled: true}}",
		"2.4":      "openbao: {version: 2.4.0}",
	} {
		t.Run(name, func(t *testing.T) {
			for _, u := range golden.Render(t, monitoring.Component(), spec) {
				if u.GetKind() != "ConfigMap" {
					continue
				}
				var cm corev1.ConfigMap
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &cm); err != nil {
					t.Fatal(err)
				}
				for key, text := range cm.Data {
					file := filepath.Join(t.TempDir(), key)
					if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
					switch key {
					case "prometheus.yaml":
						run(t, filepath.Join(dir, "promtool"), "check", "config", "--syntax-only", file)
					case "alertmanager.yaml":
						run(t, filepath.Join(dir, "amtool"), "check-config", file)
					case "rules.yaml":
						run(t, filepath.Join(dir, "promtool"), "check", "rules", file)
					}
				}
			}
		})
	}
}
