//go:build integration

package initialize_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/render"
)

// secrets are the Secrets that a seal's settings name: name, key, value.
type secrets map[string]map[string]string

// sealed renders a stack with an auto-unseal, as the text of its settings, and
// returns the servers' options: the stanza word for word, and the environment and
// files that the pods get. Only the directory of the files is another.
func sealed(t *testing.T, autoUnseal string, given secrets) realtest.OpenBaoOptions {
	t.Helper()
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(`
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: test, namespace: keys}
spec: {domain: keys.example.com, openbao: {version: ` + realtest.Version(t) + `, autoUnseal: ` + autoUnseal + `}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := render.Render(in.Stacks[0], components.All())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var o realtest.OpenBaoOptions
	rendered := false
	for _, u := range objects {
		switch {
		case u.GetKind() == "ConfigMap" && strings.HasPrefix(u.GetName(), "banhbaoring-openbao"):
			o.Seal += stanza.FindString(fmt.Sprint(u.Object["data"]))
		case u.GetKind() == "StatefulSet" && u.GetName() == "banhbaoring-openbao":
			var servers appsv1.StatefulSet
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &servers); err != nil {
				t.Fatal(err)
			}
			o.Env, rendered = environment(t, servers, given, dir), true
		}
	}
	if o.Seal == "" || !rendered {
		t.Fatalf("stanza %q, servers: %v", o.Seal, rendered)
	}
	o.Seal = strings.ReplaceAll(o.Seal, "/openbao/seal/", dir+"/")
	if provider := in.Stacks[0].Cluster.Spec.OpenBao.AutoUnseal; provider.Plugin.Image != "" && v1.NeedsKMSPlugin(realtest.Version(t)) {
		o.KMSPlugin = strings.TrimSuffix(strings.TrimPrefix(strings.Fields(o.Seal)[1], `"`), `"`)
	}
	return o
}

var stanza = regexp.MustCompile(`(?s)seal "[a-z]+" \{.*?\n\}\n`)

// environment is what the server's container gets from Secrets and what names
// the seal's files, which are written to dir.
func environment(t *testing.T, servers appsv1.StatefulSet, given secrets, dir string) []string {
	t.Helper()
	var env []string
	for _, c := range servers.Spec.Template.Spec.Containers {
		if c.Name != "openbao" {
			continue
		}
		for _, e := range c.Env {
			switch {
			case e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil:
				env = append(env, e.Name+"="+value(t, given, e.ValueFrom.SecretKeyRef.Name, e.ValueFrom.SecretKeyRef.Key))
			case strings.HasPrefix(e.Name, "AWS_"):
				env = append(env, e.Name+"="+strings.ReplaceAll(e.Value, "/openbao/seal/", dir+"/"))
			}
		}
	}
	for _, v := range servers.Spec.Template.Spec.Volumes {
		if v.Name != "seal" {
			continue
		}
		for _, source := range v.Projected.Sources {
			for _, item := range source.Secret.Items {
				if err := os.WriteFile(filepath.Join(dir, item.Path), []byte(value(t, given, source.Secret.Name, item.Key)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return env
}

func value(t *testing.T, given secrets, name, key string) string {
	t.Helper()
	text, ok := given[name][key]
	if !ok {
		t.Fatalf("the pods want key %s of Secret %s, which the settings do not name", key, name)
	}
	return text
}

// A service is what the seal's key lies in.
type service struct {
	seal         realtest.OpenBaoOptions
	lose, regain func() // takes the key away from the servers, and gives it back
	rotate       func()
}

func awskms(t *testing.T) service {
	kms := realtest.NewKMS(t)
	return service{
		seal: sealedByKMS(t, kms, kms.Endpoint),
		lose: kms.Stop, regain: func() { kms.Start(t) },
		rotate: func() { kms.Point(t, kms.NewKey(t)) },
	}
}

func sealedByKMS(t *testing.T, kms *realtest.KMS, endpoint string) realtest.OpenBaoOptions {
	t.Helper()
	return sealed(t, fmt.Sprintf(`{provider: awskms, keyId: %s, region: %s, endpoint: %q, credentials: {accessKeyId: {secretName: aws, key: id}, secretAccessKey: {secretName: aws, key: secret}}}`,
		kms.Alias, realtest.KMSRegion, endpoint), secrets{"aws": {"id": "AKIATEST", "secret": "secret"}})
}

// transit is a second OpenBao whose engine holds the key. Its token may use that
// key and nothing else, as docs/initialisation.md says.
func transit(t *testing.T) service {
	other := realtest.NewOpenBao(t, realtest.OpenBaoOptions{Static: true})
	root, _ := other.Initialise(t)
	other.Write(t, root, "sys/mounts/transit", map[string]any{"type": "transit"})
	other.Write(t, root, "transit/keys/unseal", nil)
	other.Write(t, root, "sys/policies/acl/unseal", map[string]any{"policy": `
path "transit/encrypt/unseal" { capabilities = ["update"] }
path "transit/decrypt/unseal" { capabilities = ["update"] }
`})
	token, err := other.Client(t, 0, root).Logical().WriteWithContext(t.Context(), "auth/token/create-orphan", map[string]any{"policies": "unseal", "period": "24h"})
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(other.TrustFile)
	if err != nil {
		t.Fatal(err)
	}
	return service{
		seal: sealed(t, fmt.Sprintf(`{provider: transit, address: %q, keyName: unseal, token: {secretName: transit, key: token}, caCert: {secretName: transit, key: ca.crt}}`, other.Peers[0]),
			secrets{"transit": {"token": token.Auth.ClientToken, "ca.crt": string(authority)}}),
		lose: func() { other.Stop(0) },
		regain: func() {
			other.Start(t, 0)
			other.Unsealed(t, 0)
		},
		rotate: func() { other.Write(t, root, "transit/keys/unseal/rotate", nil) },
	}
}

// With a seal that another service unseals, servers start with nobody there; what
// is said while that service is away names it; and its key can be rotated.
func TestAutoUnseal(t *testing.T) {
	for name, begin := range map[string]func(*testing.T) service{"awskms": awskms, "transit": transit} {
		t.Run(name, func(t *testing.T) {
			service := begin(t)
			service.seal.Nodes = 3
			s := newStack(t, service.seal)
			s.finished(t, s.job.Run(t))
			restart := func(ordinals ...int) {
				for _, i := range ordinals {
					s.bao.Stop(i)
				}
				for _, i := range ordinals {
					s.bao.Start(t, i)
				}
				for _, i := range ordinals {
					s.bao.Unsealed(t, i)
				}
			}
			restart(0, 1, 2)
			s.bao.Voters(t, s.eventuallyLogsIn(t))

			service.lose()
			s.login(t) // whoever is unsealed stays so
			s.bao.Stop(2)
			s.bao.Launch(t, 2)
			realtest.Eventually(t, "the server says why it does not start", func(context.Context) error {
				if text := s.bao.Log(2); !strings.Contains(text, "connection refused") {
					return fmt.Errorf("it says:\n%s", text)
				}
				return nil
			})
			service.regain()
			s.bao.Unsealed(t, 2)

			service.rotate()
			restart(0, 1, 2)
			s.bao.Voters(t, s.eventuallyLogsIn(t))
			s.finished(t, s.job.Run(t))
		})
	}
}

// What AWS answers a server that may not use the key is said where a person looks:
// by the Job where the server passes it on, and else in the server's log, which the
// Job names.
func TestAKMSThatRefuses(t *testing.T) {
	kms := realtest.NewKMS(t)
	var refused atomic.Value
	refused.Store("Encrypt")
	endpoint := kms.Through(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		action := refused.Load().(string)
		if action == "" || r.Header.Get("X-Amz-Target") != "TrentService."+action {
			return false
		}
		realtest.Denied(w, r)
		return true
	})
	s := newStack(t, sealedByKMS(t, kms, endpoint))
	s.job.Deadline, s.job.Notice = 20*time.Second, time.Second
	logHint := "kubectl logs -n " + s.Namespace + " banhbaoring-openbao-0 -c openbao"
	tells := func(reason, want string) {
		t.Helper()
		o := s.job.Run(t)
		if o.Code == 0 {
			t.Fatalf("the Job succeeds:\n%s", o.Log)
		}
		events, err := s.EventsV1().Events(s.Namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events.Items {
			if e.Reason == reason && strings.Contains(e.Note, want) {
				return
			}
		}
		t.Errorf("no Event %s says %q:\n%s", reason, want, o.Log)
	}
	serverSays := func(want string) {
		t.Helper()
		realtest.Eventually(t, "the server says why", func(context.Context) error {
			starts := strings.Split(s.bao.Log(0), "--- ")
			if text := starts[len(starts)-1]; !strings.Contains(text, want) {
				return fmt.Errorf("it says:\n%s", text)
			}
			return nil
		})
	}

	// OpenBao is initialised by half then, and empty.
	tells("Failed", "not authorized to perform: kms:Encrypt")
	refused.Store("")
	tells("Failed", "its first start was cut off before the keys were stored, OpenBao is empty, and it starts anew after: kubectl delete pvc")
	s.bao.Stop(0)
	s.bao.Wipe(t, 0)
	s.bao.Start(t, 0)
	s.finished(t, s.job.Run(t))

	// It starts, and stays sealed until it may.
	refused.Store("Decrypt")
	s.bao.Stop(0)
	s.bao.Start(t, 0)
	serverSays("not authorized to perform: kms:Decrypt")
	tells("Waiting", "its seal, awskms, unseals it: hint: its log says why, if that lasts: "+logHint)
	refused.Store("")
	s.bao.Unsealed(t, 0)

	// It does not start at all.
	refused.Store("DescribeKey")
	s.bao.Stop(0)
	s.bao.Launch(t, 0)
	serverSays("not authorized to perform: kms:DescribeKey")
	tells("Waiting", "connection refused: hint: its log says why, if that lasts: "+logHint)
	refused.Store("")
	s.bao.Unsealed(t, 0)
	s.finished(t, s.job.Run(t))
}

// eventuallyLogsIn logs in once there is a leader.
func (s *stack) eventuallyLogsIn(t *testing.T) string {
	t.Helper()
	s.bao.Led(t)
	return s.login(t)
}

// What can be shown of the clouds that are not here: the server reads the whole
// stanza, and what refuses is the provider's own client, with the credentials
// from the file or the environment.
func TestSealsOfOtherCloudsAreReadByTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		autoUnseal string
		given      secrets
		says       string
	}{
		"gcpkms": {`{provider: gcpkms, project: p, location: global, keyRing: r, cryptoKey: k, credentials: {serviceAccountKey: {secretName: gcp, key: sa.json}}}`,
			secrets{"gcp": {"sa.json": `{"type": "service_account", "client_email": "a@example.com", "private_key": "none"}`}},
			"failed to create KMS client: credentials: could not parse key"},
		"azurekv": {`{provider: azurekv, tenantId: t, vaultName: v, keyName: k, credentials: {clientId: {secretName: az, key: id}, clientSecret: {secretName: az, key: secret}}}`,
			secrets{"az": {"id": "id", "secret": "secret"}},
			`error fetching Azure Key Vault wrapper key information: Get "https://v.vault.azure.net/keys/k/`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if version := realtest.Version(t); v1.NeedsKMSPlugin(version) {
				t.Skipf("OpenBao %s has this seal in a plugin, which is not here", version)
			}
			o := sealed(t, c.autoUnseal, c.given)
			config := filepath.Join(t.TempDir(), "config.hcl")
			if err := os.WriteFile(config, []byte(`
api_addr     = "http://127.0.0.1:1"
cluster_addr = "http://127.0.0.1:2"
storage "inmem" {}
listener "tcp" {
  address     = "127.0.0.1:0"
  tls_disable = true
}
`+o.Seal), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			server := exec.CommandContext(ctx, realtest.Program(t), "server", "-config="+config)
			server.Env = append(o.Env, "HOME="+filepath.Dir(config))
			out, err := server.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
