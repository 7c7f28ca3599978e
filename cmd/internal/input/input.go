// Package input reads what a user gives: files, folders and kustomizations, of
// a disk or of a commit, and both alike.
package input

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/banhbaoring/banhbaoring/cmd/internal/kustomization"
	"github.com/banhbaoring/banhbaoring/cmd/internal/tree"
	"github.com/banhbaoring/banhbaoring/render"
)

// Place is a file or folder of a tree, or a file of the disk where there is no
// tree.
type Place struct {
	Tree fs.FS
	// In names the tree: places of the same one know each other's bases.
	In   string
	Path string
	// Show is what messages call a file of the tree.
	Show func(string) string
}

// Stdin stands for standard input.
const Stdin = "-"

// Read reads files and folders of the disk, and standard input. Notes say what
// was left out. Folders read nothing outside their repository, whose root is
// given where the caller knows it.
func Read(stdin io.Reader, names []string, root string) (sources []render.Source, notes []string, err error) {
	var places []Place
	for _, name := range names {
		if name == Stdin {
			data, err := io.ReadAll(stdin)
			if err != nil {
				return nil, nil, fmt.Errorf("reading standard input: %w", err)
			}
			stdin = strings.NewReader("") // read once, however often it is named
			if !slices.ContainsFunc(sources, func(s render.Source) bool { return s.Name == "<stdin>" }) {
				sources = append(sources, render.Source{Name: "<stdin>", Data: data})
			}
			continue
		}
		p, err := Disk(name, root)
		if err != nil {
			return nil, nil, err
		}
		places = append(places, p)
	}
	read, notes, err := Places(places, nil)
	return append(sources, read...), notes, err
}

// Disk is a file or folder of the disk. A file is read wherever it lies: the
// user named it.
func Disk(name, root string) (Place, error) {
	name = filepath.Clean(name)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Place{}, fmt.Errorf("there is no file or folder %s", name)
	}
	if err != nil {
		return Place{}, err
	}
	if !info.IsDir() {
		return Place{Path: name, Show: func(string) string { return name }}, nil
	}
	dir, err := filepath.Abs(name)
	if err != nil {
		return Place{}, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return Place{}, err
	}
	if root == "" {
		root = rootOf(dir)
	}
	opened, err := os.OpenRoot(root)
	if err != nil {
		return Place{}, err
	}
	below, err := filepath.Rel(root, dir)
	if err != nil {
		return Place{}, err
	}
	p := Place{Tree: opened.FS(), In: root, Path: filepath.ToSlash(below)}
	p.Show = func(file string) string {
		if rel, err := filepath.Rel(p.Path, file); err == nil {
			return filepath.Join(name, rel)
		}
		return file
	}
	return p, nil
}

// rootOf is the repository that a folder lies in, or else the working folder,
// or else the folder itself.
func rootOf(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if working, err := os.Getwd(); err == nil {
		if working, err = filepath.EvalSymlinks(working); err == nil {
			if below, err := filepath.Rel(working, dir); err == nil && filepath.IsLocal(below) {
				return working
			}
		}
	}
	return dir
}

// built ends the name of a source that is a folder's kustomization.
const built = " (kustomize build)"

// found is a file, or a folder that is a kustomization.
type found struct {
	Place
	build bool
	named bool // by the user
}

func (f found) key() string { return f.Show(f.Path) }

// Places reads places in their order, each file once. Where about is given, it
// chooses what is read.
func Places(places []Place, about func(Place, bool) (bool, error)) (sources []render.Source, notes []string, err error) {
	var all []found
	for _, p := range places {
		more, err := expand(p, about)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, more...)
	}
	all, notes = dropBases(all)
	seen := map[string]bool{}
	for _, f := range all {
		key := f.key()
		if about != nil { // what is looked for is found once, behind a link or not
			if resolved, err := tree.Resolve(f.Tree, f.Path); err == nil {
				key = resolved
			}
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		source, err := f.read()
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, source)
	}
	return sources, notes, nil
}

func (f found) read() (render.Source, error) {
	name := f.Show(f.Path)
	if f.build {
		text, err := kustomization.Build(f.Tree, f.Path, f.Show)
		return render.Source{Name: name + built, Data: text}, err
	}
	if f.Tree == nil {
		data, err := os.ReadFile(f.Path)
		return render.Source{Name: name, Data: data}, err
	}
	data, err := tree.ReadFile(f.Tree, f.Path)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, cause(err))
	}
	return render.Source{Name: name, Data: data}, err
}

// expand is a file itself, or all YAML and JSON files below a folder. A folder
// that is a kustomization stands for what it builds, whatever lies below it.
// Files and folders whose name begins with a dot are not looked at.
func expand(p Place, about func(Place, bool) (bool, error)) ([]found, error) {
	at := func(name string) Place { q := p; q.Path = name; return q }
	if p.Tree == nil {
		return []found{{Place: p}}, nil
	}
	var all []found
	err := fs.WalkDir(p.Tree, p.Path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case about != nil && errors.Is(err, tree.ErrSubmodule):
			return fs.SkipDir
		case err != nil:
			return fmt.Errorf("%s: %w", p.Show(name), cause(err))
		case name != p.Path && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() && kustomization.File(p.Tree, name) == "",
			!entry.IsDir() && name != p.Path && !slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)):
			return nil
		}
		if about != nil {
			if yes, err := about(at(name), entry.IsDir()); err != nil || !yes {
				return err
			}
		}
		all = append(all, found{at(name), entry.IsDir(), name == p.Path})
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	if err == nil && len(all) == 0 && about == nil {
		err = fmt.Errorf("folder %s holds no YAML or JSON files", p.Show(p.Path))
	}
	return all, err
}

// cause is an error without the name that it repeats.
func cause(err error) error {
	if e := new(fs.PathError); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// dropBases leaves out the kustomizations that others of the input build on,
// but for those that the user named: they are parts, and no stacks.
func dropBases(all []found) (rest []found, notes []string) {
	includes := map[string]map[string]bool{}
	for _, f := range all {
		if f.build {
			includes[f.key()] = kustomization.Includes(f.Tree, f.Path)
		}
	}
	for _, f := range all {
		i := slices.IndexFunc(all, func(g found) bool {
			return f.build && !f.named && g.build && g.In == f.In && includes[g.key()][f.Path] && !includes[f.key()][g.Path]
		})
		if i < 0 {
			rest = append(rest, f)
			continue
		}
		notes = append(notes, fmt.Sprintf("%s is a base of %s, and no stack of its own", f.Show(f.Path), all[i].Show(all[i].Path)))
	}
	return rest, notes
}
