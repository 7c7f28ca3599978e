//go:build e2e

// Package e2e tries the rendered stack on a real cluster: the one that
// KUBECONFIG names. It needs kubectl, and the images that the images program
// beside it loads.
package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is the built command, made once by TestMain.
var program string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv("KUBECONFIG") == "" {
		fmt.Fprintln(os.Stderr, "e2e: KUBECONFIG names no cluster")
		return 1
	}
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "banhbaoring")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/banhbaoring").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: building: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// render is what the command prints for a spec.
func render(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, append([]string{"render"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("render %v: %v\n%s", args, err, stderr.String())
	}
	return stdout.String()
}

// try runs kubectl and returns what it printed.
func try(stdin string, args ...string) (stdout, stderr string, err error) {
	return tryFor(6*time.Minute, stdin, args...)
}

// tryFor is try with a limit, for what may hang.
func tryFor(limit time.Duration, stdin string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var o, e bytes.Buffer
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

// kubectl runs kubectl, which must succeed.
func kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	stdout, stderr, err := try(stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

// rolledOut waits until all pods of workloads are ready.
func rolledOut(t *testing.T, ns string, workloads ...string) {
	t.Helper()
	for _, workload := range workloads {
		kubectl(t, "", "rollout", "status", "-n", ns, workload, "--timeout=5m")
	}
}

// eventually waits until check returns nil, and fails with its last error. A
// machine that runs other tests besides has three times as long.
func eventually(t *testing.T, within time.Duration, what string, check func() error) {
	t.Helper()
	start, within := time.Now(), 3*within
	for {
		err := check()
		if err == nil {
			t.Logf("%s after %s", what, time.Since(start).Round(time.Second))
			return
		}
		if time.Since(start) > within {
			t.Fatalf("%s: not within %s: %v", what, within, err)
		}
		time.Sleep(time.Second)
	}
}

// namespace makes an empty namespace and removes it, with all volumes that its
// claims held, when the test ends.
func namespace(t *testing.T, name string) {
	t.Helper()
	remove := func() { kubectl(t, "", "delete", "namespace", name, "--ignore-not-found", "--timeout=5m") }
	remove()
	t.Cleanup(remove)
}
