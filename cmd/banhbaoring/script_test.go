package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/banhbaoring/banhbaoring/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"banhbaoring": main})
}

func TestScripts(t *testing.T) {
	root := golden.Root(t)
	program, err := exec.LookPath("banhbaoring")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", filepath.Join(root, "examples"))
			env.Setenv("GOLDEN", filepath.Join(root, "golden"))
			env.Setenv("BANHBAORING", program) // for scripts that take PATH away
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"silent":  silent,
			"refused": refused,
			"agree":   agree,
			"history": history,
			"serve":   serveFiles,
			"served":  served,
		},
	})
}

// exits runs a command and demands its exit code: exits 1 banhbaoring ….
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d: %s", got, want, ts.ReadFile("stderr"))
	}
}

// silent demands that nothing was printed: silent stdout, silent stderr.
func silent(ts *testscript.TestScript, _ bool, args []string) {
	for _, stream := range args {
		if text := ts.ReadFile(stream); text != "" {
			ts.Fatalf("%s holds %q", stream, text)
		}
	}
}

// serveFiles puts a server that counts its requests into the scripts' files, in the
// place of $SERVER, and its address in that of $ADDRESS.
func serveFiles(ts *testscript.TestScript, _ bool, _ []string) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		fmt.Fprintln(w, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fetched}")
	}))
	ts.Defer(server.Close)
	counts.Store(ts.Getenv("WORK"), &requests)
	address := strings.TrimPrefix(server.URL, "http://")
	ts.Check(filepath.WalkDir(ts.MkAbs("repo"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(strings.NewReplacer("$SERVER", server.URL, "$ADDRESS", address).Replace(string(text))), 0o600)
	}))
	// A txtar archive holds no links.
	for link, target := range map[string]string{
		"link-file/link.yaml": "../../outside/cluster.yaml", "link": "../outside",
		"link-absolute/link.yaml": ts.MkAbs("outside/cluster.yaml"), "link-document/link.yaml": "../../outside/cluster.yaml",
	} {
		ts.Check(os.Symlink(target, ts.MkAbs(filepath.Join("repo", link))))
	}
}

// counts are the requests that the servers of scripts got.
var counts sync.Map

// served demands that nothing was asked of the server.
func served(ts *testscript.TestScript, _ bool, _ []string) {
	requests, _ := counts.Load(ts.Getenv("WORK"))
	if n := requests.(*atomic.Int64).Load(); n != 0 {
		ts.Fatalf("the server got %d requests", n)
	}
}

// refused demands that a folder of repo cannot be rendered, with a message that
// matches, by render, diff and Argo CD's plugin: refused FOLDER MESSAGE.
func refused(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: refused FOLDER MESSAGE")
	}
	folder, message := filepath.Join("repo", args[0]), regexp.MustCompile("(?m)"+args[1])
	for _, command := range [][]string{
		{"render", "-f", folder}, {"diff", "./outside", "./" + folder}, {"cmp", "generate"},
	} {
		if command[0] == "cmp" {
			ts.Check(ts.Chdir(folder))
		}
		err := ts.Exec("banhbaoring", command...)
		if command[0] == "cmp" {
			ts.Check(ts.Chdir(ts.Getenv("WORK")))
		}
		if err == nil || ts.ReadFile("stdout") != "" {
			ts.Fatalf("%s: %s is not refused: %s", command[0], args[0], ts.ReadFile("stdout"))
		}
		if text := ts.ReadFile("stderr"); !message.MatchString(text) {
			ts.Fatalf("%s: %s: %s", command[0], args[0], text)
		}
	}
}

// Nothing of the scripts' own may be left out by a wrong name.
func TestScriptsHaveTheirEnding(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("testdata", "script"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".txtar" {
			t.Errorf("%s is not run", entry.Name())
		}
	}
}
