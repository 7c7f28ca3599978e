package kustomization

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
)

func folder(pairs ...string) fstest.MapFS {
	t := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		t[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1]), Mode: 0o644}
	}
	return t
}

func link(t fstest.MapFS, name, target string) fstest.MapFS {
	t[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
	return t
}

func same(name string) string { return name }

const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

func TestLimits(t *testing.T) {
	plain := folder("a/kustomization.yaml", "resources: [a.yaml]\n", "a/a.yaml", object)
	all := limits{files: maxFiles, memory: maxMemory, time: maxTime}
	if _, err := all.build(plain, "a", same); err != nil {
		t.Fatal(err)
	}
	large := folder("a/kustomization.yaml", "configMapGenerator: [{name: a, files: [a]}]\n", "a/a", strings.Repeat("x", 11<<20))
	many := folder("a/kustomization.yaml", "resources: [a.yaml, b.yaml]\n", "a/a.yaml", object, "a/b.yaml", "# "+strings.Repeat("x", 2000)+"\n"+strings.Replace(object, "name: a", "name: b", 1))
	for name, c := range map[string]struct {
		limits limits
		tree   fs.FS
		want   string
	}{
		"time":   {limits{maxFiles, maxMemory, time.Nanosecond}, plain, "takes longer than 1ns"},
		"a file": {all, large, "a/a: a file of 11534336 bytes is over the limit of 10485760 (10 MiB)"},
		"files":  {limits{2000, maxMemory, maxTime}, many, "the files of a kustomization are over the limit"},
	} {
		if _, err := c.limits.build(c.tree, "a", same); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What takes memory is stopped, whatever it is.
func TestMemoryIsLimited(t *testing.T) {
	var kept [][]byte
	stop := make(chan struct{})
	_, err := limits{memory: 64 << 20, time: time.Minute}.watch(func() ([]byte, error) {
		for {
			select {
			case <-stop:
				return nil, nil
			default:
				if len(kept) < 1000 {
					kept = append(kept, make([]byte, 1<<20))
				}
			}
		}
	})
	close(stop)
	if err == nil || !strings.Contains(err.Error(), "takes more than 64 MiB of memory") {
		t.Error(err)
	}
}

func TestAPanicIsAnError(t *testing.T) {
	_, err := limits{memory: maxMemory, time: maxTime}.watch(func() ([]byte, error) { panic("unforeseen") })
	if err == nil || err.Error() != "kustomize failed: unforeseen" {
		t.Error(err)
	}
}

func TestLinksAreFollowedWithin(t *testing.T) {
	tree := folder("a/kustomization.yaml", "resources: [../b]\n", "c/kustomization.yaml", "resources: [a.yaml]\n", "c/a.yaml", object)
	if _, err := Build(link(tree, "b", "c"), "a", same); err != nil {
		t.Error(err)
	}
	for target, want := range map[string]string{"/etc": "leads out", "../c": "leads out", "c/../../c": "leads out", "b": "too many"} {
		if _, err := Build(link(tree, "b", target), "a", same); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestIncludes(t *testing.T) {
	tree := folder("a/kustomization.yaml", "resources: [../b, x.yaml]\ncomponents: [../c]\n", "b/kustomization.yaml", "generators: [../d]\n",
		"c/kustomization.yaml", "kind: Component\n", "d/kustomization.yaml", "bases: [../b]\n", "e/kustomization.yaml", "")
	found := Includes(tree, "a")
	if len(found) != 3 || !found["b"] || !found["c"] || !found["d"] {
		t.Error(found)
	}
}

// A kustomization of any content reaches no server, starts no program, reads
// nothing outside its tree, ends, and leaves the process as it was.
func FuzzBuild(f *testing.F) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	f.Cleanup(server.Close)
	for _, text := range []string{
		"resources: [a.yaml, ../b]\n", "resources: [$]\n", "generators: [g.yaml]\n", "components: [../../../../etc]\n",
		"transformers: ['{apiVersion: builtin, kind: PatchTransformer, metadata: {name: a}, path: $/a}']\n", "openapi: {path: $/a}\n",
		"helmCharts: [{name: a, repo: $}]\n", "replacements: [{path: $}]\n", "resources: [github.com/a/b]\n", "resources: ['git::$/a.git']\n",
		"configMapGenerator: [{name: a, files: [/etc/passwd, a=../../../etc/passwd], envs: [$]}]\n", "x: &x [a]\nresources: *x\n",
	} {
		f.Add([]byte(text), []byte("apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: a}\nfiles: [$/a, /etc/passwd]\n"))
	}
	f.Fuzz(func(t *testing.T, kustomization, other []byte) {
		fill := func(text []byte) string { return strings.ReplaceAll(string(text), "$", server.URL) }
		tree := folder("a/kustomization.yaml", fill(kustomization), "a/a.yaml", object, "a/g.yaml", fill(other), "b/kustomization.yaml", fill(other))
		transport, programs := http.DefaultTransport, os.Getenv("PATH")
		text, err := Build(tree, "a", same)
		if err == nil && strings.Contains(string(text), "root:x:0:0") {
			t.Errorf("a file of the disk was read:\n%s", text)
		}
		if requests.Load() > 0 {
			t.Error("the server was asked")
		}
		if http.DefaultTransport != transport || os.Getenv("PATH") != programs {
			t.Error("the process is not as it was")
		}
	})
}
