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

// applications is a stack whose API and dashboard are the stand-in server, which
// listens on $PORT, and whose migration is a shell that looks at what it is given.
const applications = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata:
  name: applications
  namespace: app-test
spec:
  domain: %s
  api:
    image: localhost/http:1
    resources: {requests: {cpu: 20m, memory: 16Mi}, limits: {memory: 64Mi}}
    autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 3}
    migrations:
      command:
      - sh
      - -ec
      - |
        test "$BANHBAO_DATABASE_PASSWORD" = database-password
        test "$BANHBAO_DATABASE_HOST" = banhbaoring-postgres-primary.app-test.svc
        grep -q "an authority" "$PGSSLROOTCERT"
        if touch /file 2>/dev/null; then exit 1; fi
        touch /tmp/file
    oauth:
      github:
        clientId: {name: oauth, key: id}
        clientSecret: {name: oauth, key: secret}
  dashboard:
    image: localhost/http:1
    replicas: 2
    resources: {requests: {cpu: 20m, memory: 16Mi}, limits: {memory: 64Mi}}
  openbao:
    tls: {issuer: letsencrypt}
  networking:
    ingressClassName: nginx
  patches:
  - target: {kind: Deployment, name: banhbaoring-api}
    patch: '[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "PORT", "value": "8080"}}]'
  - target: {kind: Job, name: banhbaoring-migrate}
    patch: '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "docker.io/library/busybox:1"}]'
`

// TestApplicationsBecomeReadyAndRoll applies the API and the dashboard, with the
// Secrets that Jobs will make made here.
func TestApplicationsBecomeReadyAndRoll(t *testing.T) {
	t.Parallel()
	const ns = "app-test"
	namespace(t, ns)
	file := filepath.Join(t.TempDir(), "spec.yaml")
	apply := func(domain string, stages ...string) {
		t.Helper()
		if err := os.WriteFile(file, fmt.Appendf(nil, applications, domain), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, stage := range stages {
			kubectl(t, render(t, "-f", file, "--stage", stage), "apply", "--server-side", "--validate=strict", "-f", "-")
		}
	}
	apply("one.example.com", "foundation")
	for name, data := range map[string]map[string][]byte{
		jobs.SecretTrust:      {"ca.crt": []byte("an authority\n")},
		jobs.SecretAPIOpenBao: {"token": []byte("openbao-token")},
		jobs.SecretPostgres:   {"username": []byte("keys"), "password": []byte("database-password"), "database": []byte("keys")},
		jobs.SecretRedis:      {"password": []byte("redis-password")},
		"oauth":               {"id": []byte("id"), "secret": []byte("oauth-secret")},
	} {
		makeSecret(t, ns, name, data)
	}
	apply("one.example.com", "applications", "exposure")

	get := func(args ...string) string {
		t.Helper()
		return kubectl(t, "", append([]string{"get", "-n", ns}, args...)...)
	}
	ready := func() {
		t.Helper()
		rolledOut(t, ns, "deployment/banhbaoring-api", "deployment/banhbaoring-dashboard")
	}
	ready()

	t.Run("the Services answer", func(t *testing.T) {
		for _, path := range []string{"banhbaoring-api:http/proxy/ready", "banhbaoring-api:http/proxy/health", "banhbaoring-dashboard:http/proxy/"} {
			eventually(t, time.Minute, path, func() error {
				_, stderr, err := try("", "get", "--raw", "/api/v1/namespaces/"+ns+"/services/"+path)
				if err != nil {
					return fmt.Errorf("%w: %s", err, stderr)
				}
				return nil
			})
		}
	})
	t.Run("the migration has read what it needs", func(t *testing.T) {
		eventually(t, time.Minute, "one Job is complete", func() error {
			if done := get("jobs", "-l", "app.kubernetes.io/component=migrate", "-o", "jsonpath={.items[*].status.succeeded}"); done != "1" {
				return fmt.Errorf("succeeded: %q", done)
			}
			return nil
		})
	})
	t.Run("the autoscaler has the number of pods for its own", func(t *testing.T) {
		eventually(t, time.Minute, "the least number of pods runs", func() error {
			if n := get("deployment", "banhbaoring-api", "-o", "jsonpath={.spec.replicas}"); n != "2" {
				return fmt.Errorf("replicas: %s", n)
			}
			return nil
		})
		apply("one.example.com", "applications") // as an engine does, again and again
		if n := get("deployment", "banhbaoring-api", "-o", "jsonpath={.spec.replicas}"); n != "2" {
			t.Errorf("the same manifests again set the replicas to %s", n)
		}
	})
	t.Run("each host has an Ingress", func(t *testing.T) {
		hosts := strings.Fields(get("ingress", "-o", `jsonpath={range .items[*]}{.spec.rules[0].host}{"\n"}{end}`))
		if len(hosts) != 4 || hosts[0] != "api.one.example.com" {
			t.Errorf("got %v", hosts)
		}
	})
	t.Run("another domain rolls both", func(t *testing.T) {
		before := get("pods", "-l", "app.kubernetes.io/component in (api, dashboard)", "-o", "name")
		apply("two.example.com", "applications", "exposure")
		ready()
		eventually(t, time.Minute, "the old pods are gone", func() error {
			now := get("pods", "-l", "app.kubernetes.io/component in (api, dashboard)", "-o", "name")
			for _, pod := range strings.Fields(before) {
				if strings.Contains(now, pod) {
					return fmt.Errorf("%s is still there", pod)
				}
			}
			return nil
		})
		if url := get("configmap", "banhbaoring-dashboard", "-o", "jsonpath={.data.API_URL}"); url != "https://api.two.example.com" {
			t.Errorf("API_URL is %s", url)
		}
	})
	t.Run("the same again rolls nothing", func(t *testing.T) {
		generations := func() string {
			return get("deployments", "-o", "jsonpath={.items[*].metadata.generation} {.items[*].status.updatedReplicas}")
		}
		before := generations()
		apply("two.example.com", "applications")
		if after := generations(); after != before {
			t.Errorf("%s became %s", before, after)
		}
	})
}
