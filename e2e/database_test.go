//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// databaseSpec runs the images that the test cluster has. That of the exporter is
// nowhere.
const databaseSpec = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: database, namespace: db-test}
spec:
  domain: keys.example.com
  database:
    version: "15"
    replicas: 3
    exporter: {image: "localhost/absent:1"}
    storage: {size: 1Gi}
    resources: {requests: {cpu: 50m, memory: 128Mi}, limits: {memory: 512Mi}}
`

// TestDatabaseStreamsAndSurvives starts a primary and two standbys, with the
// Secrets made here.
func TestDatabaseStreamsAndSurvives(t *testing.T) {
	t.Parallel()
	const ns = "db-test"
	namespace(t, ns)
	file := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(file, []byte(databaseSpec), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, render(t, "-f", file, "--stage", "foundation"), "apply", "--server-side", "--validate=strict", "-f", "-")
	makeDatabaseSecrets(t, ns)
	kubectl(t, render(t, "-f", file, "--stage", "data"), "apply", "--server-side", "--validate=strict", "-f", "-", "-l", "app.kubernetes.io/component=database")
	kubectl(t, render(t, "-f", file, "--stage", "exposure"), "apply", "--server-side", "--validate=strict", "-f", "-", "-l", "app.kubernetes.io/component=postgres-exporter")

	pod := func(ordinal int) string { return fmt.Sprintf("%s-%d", jobs.PostgresName, ordinal) }
	ready := func(t *testing.T, ordinals ...int) {
		t.Helper()
		for _, n := range ordinals {
			eventually(t, 90*time.Second, pod(n)+" is ready", func() error {
				out, _, err := try("", "get", "pod", "-n", ns, pod(n), "-o", `jsonpath={.metadata.deletionTimestamp}{.status.conditions[?(@.type=="Ready")].status}`)
				if err == nil && out != "True" {
					err = fmt.Errorf("ready: %q", out)
				}
				return err
			})
		}
	}
	// own asks a pod's server through its socket, as the superuser.
	own := func(ordinal int, query string) (string, error) {
		stdout, stderr, err := try("", "exec", "-n", ns, pod(ordinal), "-c", "postgres", "--", "psql", "-U", "postgres", "-d", "banhbaoring", "-v", "ON_ERROR_STOP=1", "-qAtc", query)
		if err != nil {
			err = fmt.Errorf("%w: %s", err, stderr)
		}
		return strings.TrimSpace(stdout), err
	}
	// client asks a Service over TLS, as the control plane does: from another
	// pod of the namespace, with the Secret's password.
	client := func(service, options, query string) (string, error) {
		stdout, stderr, err := try("", "exec", "-n", ns, pod(2), "-c", "postgres", "--", "sh", "-ec",
			`PGPASSWORD=$(cat /etc/banhbaoring-postgres-credentials/password) exec psql "host=$0 user=banhbaoring dbname=banhbaoring $1" -v ON_ERROR_STOP=1 -qAtc "$2"`,
			service, options, query)
		if err != nil {
			err = fmt.Errorf("%w: %s", err, stderr)
		}
		return strings.TrimSpace(stdout), err
	}
	const verified = "sslmode=verify-full sslrootcert=/etc/banhbaoring-trust/ca.crt"
	write := func(t *testing.T, value string) {
		t.Helper()
		if _, err := client(jobs.PostgresPrimary, verified, "INSERT INTO probe VALUES ('"+value+"')"); err != nil {
			t.Fatalf("writing %s: %v", value, err)
		}
	}
	holds := func(t *testing.T, ordinal int, want string) {
		t.Helper()
		eventually(t, 30*time.Second, fmt.Sprintf("%s holds %s", pod(ordinal), want), func() error {
			got, err := own(ordinal, "SELECT string_agg(value, ' ' ORDER BY value) FROM probe")
			if err == nil && got != want {
				err = fmt.Errorf("holds %q", got)
			}
			return err
		})
	}
	streaming := func(t *testing.T) {
		t.Helper()
		eventually(t, 60*time.Second, "both standbys stream over TLS", func() error {
			got, err := own(0, "SELECT string_agg(application_name || state || ssl, ' ' ORDER BY application_name) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)")
			if err == nil && got != "standby_1streamingtrue standby_2streamingtrue" {
				err = fmt.Errorf("got %q", got)
			}
			return err
		})
	}

	ready(t, 0, 1, 2)
	streaming(t)
	t.Run("an exporter without an image costs metrics, and nothing else", func(t *testing.T) {
		eventually(t, time.Minute, "the exporter waits for its image", func() error {
			out, _, err := try("", "get", "pod", "-n", ns, "banhbaoring-postgres-exporter-0", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason}")
			if err == nil && !strings.Contains(out, "Image") {
				err = fmt.Errorf("got %q", out)
			}
			return err
		})
		ready(t, 0, 1, 2)
	})
	if _, err := client(jobs.PostgresPrimary, verified, "CREATE TABLE probe (value text)"); err != nil {
		t.Fatal(err)
	}
	write(t, "a")

	t.Run("a row is read from a standby, which refuses writes", func(t *testing.T) {
		holds(t, 1, "a")
		holds(t, 2, "a")
		for standby := 0; standby < 3; { // the Service chooses among all pods
			recovering, err := client(jobs.PostgresReplicas, verified, "SELECT pg_is_in_recovery() || value FROM probe")
			if err != nil {
				t.Fatal(err)
			}
			if recovering == "truea" {
				standby++
			}
		}
		if _, err := own(1, "INSERT INTO probe VALUES ('x')"); err == nil || !strings.Contains(err.Error(), "read-only transaction") {
			t.Errorf("a standby takes writes: %v", err)
		}
	})
	t.Run("logins from elsewhere need TLS, and the superuser has none", func(t *testing.T) {
		if _, err := client(jobs.PostgresPrimary, "sslmode=disable", "SELECT 1"); err == nil || !strings.Contains(err.Error(), "no encryption") {
			t.Errorf("without TLS: %v", err)
		}
		if _, err := client(jobs.PostgresPrimary, verified+" user=postgres", "SELECT 1"); err == nil || !strings.Contains(err.Error(), "rejects connection") {
			t.Errorf("as the superuser: %v", err)
		}
	})
	t.Run("the exporter's role sees statistics, and no table", func(t *testing.T) {
		exporter := "host=" + pod(0) + "." + jobs.PostgresName + " user=banhbaoring_exporter " + verified
		out, stderr, err := try("", "exec", "-n", ns, pod(0), "-c", "postgres", "--", "env", "PGPASSWORD=statistics", "psql", exporter+" dbname=postgres", "-Atc", "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'")
		if err != nil || strings.TrimSpace(out) != "t" {
			t.Errorf("%q %v %s", out, err, stderr)
		}
		if _, stderr, err := try("", "exec", "-n", ns, pod(0), "-c", "postgres", "--", "env", "PGPASSWORD=statistics", "psql", exporter+" dbname=banhbaoring", "-c", "TABLE probe"); err == nil || !strings.Contains(stderr, "rejects connection") {
			t.Errorf("reads the table: %v %s", err, stderr)
		}
	})
	t.Run("a standby's pod comes back with what it missed", func(t *testing.T) {
		kubectl(t, "", "delete", "pod", "-n", ns, pod(1))
		write(t, "b")
		ready(t, 1)
		holds(t, 1, "a b")
	})
	t.Run("the primary's pod comes back with its data", func(t *testing.T) {
		write(t, "c")
		kubectl(t, "", "delete", "pod", "-n", ns, pod(0))
		ready(t, 0)
		holds(t, 0, "a b c")
		streaming(t)
		write(t, "d")
		holds(t, 1, "a b c d")
		holds(t, 2, "a b c d")
	})
	t.Run("a password that changes in the Secret is taken over without a restart", func(t *testing.T) {
		kubectl(t, "", "patch", "secret", "-n", ns, jobs.SecretPostgres, "-p", `{"stringData":{"password":"another"}}`)
		eventually(t, 110*time.Second, "the new password holds", func() error {
			_, stderr, err := try("", "exec", "-n", ns, pod(2), "-c", "postgres", "--", "env", "PGPASSWORD=another", "psql", "host="+jobs.PostgresPrimary+" user=banhbaoring dbname=banhbaoring "+verified, "-Atc", "SELECT 1")
			if err != nil {
				err = fmt.Errorf("%w: %s", err, stderr)
			}
			return err
		})
	})
	refuses := func(t *testing.T, ordinal int, want string) {
		t.Helper()
		eventually(t, 90*time.Second, pod(ordinal)+" refuses and says why", func() error {
			out, _, err := try("", "get", "pod", "-n", ns, pod(ordinal), "-o", "jsonpath={.status.initContainerStatuses[0].state}{.status.initContainerStatuses[0].lastState}")
			if err == nil && !strings.Contains(out, want) {
				err = fmt.Errorf("got %s", out)
			}
			return err
		})
	}
	t.Run("a data directory of another major version is refused", func(t *testing.T) {
		kubectl(t, "", "exec", "-n", ns, pod(2), "-c", "postgres", "--", "sh", "-c", "echo 14 >/pgdata/data/PG_VERSION")
		kubectl(t, "", "delete", "pod", "-n", ns, pod(2))
		refuses(t, 2, "was written by PostgreSQL 14, and this is PostgreSQL 15")
	})
	t.Run("a primary that lost its volume does not make a new database, and copies a promoted standby", func(t *testing.T) {
		kubectl(t, "", "exec", "-n", ns, pod(0), "-c", "postgres", "--", "sh", "-c", "mv /pgdata/data /pgdata/lost")
		kubectl(t, "", "delete", "pod", "-n", ns, pod(0), "--grace-period=1")
		refuses(t, 0, "remedy: promote the standby")
		kubectl(t, "", "exec", "-n", ns, pod(1), "-c", "postgres", "--", "pg_ctl", "promote")
		kubectl(t, "", "delete", "pod", "-n", ns, pod(0), "--grace-period=1") // it need not wait its turn
		ready(t, 0)
		holds(t, 0, "a b c d")
	})
	t.Run("the promoted standby is cloned again, and follows", func(t *testing.T) {
		kubectl(t, "", "exec", "-n", ns, pod(1), "-c", "postgres", "--", "mv", "/pgdata/data", "/pgdata/old")
		kubectl(t, "", "delete", "pod", "-n", ns, pod(1), "--grace-period=1")
		ready(t, 1)
		holds(t, 1, "a b c d")
		if _, err := own(0, "INSERT INTO probe VALUES ('e')"); err != nil {
			t.Fatal(err)
		}
		holds(t, 1, "a b c d e")
	})
}

// makeDatabaseSecrets makes what the secrets Job will mint. The passwords hold
// what a file of passwords and a URL must escape.
func makeDatabaseSecrets(t *testing.T, ns string) {
	t.Helper()
	makeCertificate(t, ns, jobs.SecretPostgresTLS, jobs.PostgresDNSNames(ns))
	makeSecret(t, ns, jobs.SecretPostgres, map[string][]byte{
		"username": []byte(jobs.PostgresDatabase), "database": []byte(jobs.PostgresDatabase),
		"password": []byte(`a:b\c'd`), "replication-password": []byte(`e:f\g'h`), "url": []byte("unused"),
	})
	makeSecret(t, ns, jobs.SecretPostgresExporter, map[string][]byte{"password": []byte("statistics")})
}
