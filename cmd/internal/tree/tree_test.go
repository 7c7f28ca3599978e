package tree

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestResolve(t *testing.T) {
	link := func(target string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
	}
	tree := fstest.MapFS{"a/b/c.yaml": {Data: []byte("x")}, "a/up": link("../a/b"), "a/out": link("../../a"), "a/abs": link("/a"), "a/loop": link("loop"), "chain": link("a/up")}
	for name, want := range map[string]string{
		"a/b/c.yaml": "a/b/c.yaml", "a/up/c.yaml": "a/b/c.yaml", "chain/c.yaml": "a/b/c.yaml", "a/b/../b": "a/b", ".": ".", "chain/..": "a", "./a//b": "a/b",
	} {
		if got, err := Resolve(tree, name); got != want || err != nil {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]error{"..": ErrOutside, "a/../..": ErrOutside, "a/out": ErrOutside, "a/abs": ErrOutside, "a/no": fs.ErrNotExist} {
		if got, err := Resolve(tree, name); !errors.Is(err, want) {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if _, err := Resolve(tree, "a/loop"); err == nil {
		t.Error("a loop resolves")
	}
}
