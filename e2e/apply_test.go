//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/docs"
)

// brokenBucket wants a backup before every upgrade, in a bucket that nothing
// answers for.
const brokenBucket = `
  backup:
    enabled: true
    guard: required
    destination: {s3: {endpoint: "http://s3.nowhere.example.com:7070", bucket: backups, region: us-east-1, pathStyle: true, credentials: {secretName: s3-credentials}}}
`

// run runs the command on the spec as it is now.
func (s *installed) run(verb string, args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	s.render() // writes the file
	var o, e bytes.Buffer
	cmd := exec.Command(program, append([]string{verb, "-f", s.file}, args...)...)
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// mustRun is run, which must succeed, and returns all that was said.
func (s *installed) mustRun(verb string, args ...string) string {
	s.t.Helper()
	stdout, stderr, code := s.run(verb, args...)
	if code != 0 {
		s.t.Fatalf("%s: exit %d\n%s%s", verb, code, stdout, stderr)
	}
	s.t.Logf("%s%s", stderr, stdout)
	return stderr + stdout
}

// TestApply brings the example for the test cluster up from nothing with the
// program's own command, breaks its guard, takes a part away, uninstalls it and
// brings it back with its keys.
func TestApply(t *testing.T) {
	t.Parallel()
	spec, err := os.ReadFile("../examples/test-cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := newInstalled(t, "banhbaoring", string(spec))
	s.wantStatus("namespace "+s.ns+": there is no stack", "")
	start := time.Now()
	out := s.mustRun("apply")
	t.Logf("from nothing to ready: %s", time.Since(start).Round(time.Second))
	if err := s.unready("jobs,statefulsets,deployments"); err != nil {
		t.Errorf("it ended before all was ready: %v", err)
	}
	ordered(t, out, "foundation: ", "secrets: ", "data: ", "openbao: ", "configure: ", "exposure: ", "is applied: ")
	t.Logf("Warnings of a first start:\n%s", kubectl(t, "", "get", "events", "-n", s.ns, "--field-selector=type=Warning", "-o", `go-template={{range .items}}{{.reason}} {{.involvedObject.kind}}/{{.involvedObject.name}}: {{.message}}{{"\n"}}{{end}}`))
	s.must("a key", s.withAPIToken, "bao write -f secp256k1/keys/e2e")
	s.readme()
	signing := startSigning(t, s)
	signing.stop(t)
	s.unsealedOnce()
	s.search()

	t.Run("applying the same again changes nothing", func(t *testing.T) {
		s.t = t
		if out := s.mustRun("apply"); !strings.Contains(out, "is applied: 0 created, 0 configured, ") || !strings.Contains(out, " 0 pruned") {
			t.Error("it did")
		}
	})
	t.Run("its state is told, and what is wrong with it", s.tellsWhatIsWrong)
	t.Run("what the guard does not let pass stops before OpenBao rolls", func(t *testing.T) {
		s.t = t
		good := s.spec
		s.spec += brokenBucket
		s.change("version: 2.4.0", "version: 2.4.0\n    podLabels: {rolled: \"yes\"}")
		kubectl(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s3-credentials, namespace: "+s.ns+"}\nstringData: {access-key-id: wrong, secret-access-key: wrong}\n", "apply", "-f", "-")
		workloads := func() string {
			return kubectl(t, "", "get", "-n", s.ns, "statefulset,deployment", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.generation}{"\n"}{end}`)
		}
		before := workloads()
		stdout, stderr, code := s.run("apply", "--timeout", "30s")
		t.Log(stderr)
		if code != 1 || stdout != "" {
			t.Errorf("exit %d, stdout %q", code, stdout)
		}
		if !strings.Contains(stderr, "stage guard is not ready after 30s: later stages were not applied") || !strings.Contains(stderr, "Job banhbaoring-guard-") {
			t.Error("it does not say what stopped it, and why")
		}
		if after := workloads(); after != before {
			t.Errorf("workloads changed:\n%s\n%s", before, after)
		}
		s.spec = good
	})
	t.Run("what the spec no longer has is pruned, and what is protected stays", func(t *testing.T) {
		s.t = t
		kubectl(t, `apiVersion: v1
kind: ConfigMap
metadata:
  name: receipt
  namespace: `+s.ns+`
  labels: {app.kubernetes.io/managed-by: banhbaoring, app.kubernetes.io/part-of: banhbaoring}
  annotations: {banhbaoring.io/stage: data, kustomize.toolkit.fluxcd.io/prune: disabled}
`, "apply", "-f", "-")
		if out := s.mustRun("apply"); !strings.Contains(out, "pruned Job banhbaoring-guard-") && !strings.Contains(out, "pruned Job banhbaoring-backup-") {
			t.Error("the guard's Job was not")
		}
		kubectl(t, "", "get", "-n", s.ns, "configmap/receipt", "secret/banhbaoring-openbao-seal", "pvc/data-banhbaoring-openbao-0")
		if left := kubectl(t, "", "get", "-n", s.ns, "job,cronjob,role", "-l", "app.kubernetes.io/component=backup", "-o", "name"); left != "" {
			t.Errorf("left: %s", left)
		}
	})
	t.Run("what is uninstalled comes back with its keys", func(t *testing.T) {
		s.t = t
		confirm := s.ns + "/test-cluster"
		if _, _, code := s.run("uninstall"); code != 2 {
			t.Errorf("without a confirmation: exit %d", code)
		}
		if out := s.mustRun("uninstall", "--confirm", confirm); !strings.Contains(out, "banhbaoring-openbao-seal") {
			t.Error("it does not say that the seal's key is left")
		}
		left := kubectl(t, "", "get", "-n", s.ns, "statefulset,deployment,job,cronjob,service,networkpolicy,role", "-o", "name")
		if bindings := kubectl(t, "", "get", "clusterrolebinding", "-o", "name"); strings.Contains(bindings, "banhbaoring-"+s.ns+"-token-review") {
			left += "the ClusterRoleBinding"
		}
		if strings.TrimSpace(left) != "" {
			t.Errorf("left: %s", left)
		}
		s.mustRun("apply")
		s.must("the key of before", s.withAPIToken, "bao read secp256k1/keys/e2e")
	})
}

// readme runs what the README tells a reader to type on a cluster, word by word.
func (s *installed) readme() {
	s.t.Helper()
	page, err := os.ReadFile("../README.md")
	if err != nil {
		s.t.Fatal(err)
	}
	blocks := docs.Blocks(string(page), "e2e")
	if len(blocks) < 2 {
		s.t.Fatalf("%d blocks are marked: the marks are lost", len(blocks))
	}
	for _, block := range blocks {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", block.Text)
		cmd.Dir = s.t.TempDir()
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.t.Errorf("README.md:%d: %v\n%s\n%s", block.Line, err, block.Text, out)
		}
		s.t.Logf("%s", out)
	}
}

// ordered demands that texts stand in a text, one after the other.
func ordered(t *testing.T, text string, wanted ...string) {
	t.Helper()
	rest := text
	for _, w := range wanted {
		_, after, found := strings.Cut(rest, w)
		if !found {
			t.Errorf("%q does not come where it should", w)
			continue
		}
		rest = after
	}
}
