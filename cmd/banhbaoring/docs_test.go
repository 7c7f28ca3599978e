package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/banhbaoring/banhbaoring/docs"
	"github.com/banhbaoring/banhbaoring/golden"
)

// What the pages tell a reader to type works, where it needs no cluster: each
// page in a folder of its own, with the examples beside it, block after block.
func TestCommandsOfTheDocs(t *testing.T) {
	root := golden.Root(t)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("banhbaoring")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := docs.Blocks(string(text), "test")
		if len(blocks) == 0 {
			continue
		}
		dir := t.TempDir()
		for from, to := range map[string]string{
			filepath.Join(root, "examples"):                      "examples",
			filepath.Join(root, "examples", "production.yaml"):   "cluster.yaml",
			filepath.Join(root, "examples", "test-cluster.yaml"): "test-cluster.yaml",
			program: "bin/banhbaoring",
		} {
			to = filepath.Join(dir, to)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(from, to); err != nil {
				t.Fatal(err)
			}
		}
		for _, block := range blocks {
			ran++
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(page), block.Line), func(t *testing.T) {
				cmd := exec.Command("bash", "-euo", "pipefail", "-c", block.Text)
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s\n%s", err, block.Text, out)
				}
			})
		}
	}
	if ran < 4 {
		t.Errorf("%d blocks are marked: the marks are lost", ran)
	}
}
