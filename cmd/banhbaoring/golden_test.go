package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/golden"
)

// rendered is what the command line prints for a text on standard input.
func rendered(t testing.TB, text string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := execute(context.Background(), []string{"render", "-f", "-"}, strings.NewReader(text), &stdout, &stderr); code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	return stdout.Bytes()
}

func example(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.Root(t), "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestExamples(t *testing.T) {
	for _, name := range golden.Examples(t) {
		t.Run(name, func(t *testing.T) {
			golden.Assert(t, filepath.Join("stacks", strings.TrimSuffix(name, ".yaml")), rendered(t, example(t, name)))
		})
	}
}

// Every example has its golden file, and no golden file has lost its example.
func TestGoldenStacksAreThoseOfExamples(t *testing.T) {
	examples := strings.Join(golden.Examples(t), " ")
	if stacks := strings.Join(golden.Files(t, "golden/stacks"), " "); stacks != examples {
		t.Errorf("golden/stacks holds %s\nexamples holds %s", stacks, examples)
	}
}

// The documents of the specification, word for word; what is a part of a
// cluster only gets the rest around it.
func TestDocumentsOfTheSpecificationRender(t *testing.T) {
	dir := filepath.Join(golden.Root(t), "api", "v1", "testdata")
	files, err := filepath.Glob(filepath.Join(dir, "spec-*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	clusters := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if part, ok := strings.CutPrefix(text, "spec:\n"); ok {
			text = "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: part}\nspec:\n  domain: keys.example.com\n" + part
		}
		if !strings.Contains(text, "kind: BanhBaoRingCluster\n") {
			continue
		}
		// They are of plan pro, in which it has to be written to whom backups are encrypted.
		text = strings.Replace(text, "\n  backup:\n", "\n  backup:\n    encryption: {mode: none}\n", 1)
		clusters++
		t.Run(filepath.Base(file), func(t *testing.T) {
			out := rendered(t, text)
			for _, kind := range []string{"\nkind: StatefulSet\n", "\nkind: Job\n", "\nkind: Namespace\n"} {
				if !bytes.Contains(out, []byte(kind)) {
					t.Errorf("there is no %s", strings.TrimSpace(kind))
				}
			}
		})
	}
	if clusters < 7 {
		t.Errorf("found %d clusters", clusters)
	}
}
