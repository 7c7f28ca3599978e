package kustomization

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/banhbaoring/banhbaoring/cmd/internal/tree"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// root is where kustomize finds the tree. It is no place of a disk: what does
// not begin with it lies outside.
const root = "/tree"

// guard is the file system that kustomize sees: a tree, to be read only. It
// remembers the first thing that it had to refuse.
type guard struct {
	tree fs.FS
	show func(string) string

	mu      sync.Mutex
	left    int64 // bytes that may still be read
	refused error
	stopped bool
}

var errStopped = errors.New("the build was stopped")

func (g *guard) path(name string) string { return path.Join(root, name) }

// refuse makes err the result of the build.
func (g *guard) refuse(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused == nil {
		g.refused = err
	}
	return err
}

// stop lets nothing more be read, and returns what was refused.
func (g *guard) stop() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	return g.refused
}

// resolve is the name in the tree of a path, without symbolic links.
func (g *guard) resolve(name string) (string, error) {
	inside, ok := strings.CutPrefix(path.Clean(name)+"/", root+"/")
	if !ok {
		return "", g.refuse(fmt.Errorf("%s %w: nothing outside is read", strings.TrimPrefix(name, "/"), tree.ErrOutside))
	}
	resolved, err := tree.Resolve(g.tree, inside)
	if errors.Is(err, tree.ErrOutside) || err != nil && strings.Contains(err.Error(), "escapes from parent") {
		return "", g.refuse(fmt.Errorf("%s %w: nothing outside is read", g.show(path.Clean(inside)), tree.ErrOutside))
	}
	return resolved, err
}

// CleanedAbs splits a path into its folder and file, links followed.
func (g *guard) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	resolved, err := g.resolve(name)
	if err != nil {
		return "", "", err
	}
	info, err := fs.Stat(g.tree, resolved)
	switch {
	case err != nil:
		return "", "", err
	case info.IsDir():
		return filesys.ConfirmedDir(g.path(resolved)), "", nil
	}
	return filesys.ConfirmedDir(g.path(path.Dir(resolved))), path.Base(resolved), nil
}

// ReadFile reads a file that keeps the limits.
func (g *guard) ReadFile(name string) ([]byte, error) {
	resolved, err := g.resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := fs.Stat(g.tree, resolved)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no plain file", g.show(resolved))
	}
	if err := g.tooLarge(resolved, info.Size()); err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(g.tree, resolved)
	if err != nil {
		return nil, err
	}
	if err := g.spend(resolved, int64(len(text))); err != nil { // a blob's size is known only now
		return nil, err
	}
	if limited := overLimit(g.show(resolved), text); limited != nil {
		return nil, g.refuse(limited)
	}
	if refused := refusal(text); refused != nil {
		return nil, g.refuse(fmt.Errorf("%s: %w", g.show(resolved), refused))
	}
	return text, nil
}

func (g *guard) tooLarge(name string, size int64) error {
	if size <= strict.MaxDocument {
		return nil
	}
	return g.refuse(fmt.Errorf("%s: a file of %d bytes is over the limit of %d (%d MiB)", g.show(name), size, strict.MaxDocument, strict.MaxDocument>>20))
}

func (g *guard) spend(name string, size int64) error {
	g.mu.Lock()
	g.left -= size
	left, stopped := g.left, g.stopped
	g.mu.Unlock()
	switch {
	case stopped:
		return errStopped
	case left < 0:
		return g.refuse(fmt.Errorf("%s: the files of a kustomization are over the limit of %d MiB", g.show(name), maxFiles>>20))
	}
	return g.tooLarge(name, size)
}

// RemoveAll is what kustomize calls after a clone that failed.
func (g *guard) RemoveAll(string) error { return nil }

// overLimit is the fault of a text that is too large, or becomes so.
func overLimit(name string, text []byte) error {
	return strict.Bounded(name, text).Err()
}

// offline takes the network and all programs away from kustomize, which reads
// some addresses only once it has patched what holds them. The result gives
// them back.
func (g *guard) offline() func() {
	transport, programs := http.DefaultTransport, os.Getenv("PATH")
	http.DefaultTransport = refusing{g}
	_ = os.Unsetenv("PATH")
	return func() {
		http.DefaultTransport = transport
		_ = os.Setenv("PATH", programs)
	}
}

// refusing is a network that reaches nothing.
type refusing struct{ guard *guard }

func (r refusing) RoundTrip(q *http.Request) (*http.Response, error) {
	return nil, r.guard.refuse(fmt.Errorf("%s is not fetched: put it beside the kustomization", q.URL.Redacted()))
}

// The rest is not called by a build: what would write, or list, does neither.

var errReadOnly = errors.New("a kustomization's files are only read")

func (g *guard) Create(string) (filesys.File, error)  { return nil, errReadOnly }
func (g *guard) Mkdir(string) error                   { return errReadOnly }
func (g *guard) MkdirAll(string) error                { return errReadOnly }
func (g *guard) Open(string) (filesys.File, error)    { return nil, errReadOnly }
func (g *guard) ReadDir(string) ([]string, error)     { return nil, errReadOnly }
func (g *guard) Glob(string) ([]string, error)        { return nil, errReadOnly }
func (g *guard) WriteFile(string, []byte) error       { return errReadOnly }
func (g *guard) Walk(string, filepath.WalkFunc) error { return errReadOnly }
func (g *guard) Exists(name string) bool              { _, _, err := g.CleanedAbs(name); return err == nil }
func (g *guard) IsDir(name string) bool {
	_, file, err := g.CleanedAbs(name)
	return err == nil && file == ""
}
