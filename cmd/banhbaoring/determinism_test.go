package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/golden"
)

// program is the test binary under the name that makes it the command, see
// TestMain.
func program(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "banhbaoring")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOutputIsTheSameInEveryEnvironment(t *testing.T) {
	program, root := program(t), golden.Root(t)
	for name, env := range map[string][]string{
		"nothing": {},
		"much": {"HOME=/nonexistent", "TZ=Pacific/Kiritimati", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", "SOURCE_DATE_EPOCH=1", "GOMAXPROCS=1",
			"AWS_REGION=eu-west-1", "KUBECONFIG=/nonexistent", "NAMESPACE=other", "HELM_NAMESPACE=other", "POD_IP=1.2.3.4"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, file := range golden.Examples(t) {
				cmd := exec.Command(program, "render", "-f", filepath.Join(root, "examples", file))
				cmd.Env, cmd.Dir = env, t.TempDir() // an environment that is not nil is all there is
				got, err := cmd.Output()
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				want, err := os.ReadFile(filepath.Join(root, "golden", "stacks", file))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s differs", file)
				}
			}
		})
	}
}

// documents are those of every example, each example in a namespace of its own,
// and documents of others.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for i, name := range golden.Examples(t) {
		for document := range strings.SplitSeq(example(t, name), "\n---\n") {
			all = append(all, moved(document, fmt.Sprintf("ns-%d", i))+"\n")
		}
	}
	for i := range 3 {
		all = append(all, fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine-%d}\n", i))
	}
	return append(all, "apiVersion: v1\nkind: Service\nmetadata: {name: mine}\n# a\n", "apiVersion: v1\nkind: Service\nmetadata: {name: mine}\n# b\n")
}

// namespaceLine is where a document of an example says its namespace.
var namespaceLine = regexp.MustCompile(`(?m)^  namespace: .*\n`)

// moved is a document in another namespace, whose backups go to a bucket of its own
// and whose cluster has a domain of its own.
func moved(document, namespace string) string {
	head, spec, _ := strings.Cut(document, "\nspec:\n")
	spec = strings.ReplaceAll(spec, "bucket: banhbaoring-backups", "bucket: "+namespace)
	head = namespaceLine.ReplaceAllString(head+"\n", "")
	spec = strings.Replace(spec, "  domain: ", "  domain: "+namespace+".", 1)
	return strings.Replace(head, "metadata:\n", "metadata:\n  namespace: "+namespace+"\n", 1) + "spec:\n" + spec
}

func TestOutputIsTheSameInEveryOrder(t *testing.T) {
	all := documents(t)
	want := rendered(t, strings.Join(all, "---\n"))
	if n := bytes.Count(want, []byte("\nkind: Namespace\n")); n != len(golden.Examples(t)) {
		t.Fatalf("%d namespaces", n)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if got := rendered(t, strings.Join(all, "---\n")); !bytes.Equal(got, want) {
			t.Fatal("the order of documents changes the output")
		}
	}
	dir := t.TempDir()
	for range 3 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		args := []string{"render", "-f", filepath.Join(dir, "0.yaml")}
		for i, text := range all {
			file := filepath.Join(dir, fmt.Sprintf("%d.yaml", i))
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "-f", file)
		}
		var stdout, stderr bytes.Buffer
		if code := execute(t.Context(), args, nil, &stdout, &stderr); code != exitDone {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		if !bytes.Equal(stdout.Bytes(), want) {
			t.Fatal("the order of files changes the output")
		}
	}
}

// Maps are walked in another order at each go.
func TestOutputIsTheSameEachTime(t *testing.T) {
	for _, procs := range []int{1, runtime.GOMAXPROCS(0), 8} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for _, name := range golden.Examples(t) {
			want, err := os.ReadFile(filepath.Join(golden.Root(t), "golden", "stacks", name))
			if err != nil {
				t.Fatal(err)
			}
			repeat := 1
			if procs == 8 && (name == "production.yaml" || name == "patches.yaml") {
				repeat = 20
			}
			for range repeat {
				if got := rendered(t, example(t, name)); !bytes.Equal(got, want) {
					t.Fatalf("%s differs", name)
				}
			}
		}
	}
}
