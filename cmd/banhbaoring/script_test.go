package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/banhbaoring/banhbaoring/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"banhbaoring": main})
}

func TestScripts(t *testing.T) {
	root := golden.Root(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", filepath.Join(root, "examples"))
			env.Setenv("GOLDEN", filepath.Join(root, "golden"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"silent": silent,
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
