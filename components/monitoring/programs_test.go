//go:build integration

package monitoring_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

// namesOf are the metrics of rules and dashboards whose line in testdata/metrics.txt
// holds a text.
func namesOf(t *testing.T, source string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if name, from, _ := strings.Cut(strings.TrimSpace(line), " "); name != "#" && strings.Contains(from, source) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatalf("testdata/metrics.txt has nothing of %s", source)
	}
	return names
}

// start runs a program that serves at an address of its own until the test ends.
func start(t *testing.T, program string, args ...string) (url string) {
	t.Helper()
	address := ""
	for address == "" { // not one that the system gives to connections
		try := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		if listener, err := net.Listen("tcp", try); err == nil {
			address = try
			_ = listener.Close()
		}
	}
	cmd := exec.Command(program, append(args, "--web.listen-address="+address)...)
	cmd.Dir, cmd.SysProcAttr = t.TempDir(), &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%s", filepath.Base(program), log.String())
		}
	})
	return "http://" + address
}

// holdsEventually waits until what is at a URL holds all names.
func holdsEventually(t *testing.T, url string, names []string) {
	t.Helper()
	read := func() error {
		answer, err := http.Get(url)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		for _, name := range names {
			if err == nil && !bytes.Contains(text, []byte(name)) {
				err = fmt.Errorf("%s is not in %d bytes", name, len(text))
			}
		}
		return err
	}
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if err = read(); err == nil {
			return
		}
	}
	t.Error(err)
}

// Prometheus scrapes itself and has an alert that always fires: what it has stored
// then holds every name of its own.
func TestPrometheusExportsWhatTheRulesName(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yaml")
	write := func(file, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "rules.yaml"), "groups: [{name: a, interval: 1s, rules: [{alert: Always, expr: vector(1)}]}]\n")
	write(config, "rule_files: ["+filepath.Join(dir, "rules.yaml")+"]\n")
	url := start(t, filepath.Join(programs(t), "prometheus"), "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.enable-lifecycle")
	write(config, "rule_files: ["+filepath.Join(dir, "rules.yaml")+"]\nscrape_configs: [{job_name: self, scrape_interval: 1s, static_configs: [{targets: ["+strings.TrimPrefix(url, "http://")+"]}]}]\n")
	holdsEventually(t, url+"/-/ready", nil)
	answer, err := http.Post(url+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	var quotedNames []string
	for _, name := range namesOf(t, "Prometheus 3") {
		quotedNames = append(quotedNames, `"`+name+`"`)
	}
	holdsEventually(t, url+"/api/v1/label/__name__/values", quotedNames)
}

func TestAlertmanagerExportsWhatTheRulesName(t *testing.T) {
	config := filepath.Join(t.TempDir(), "alertmanager.yaml")
	if err := os.WriteFile(config, []byte("route: {receiver: none}\nreceivers: [{name: none}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := start(t, filepath.Join(programs(t), "alertmanager"), "--config.file="+config, "--storage.path="+t.TempDir(), "--cluster.listen-address=")
	var names []string
	for _, name := range namesOf(t, "alertmanager") {
		names = append(names, "\n"+name)
	}
	holdsEventually(t, url+"/metrics", names)
}
