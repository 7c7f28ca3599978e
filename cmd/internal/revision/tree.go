package revision

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/banhbaoring/banhbaoring/cmd/internal/tree"
)

// Tree is the files of a commit, without a checkout. A submodule is an error
// where it is looked into: its files are another repository's.
func (r *Repository) Tree(ctx context.Context, commit string) (fs.FS, error) {
	out, err := run(ctx, r.dir, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", commit, err)
	}
	t := &commitTree{repository: r, nodes: map[string]*node{".": {name: ".", mode: fs.ModeDir | 0o755}}}
	for record := range strings.SplitSeq(string(out), "\x00") {
		about, name, _ := strings.Cut(record, "\t")
		fields := strings.Fields(about) // mode, type, id
		if len(fields) != 3 {
			continue
		}
		n := &node{name: path.Base(name), id: fields[2], mode: 0o644}
		switch fields[0] {
		case "120000":
			n.mode |= fs.ModeSymlink
		case "160000":
			n.mode, n.submodule = fs.ModeDir|0o755, true
		}
		t.add(name, n)
	}
	return t, nil
}

// commitTree is a tree that is listed, and read as it is used.
type commitTree struct {
	repository *Repository
	nodes      map[string]*node
}

type node struct {
	name      string
	id        string
	mode      fs.FileMode
	submodule bool
	children  map[string]*node
	size      int64 // once it is read
}

func (t *commitTree) add(name string, n *node) {
	t.nodes[name] = n
	dir := path.Dir(name)
	if t.nodes[dir] == nil {
		t.add(dir, &node{name: path.Base(dir), mode: fs.ModeDir | 0o755})
	}
	if t.nodes[dir].children == nil {
		t.nodes[dir].children = map[string]*node{}
	}
	t.nodes[dir].children[n.name] = n
}

func (t *commitTree) find(op, name string) (*node, error) {
	n := t.nodes[name]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Open opens a file, or a folder, and follows no link.
func (t *commitTree) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.mode.IsDir() {
		return &folder{n}, nil
	}
	text, err := t.ReadFile(name)
	return &file{Reader: strings.NewReader(string(text)), node: n}, err
}

// ReadFile reads a blob.
func (t *commitTree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	text, err := t.repository.blob(n.id)
	n.size = int64(len(text))
	return text, err
}

// ReadDir lists a folder.
func (t *commitTree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if n.submodule {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: tree.ErrSubmodule}
	}
	entries := make([]fs.DirEntry, 0, len(n.children))
	for _, child := range slices.Sorted(maps.Keys(n.children)) {
		entries = append(entries, fs.FileInfoToDirEntry(info{n.children[child]}))
	}
	return entries, nil
}

// Stat is Lstat: a name is resolved before.
func (t *commitTree) Stat(name string) (fs.FileInfo, error) { return t.Lstat(name) }

// Lstat says what a name is. The size of a file is that of its blob.
func (t *commitTree) Lstat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{n}, nil
}

// ReadLink is where a symbolic link leads.
func (t *commitTree) ReadLink(name string) (string, error) {
	text, err := t.ReadFile(name)
	return string(text), err
}

type info struct{ *node }

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

type file struct {
	io.Reader
	node *node
}

func (f *file) Stat() (fs.FileInfo, error) { return info{f.node}, nil }
func (f *file) Close() error               { return nil }

type folder struct{ node *node }

func (f *folder) Stat() (fs.FileInfo, error) { return info{f.node}, nil }
func (f *folder) Read([]byte) (int, error)   { return 0, fs.ErrInvalid }
func (f *folder) Close() error               { return nil }
