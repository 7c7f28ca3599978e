package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// history makes a repository of the folders one and two, whose commits are
// main~ and main, and of broken and escaped, which are branches of main. The
// folders become their work trees.
func history(ts *testscript.TestScript, _ bool, _ []string) {
	repo := ts.MkAbs("repo")
	git := func(args ...string) {
		ts.Check(ts.Exec("git", append([]string{"-C", repo, "-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...))
	}
	ts.Check(os.Mkdir(repo, 0o755))
	git("init", "-q", "-b", "main", ".")
	for _, side := range []string{"one", "two", "broken", "escaped"} {
		if side == "broken" || side == "escaped" {
			git("switch", "-q", "-c", side, "main")
		}
		ts.Check(copyOver(repo, ts.MkAbs(side)))
		if side == "one" {
			ts.Check(os.Symlink("../../shared/linked.yaml", filepath.Join(repo, "clusters/links/cluster.yaml")))
		}
		git("add", "-A", ".")
		git("commit", "-qm", side)
		ts.Check(os.RemoveAll(ts.MkAbs(side)))
	}
	git("switch", "-q", "main")
	git("worktree", "add", "-q", "--detach", "../one", "main~")
	git("worktree", "add", "-q", "--detach", "../two", "main")
}

func copyOver(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, below)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, below), text, 0o600)
	})
}

// agree demands that diff compares what render and cmp generate print of paths
// below the folders one and two: agree PATH… [-- PARAMETER…].
func agree(ts *testscript.TestScript, _ bool, args []string) {
	paths, parameters := args, []string(nil)
	if i := slices.Index(args, "--"); i >= 0 {
		paths, parameters = args[:i], args[i+1:]
	}
	printed := map[string][]*unstructured.Unstructured{}
	for _, side := range []string{"one", "two"} {
		command := []string{"render"}
		for _, path := range paths {
			command = append(command, "-f", filepath.Join(side, path))
		}
		ts.Check(ts.Exec("banhbaoring", command...))
		text := ts.ReadFile("stdout")
		if info, err := os.Stat(ts.MkAbs(filepath.Join(side, paths[0]))); err == nil && info.IsDir() && len(paths) == 1 {
			type parameter struct {
				Name   string `json:"name"`
				String string `json:"string"`
			}
			var given []parameter
			for _, p := range parameters {
				name, value, _ := strings.Cut(p, "=")
				given = append(given, parameter{name, value})
			}
			data, err := json.Marshal(given)
			ts.Check(err)
			ts.Setenv("ARGOCD_APP_PARAMETERS", string(data))
			ts.Setenv("ARGOCD_APP_SOURCE_PATH", paths[0])
			ts.Check(ts.Chdir(filepath.Join(side, paths[0])))
			ts.Check(ts.Exec("banhbaoring", "cmp", "generate"))
			ts.Check(ts.Chdir(ts.Getenv("WORK")))
			generated := ts.ReadFile("stdout")
			if (generated == text) != (len(parameters) == 0) {
				ts.Fatalf("%s %s: cmp generate and render differ, or parameters do nothing", side, paths[0])
			}
			text = generated
		}
		documents, faults := strict.Split(side, []byte(text))
		ts.Check(faults.Err())
		for _, d := range documents {
			tree, _ := d.Value().(map[string]any)
			printed[side] = append(printed[side], &unstructured.Unstructured{Object: tree})
		}
	}
	for where, sides := range map[string][2]string{".": {"./one", "./two"}, "repo": {"main~", "main"}} {
		command := []string{"diff", sides[0], sides[1], "--format", "json"}
		for _, path := range paths {
			command = append(command, "--path", path)
		}
		for _, p := range parameters {
			command = append(command, "--parameter", p)
		}
		ts.Check(ts.Chdir(filepath.Join(ts.Getenv("WORK"), where)))
		_ = ts.Exec("banhbaoring", command...) // it exits 1, or what it prints is no report
		ts.Check(ts.Chdir(ts.Getenv("WORK")))
		var report diff.Report
		if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &report); err != nil || report.Empty() {
			ts.Fatalf("%v: %v: %s", command, err, ts.ReadFile("stderr"))
		}
		made, err := diff.Apply(printed["one"], &report)
		ts.Check(err)
		left, err := diff.Compare(diff.Side{Name: "made", Objects: made}, diff.Side{Name: "printed", Objects: printed["two"]}, diff.Options{})
		ts.Check(err)
		if !left.Empty() {
			ts.Fatalf("%v compares something else than is printed:\n%s", command, left.Text(diff.TextOptions{}))
		}
	}
}
