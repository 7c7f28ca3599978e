//go:build integration

package exporter_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

// sample is one line of what a program exports.
var sample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? ([^ ]+)`)

// exported are the samples that a program exports, by name.
func exported(ctx context.Context, url, token string) (map[string][]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("X-Vault-Token", token)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // of this machine
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return nil, fmt.Errorf("%s: %s", answer.Status, text)
	}
	names := map[string][]string{}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m := sample.FindStringSubmatch(lines.Text()); m != nil {
			names[m[1]] = append(names[m[1]], lines.Text())
		}
	}
	return names, lines.Err()
}

// exportsEventually waits until a program exports all of some names.
func exportsEventually(t *testing.T, url, token string, names []string, check func(map[string][]string) error) {
	t.Helper()
	realtest.Eventually(t, url+" exports what rules and dashboards name", func(ctx context.Context) error {
		all, err := exported(ctx, url, token)
		if err != nil {
			return err
		}
		var missing []string
		for _, name := range names {
			if all[name] == nil {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("%s not among %d names", strings.Join(missing, ", "), len(all))
		}
		return check(all)
	})
}

// start starts an exporter, and returns where it exports.
func start(t *testing.T, program string, env ...string) string {
	t.Helper()
	dir := os.Getenv("EXPORTERS")
	if dir == "" {
		t.Fatal("EXPORTERS names no folder: `make integration` builds the programs into one")
	}
	listen := realtest.FreeAddress(t)
	run(t, env, filepath.Join(dir, program), "--web.listen-address="+listen)
	return "http://" + listen + "/metrics"
}

// run runs a program until the test ends, of which its log is shown if it fails.
func run(t *testing.T, env []string, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s says:\n%s", filepath.Base(program), text)
		}
	})
}

// The exporter's role is the stack's own, and each of its queries works: of one
// that the server refuses, the exporter says that it failed.
func TestPostgresExporterExportsWhatTheRulesName(t *testing.T) {
	url, sql := realtest.NewPostgres(t)
	roles, err := os.ReadFile(filepath.Join(golden.Root(t), "components", "database", "base", "files", "roles.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(roles), "GRANT pg_monitor TO banhbaoring_exporter;") {
		t.Fatal("the stack's role has other rights")
	}
	sql("CREATE ROLE banhbaoring_exporter LOGIN; GRANT pg_monitor TO banhbaoring_exporter")
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres://tester:any@"), "/")

	// A stream, as a standby has one.
	_, port, _ := strings.Cut(host, ":")
	run(t, nil, receiver(t), "--directory="+t.TempDir(), "--host=127.0.0.1", "--port="+port, "--username=tester", "--no-password")

	metrics := start(t, "postgres_exporter",
		"DATA_SOURCE_URI="+host+"/postgres?sslmode=disable&connect_timeout=5", "DATA_SOURCE_USER=banhbaoring_exporter", "DATA_SOURCE_PASS=any")
	exportsEventually(t, metrics, "", namesFrom(t, "postgres_exporter"), func(all map[string][]string) error {
		for _, name := range []string{"pg_up", "pg_exporter_last_scrape_error", "pg_scrape_collector_success"} {
			for _, line := range all[name] {
				value := line[strings.LastIndex(line, " ")+1:]
				if fails := name == "pg_exporter_last_scrape_error"; fails == (value == "1") {
					return fmt.Errorf("a query fails: %s", line)
				}
			}
		}
		if len(all["pg_scrape_collector_success"]) < 5 {
			return fmt.Errorf("only these collectors ran: %v", all["pg_scrape_collector_success"])
		}
		return nil
	})
}

// receiver is PostgreSQL's own program, and not the one that Debian puts before it.
func receiver(t *testing.T) string {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_receivewal")
	if err != nil || len(programs) == 0 {
		t.Fatal("no PostgreSQL below /usr/lib/postgresql: install the package postgresql")
	}
	return programs[len(programs)-1]
}

func TestRedisExporterExportsWhatTheRulesName(t *testing.T) {
	listen := realtest.FreeAddress(t)
	_, port, _ := strings.Cut(listen, ":")
	run(t, nil, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir(), "--requirepass", "secret")
	metrics := start(t, "redis_exporter", "REDIS_ADDR=redis://"+listen, "REDIS_PASSWORD=secret", "REDIS_EXPORTER_REDIS_ONLY_METRICS=true")
	exportsEventually(t, metrics, "", namesFrom(t, "redis_exporter"), func(all map[string][]string) error {
		if up := all["redis_up"]; len(up) != 1 || up[0] != "redis_up 1" {
			return fmt.Errorf("%v", up)
		}
		if failed := all["redis_exporter_last_scrape_error"]; len(failed) != 1 || !strings.HasSuffix(failed[0], " 0") {
			return fmt.Errorf("%v", failed)
		}
		return nil
	})
}

// stanzas are the top-level stanzas of some kinds in OpenBao's configuration.
func stanzas(t *testing.T, kinds string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.Root(t), "components", "openbao", "openbao.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?ms)^(?:`+kinds+`)[^\n]*\{$.*?^\}$`).FindAllString(string(text), -1)
	if len(found) != 2 {
		t.Fatalf("OpenBao's configuration has these: %v", found)
	}
	return strings.Join(found, "\n") + "\n"
}

// A server with the stack's own telemetry and audit log, of which a tenant's engine
// has been used, exports every name; its namespace stands in the names of routes.
func TestOpenBaoExportsWhatTheRulesName(t *testing.T) {
	b := realtest.NewOpenBao(t, realtest.OpenBaoOptions{Config: stanzas(t, "telemetry|audit")})
	root, _ := b.Initialise(t)
	namespace := jobs.TenantNamespace("acme-corp")
	b.Write(t, root, "sys/namespaces/"+namespace, nil)
	// Any engine: its name is that of the path.
	engine := namespace + "/" + jobs.PluginName
	b.Write(t, root, namespace+"/sys/mounts/"+jobs.PluginName, map[string]any{"type": "kv"})
	b.Write(t, root, engine+"/a", map[string]any{"b": "c"})

	routes := map[string]string{ // as Prometheus has them after relabelling, and as OpenBao does
		"vault_route_count": "vault_route_update_tenant_acme_corp_secp256k1__count",
		"vault_route_sum":   "vault_route_update_tenant_acme_corp_secp256k1__sum",
	}
	var names []string
	for _, name := range namesFrom(t, "run: OpenBao") {
		if raw := routes[name]; raw != "" {
			name = strings.Replace(raw, "_update_", "_create_", 1)
		}
		names = append(names, name)
	}
	exportsEventually(t, b.Peers[0]+"/v1/sys/metrics?format=prometheus", root, names, func(map[string][]string) error { return nil })
}
