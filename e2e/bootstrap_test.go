//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// highlyAvailable is a stack of three nodes with a Shamir seal, a replicated
// database, a Redis cluster, an API and a dashboard. The program's and the
// plugin's images come by imageRegistry, the others by their fields.
const highlyAvailable = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: production, namespace: "%NAMESPACE%"}
spec:
  domain: keys.example.com
  plan: starter
  imageRegistry: mirror.example.com
  openbao:
    version: 2.4.0
    image: quay.io/openbao/openbao:2.4.0
    replicas: 3
    plugin: {version: 1.1.0}
    resources: {requests: {cpu: 20m, memory: 64Mi}}
  database: {version: "15", image: "docker.io/library/postgres:15", replicas: 2, resources: {requests: {cpu: 20m, memory: 64Mi}}}
  redis: {version: "7", image: "docker.io/library/redis:7", mode: cluster, replicas: 3, resources: {requests: {cpu: 20m, memory: 16Mi}}}
  api: {image: "localhost/http:1", replicas: 2, resources: {requests: {cpu: 20m, memory: 16Mi}}}
  dashboard: {image: "localhost/http:1", replicas: 1, resources: {requests: {cpu: 20m, memory: 16Mi}}}
  monitoring: {enabled: false}
  jobs: {version: 0.1.0}
  rerun: {secrets: "1"}
  patches:
  - target: {kind: Deployment, name: banhbaoring-api}
    patch: '[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "PORT", "value": "8080"}}]'
`

// bootstrapTest is a test of the stack that TestBootstrap has started.
type bootstrapTest struct {
	name string
	run  func(*testing.T, *installed, *signing)
}

// TestBootstrap applies a whole stack at once and waits for nothing but
// readiness; then it breaks and changes it, while something signs.
func TestBootstrap(t *testing.T) {
	s := newInstalled(t, "bootstrap", highlyAvailable)
	start := time.Now()
	s.apply()
	s.ready(6 * time.Minute)
	t.Logf("from apply to all ready: %s", time.Since(start).Round(time.Second))

	s.must("a key", s.withAPIToken, "bao write -f secp256k1/keys/e2e")
	signing := startSigning(t, s)

	t.Run("OpenBao is unsealed with three voters, and the database and Redis work", func(t *testing.T) {
		s.t = t
		s.wantVoters(3)
		if got := strings.TrimSpace(kubectl(t, "", "exec", "-n", s.ns, "banhbaoring-postgres-0", "-c", "postgres", "--", "psql", "-U", "postgres", "-Atc", "select count(*) from pg_stat_replication where state = 'streaming'")); got != "1" {
			t.Errorf("%s standbys stream", got)
		}
		state := kubectl(t, "", "exec", "-n", s.ns, "banhbaoring-redis-0", "-c", "redis", "--", "sh", "-c", "redis-cli cluster info")
		if !strings.Contains(state, "cluster_state:ok") {
			t.Errorf("Redis: %s", state)
		}
	})
	t.Run("the root token is gone", func(t *testing.T) {
		data := secretData(t, s.ns, jobs.SecretOpenBaoKeys)
		if _, there := data["root-token"]; there {
			t.Error("it is in the Secret still")
		}
	})
	t.Run("what is requested is audited", func(t *testing.T) {
		eventually(t, time.Minute, "a signature in the audit log", func() error {
			if !strings.Contains(s.logs(), `"path":"secp256k1/sign/e2e"`) {
				return fmt.Errorf("there is none")
			}
			return nil
		})
	})
	t.Run("metrics answer without a token on their own port, and nowhere else", func(t *testing.T) {
		metrics := func(port string) (string, string, error) {
			return try("", "exec", "-n", s.ns, jobs.OpenBaoName+"-0", "-c", "openbao", "--", "sh", "-c", "BAO_ADDR=https://127.0.0.1:"+port+" bao read -format=json sys/metrics")
		}
		if text, stderr, err := metrics("8210"); err != nil || !strings.Contains(text, "vault.core.unsealed") {
			t.Errorf("no vault.core.unsealed: %v %s", err, stderr)
		}
		if text, stderr, err := metrics("8200"); err == nil || !strings.Contains(stderr, "permission denied") {
			t.Errorf("the port of the API: %v %s%.80s", err, stderr, text)
		}
	})
	t.Run("applying the same again changes nothing", func(t *testing.T) {
		s.t = t
		before := s.generations()
		s.apply()
		time.Sleep(3 * time.Second) // what a change would set off has begun by then
		if after := s.generations(); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	})
	t.Run("each pod that is deleted comes back unsealed", func(t *testing.T) {
		s.t = t
		for pod := range 3 {
			kubectl(t, "", "delete", "pod", "-n", s.ns, fmt.Sprintf("%s-%d", jobs.OpenBaoName, pod))
			s.ready(2 * time.Minute)
			s.wantVoters(3)
		}
	})
	t.Run("the leader is killed", func(t *testing.T) {
		s.t = t
		leader, err := s.leader()
		if err != nil {
			t.Fatal(err)
		}
		kubectl(t, "", "delete", "pod", "-n", s.ns, leader, "--grace-period=0", "--force")
		signing.goesOn(t)
		s.ready(2 * time.Minute)
		s.wantVoters(3)
	})
	for _, more := range moreOfBootstrap {
		t.Run(more.name, func(t *testing.T) {
			s.t = t
			more.run(t, s, signing)
		})
	}
	t.Run("OpenBao, the plugin and the renderer get other versions", func(t *testing.T) {
		s.t = t
		s.change("version: 2.4.0\n    image: quay.io/openbao/openbao:2.4.0", "version: 2.4.1\n    image: quay.io/openbao/openbao:2.4.1")
		s.change("plugin: {version: 1.1.0}", "plugin: {version: 1.1.1}")
		s.change("jobs: {version: 0.1.0}", "jobs: {version: 0.1.1}")
		s.apply()
		s.ready(6 * time.Minute)
		s.wantVoters(3)
		signing.goesOn(t)
		if out := s.must("the mount's plugin", s.as(jobs.Configure), "bao read -format=json sys/mounts/secp256k1"); !strings.Contains(out, `"running_plugin_version": "v1.1.1"`) {
			t.Errorf("the mount is\n%s", out)
		}
	})
	t.Run("all Jobs run again", func(t *testing.T) {
		s.t = t
		s.change(`rerun: {secrets: "1"}`, `rerun: {secrets: "2", init: "2", peers: "2", configure: "2", redis: "2", tenants: "2"}`)
		before := secretsDigest(t, s.ns)
		s.apply()
		s.ready(3 * time.Minute)
		if after := secretsDigest(t, s.ns); after != before {
			t.Errorf("Secrets before:\n%s\nafter:\n%s", before, after)
		}
	})
	t.Run("five nodes, and three again", func(t *testing.T) {
		s.t = t
		s.change("replicas: 3\n    plugin", "replicas: 5\n    plugin")
		s.apply()
		s.ready(4 * time.Minute)
		s.wantVoters(5)
		s.change("replicas: 5\n    plugin", "replicas: 3\n    plugin")
		s.stages()
		s.wantVoters(3)
	})
	signing.stop(t)
	t.Run("no server was unsealed twice", func(t *testing.T) {
		s.t = t
		s.unsealedOnce()
	})
	t.Run("no Secret's value is anywhere else", func(t *testing.T) {
		s.t = t
		s.search()
	})
}

// stages applies stage by stage and waits for the health of each, as Argo CD
// does with its waves and Flux with dependsOn.
func (s *installed) stages() {
	s.t.Helper()
	for _, stage := range []string{"foundation", "secrets", "guard", "data", "openbao", "configure", "clients", "tenants", "applications", "monitoring", "exposure"} {
		out := s.render("--stage", stage)
		if strings.TrimSpace(out) == "" {
			continue
		}
		kubectl(s.t, out, "apply", "--server-side", "--validate=strict", "-f", "-")
		if stage == "exposure" {
			return // nothing waits for it
		}
		eventually(s.t, 8*time.Minute, "stage "+stage, func() error {
			current, stderr, err := try(out, "get", "-f", "-", "-o", "json")
			if err != nil {
				return fmt.Errorf("%w: %s", err, stderr)
			}
			var list struct{ Items []object }
			if err := json.Unmarshal([]byte(current), &list); err != nil {
				return err
			}
			for _, o := range list.Items {
				if why := o.unready(); why != "" {
					return fmt.Errorf("%s", why)
				}
			}
			return nil
		})
	}
}

// search looks for the values of all Secrets in what others may read.
func (s *installed) search() {
	s.t.Helper()
	places := map[string]string{"logs": s.logs()}
	for _, kind := range []string{"events", "configmaps", "pods", "jobs", "statefulsets", "deployments", "leases"} {
		places[kind] = kubectl(s.t, "", "get", "-n", s.ns, kind, "-o", "json")
	}
	out := kubectl(s.t, "", "get", "secrets", "-n", s.ns, "-o", "json")
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Data     map[string][]byte
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		s.t.Fatal(err)
	}
	searched := 0
	for _, secret := range list.Items {
		for key, value := range secret.Data {
			for _, text := range secretTexts(key, string(value)) {
				searched++
				for place, content := range places {
					if strings.Contains(content, text) {
						s.t.Errorf("a value of %s, key %s, is in the %s", secret.Metadata.Name, key, place)
					}
				}
			}
		}
	}
	if searched < 10 || len(places["logs"]) < 10_000 {
		s.t.Errorf("searched for only %d values in %d bytes of logs", searched, len(places["logs"]))
	}
	s.t.Logf("searched for %d values in %d bytes of logs, and in Events, ConfigMaps and workloads", searched, len(places["logs"]))
}

// secretTexts are the texts that give a Secret's value away: its lines, plain
// and in base64. Names that everybody may know, and certificates, are none.
func secretTexts(key, value string) []string {
	switch key {
	case "ca.crt", "tls.crt", "username", "namespace", "address", "database", "addresses", "threshold", "initialized", "configured", "issued":
		return nil
	case "url":
		if !strings.Contains(value, "@") { // no login
			return nil
		}
	}
	var texts []string
	for line := range strings.Lines(value) {
		if line = strings.TrimSpace(line); len(line) >= 16 && !strings.HasPrefix(line, "-----") {
			texts = append(texts, line)
		}
	}
	if len(value) >= 16 {
		texts = append(texts, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	return texts
}

// secretData is a Secret's data.
func secretData(t *testing.T, ns, name string) map[string][]byte {
	t.Helper()
	var secret struct{ Data map[string][]byte }
	if err := json.Unmarshal([]byte(kubectl(t, "", "get", "secret", "-n", ns, name, "-o", "json")), &secret); err != nil {
		t.Fatal(err)
	}
	return secret.Data
}

// secretsDigest changes when any Secret's data does.
func secretsDigest(t *testing.T, ns string) string {
	t.Helper()
	return kubectl(t, "", "get", "secrets", "-n", ns, "-o", `go-template={{range .items}}{{.metadata.name}} {{.metadata.uid}} {{range $k, $v := .data}}{{$k}}={{len $v}} {{end}}{{.metadata.resourceVersion}}{{"\n"}}{{end}}`)
}

// signing signs with the API's token, again and again.
type signing struct {
	s      *installed
	cancel context.CancelFunc
	done   sync.WaitGroup

	mutex       sync.Mutex
	count       int
	last        time.Time
	longest     time.Duration
	wrong, said string
}

func startSigning(t *testing.T, s *installed) *signing {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	g := &signing{s: s, cancel: cancel, last: time.Now()}
	g.done.Add(1)
	go func() {
		defer g.done.Done()
		for ctx.Err() == nil {
			g.once()
			time.Sleep(2 * time.Second) // a signature starts five programs
		}
	}()
	t.Cleanup(func() { cancel(); g.done.Wait() })
	g.goesOn(t)
	return g
}

// once signs once, and has what came out verified by a program of its own.
func (g *signing) once() {
	out, err := g.s.withAPIToken(`bao write -format=json secp256k1/sign/e2e input=` + base64.StdEncoding.EncodeToString([]byte("message")) + ` output_format=der; bao read -format=json secp256k1/keys/e2e`)
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if err != nil {
		g.said = err.Error()
		return
	}
	if err := verifyOutside(out, "message"); err != nil {
		g.wrong = err.Error()
		return
	}
	g.count++
	g.longest = max(g.longest, time.Since(g.last))
	g.last = time.Now()
}

// goesOn waits for more signatures.
func (g *signing) goesOn(t *testing.T) {
	t.Helper()
	g.mutex.Lock()
	before := g.count
	g.mutex.Unlock()
	eventually(t, 3*time.Minute, "it signs", func() error {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		if g.wrong != "" {
			t.Fatal(g.wrong)
		}
		if g.count < before+2 {
			return fmt.Errorf("%d signatures; last: %s", g.count, g.said)
		}
		return nil
	})
}

func (g *signing) stop(t *testing.T) {
	t.Helper()
	g.goesOn(t)
	g.cancel()
	g.done.Wait()
	if g.wrong != "" {
		t.Error(g.wrong)
	}
	t.Logf("%d signatures, each verified with openssl; the longest time between two: %s", g.count, g.longest.Round(time.Millisecond))
}

// verifyOutside verifies with openssl what the API was answered: the signature,
// then the key.
func verifyOutside(answers, message string) error {
	var signature, key struct{ Data map[string]any }
	decoder := json.NewDecoder(strings.NewReader(answers))
	if err := decoder.Decode(&signature); err != nil {
		return err
	}
	if err := decoder.Decode(&key); err != nil {
		return err
	}
	text, _ := signature.Data["signature"].(string)
	public, _ := key.Data["public_key"].(string)
	cmd := exec.Command("testdata/verify", public, text)
	cmd.Stdin = strings.NewReader(message)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("openssl: %w: %s\n%s", err, out, answers)
	}
	return nil
}
