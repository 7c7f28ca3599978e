//go:build e2e && nodes

package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// moreOfBootstrap are the tests that need power over nodes: E2E_CLUSTER is a
// program that knows isolate, rejoin, stop and start, each with a node's name.
var moreOfBootstrap = []bootstrapTest{
	{"the leader's node is cut off", func(t *testing.T, s *installed, signing *signing) {
		leader, err := s.leader()
		if err != nil {
			t.Fatal(err)
		}
		withoutNode(t, s, signing, "isolate", "rejoin", nodeOf(t, s.ns, leader))
	}},
	{"a node is lost, and comes back", func(t *testing.T, s *installed, signing *signing) {
		withoutNode(t, s, signing, "stop", "start", nodeOf(t, s.ns, jobs.OpenBaoName+"-1"))
	}},
}

// withoutNode takes a node away and gives it back.
func withoutNode(t *testing.T, s *installed, signing *signing, away, back, node string) {
	t.Helper()
	power(t, away, node)
	restored := false
	restore := func() {
		if !restored {
			restored = true
			power(t, back, node)
		}
	}
	t.Cleanup(restore)
	signing.goesOn(t)
	restore()
	kubectl(t, "", "wait", "--for=condition=Ready", "node/"+node, "--timeout=5m")
	s.ready(4 * time.Minute)
	s.wantVoters(3)
}

func power(t *testing.T, what, node string) {
	t.Helper()
	program := os.Getenv("E2E_CLUSTER")
	if program == "" {
		t.Fatal("E2E_CLUSTER names no program that has power over nodes")
	}
	if out, err := exec.Command(program, what, node).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", what, node, err, out)
	}
}

func nodeOf(t *testing.T, ns, pod string) string {
	t.Helper()
	return strings.TrimSpace(kubectl(t, "", "get", "pod", "-n", ns, pod, "-o", "jsonpath={.spec.nodeName}"))
}
