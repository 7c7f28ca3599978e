//go:build integration

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/banhbaoring/banhbaoring/golden"
)

// TestPipes runs the real helm and kustomize, which lie in the folder that
// GITOPS_PROGRAMS names.
func TestPipes(t *testing.T) {
	programs := os.Getenv("GITOPS_PROGRAMS")
	for _, name := range []string{"helm", "kustomize"} {
		if _, err := os.Stat(filepath.Join(programs, name)); err != nil {
			t.Fatalf("GITOPS_PROGRAMS: %v: run make gitops", err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "pipes"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", env.Getenv("PATH")+string(os.PathListSeparator)+programs)
			env.Setenv("EXAMPLES", filepath.Join(golden.Root(t), "examples"))
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "silent": silent},
	})
}
