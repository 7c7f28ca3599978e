//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// status is what `banhbaoring status` says, and its exit code.
func (s *installed) status(args ...string) (string, int) {
	s.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(program, append([]string{"status", "-n", s.ns}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return out.String() + errs.String(), cmd.ProcessState.ExitCode()
}

// wantStatus waits until the first line begins as wanted and holds what is wanted.
func (s *installed) wantStatus(begins, holds string, args ...string) {
	s.t.Helper()
	var said string
	var code int
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		said, code = s.status(args...)
		first, _, _ := strings.Cut(said, "\n")
		if strings.HasPrefix(first, begins) && strings.Contains(first, holds) && (code == 0) == strings.HasSuffix(begins, "is well") {
			s.t.Logf("exit %d: %s", code, first)
			return
		}
	}
	s.t.Errorf("exit %d, want %q with %q first:\n%s", code, begins, holds, said)
}

// tellsWhatIsWrong breaks a stack that is whole in one way after the other, and
// mends it each time.
func (s *installed) tellsWhatIsWrong(t *testing.T) {
	of := s.ns + "/test-cluster"
	ills := of + " signs, but not all is well: "
	s.wantStatus(ills, "endpoints: Ingress banhbaoring-api has no address")
	for _, name := range strings.Fields(kubectl(t, "", "get", "ingress", "-n", s.ns, "-o", "name")) {
		kubectl(t, "", "patch", "-n", s.ns, name, "--subresource=status", "-p", `{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}`)
	}
	well := func() { s.wantStatus(of+" is well", "") }
	well()
	s.wantStatus(of+" is well", "", "-f", s.file)
	s.wantStatus(of+" is well", "", "--kubeconfig", s.reader(t))

	for _, c := range []struct {
		name          string
		broken, mend  [][]string // kubectl's arguments
		begins, holds string
		args          []string
	}{
		{"an image that is missing",
			[][]string{{"set", "image", "deployment/banhbaoring-dashboard", "*=localhost/none:1"}},
			[][]string{{"set", "image", "deployment/banhbaoring-dashboard", "*=localhost/http:1"}},
			ills, "dashboard: 1 of 1 pods ready, ", nil},
		{"a quota",
			[][]string{{"create", "quota", "none", "--hard=pods=0"}, {"delete", "pod", "-l", "app.kubernetes.io/component=api", "--wait=false"}},
			[][]string{{"delete", "quota", "none"}},
			ills, "api: 0 of 1 pods ready: replicaset banhbaoring-api-", nil},
		{"OpenBao scaled away",
			[][]string{{"scale", "statefulset/banhbaoring-openbao", "--replicas=0"}},
			[][]string{{"scale", "statefulset/banhbaoring-openbao", "--replicas=1"}},
			of + " does not sign: ", "openbao: scaled to no pod", nil},
		{"the database on no node",
			[][]string{{"patch", "statefulset", "banhbaoring-postgres", "-p", `{"spec":{"template":{"spec":{"nodeSelector":{"none":"none"}}}}}`}},
			[][]string{
				{"patch", "statefulset", "banhbaoring-postgres", "--type=json", "-p", `[{"op":"remove","path":"/spec/template/spec/nodeSelector/none"}]`},
				{"delete", "pod", "banhbaoring-postgres-0"}, // one that never ran does not roll
			},
			of, "postgres: 0 of 1 pods ready: pod banhbaoring-postgres-0: no node takes it: ", nil},
		{"a Service that is gone",
			[][]string{{"delete", "service", "banhbaoring-api"}}, nil,
			ills, "spec: 1 of its objects are not in the cluster, Service banhbaoring-api first", []string{"-f", s.file}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			for _, args := range c.broken {
				kubectl(t, "", append([]string{"-n", s.ns}, args...)...)
			}
			s.wantStatus(c.begins, c.holds, c.args...)
			for _, args := range c.mend {
				kubectl(t, "", append([]string{"-n", s.ns}, args...)...)
			}
		})
	}
	s.t = t
	s.mustRun("apply")
	well()
}

// reader is a kubeconfig of somebody who holds the ClusterRole view there, and
// nothing else.
func (s *installed) reader(t *testing.T) string {
	t.Helper()
	kubectl(t, "", "create", "serviceaccount", "-n", s.ns, "reader")
	kubectl(t, "", "create", "rolebinding", "-n", s.ns, "reader", "--clusterrole=view", "--serviceaccount="+s.ns+":reader")
	token := strings.TrimSpace(kubectl(t, "", "create", "token", "-n", s.ns, "reader"))
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(kubectl(t, "", "config", "view", "--raw", "--minify", "--flatten")), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "", "--kubeconfig", file, "config", "set-credentials", "reader", "--token="+token)
	kubectl(t, "", "--kubeconfig", file, "config", "set-context", "--current", "--user=reader")
	return file
}
