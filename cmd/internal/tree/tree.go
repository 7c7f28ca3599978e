// Package tree reads the files of one tree, of a disk or of a commit, and
// nothing outside it. Names are as in io/fs: with slashes, from the root on.
package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// ErrOutside is a name that leads out of the tree.
var ErrOutside = errors.New("leads out of the repository")

// ErrSubmodule is a folder whose files are another repository's.
var ErrSubmodule = errors.New("is a submodule, whose files are another repository's")

// maxLinks is how many symbolic links a name may lead through, as Linux has it.
const maxLinks = 40

// Resolve follows the symbolic links of a name, which may begin with .. steps
// that are taken back. The result holds none.
func Resolve(t fs.FS, name string) (string, error) {
	links := 0
	rest := strings.Split(name, "/")
	at := "."
	for len(rest) > 0 {
		step := rest[0]
		rest = rest[1:]
		switch step {
		case "", ".":
			continue
		case "..":
			if at == "." {
				return "", fmt.Errorf("%s %w", name, ErrOutside)
			}
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, step)
		info, err := fs.Lstat(t, next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many symbolic links", name)
		}
		target, err := fs.ReadLink(t, next)
		switch {
		case err != nil:
			return "", err
		case path.IsAbs(target):
			return "", fmt.Errorf("%s %w", name, ErrOutside)
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, nil
}

// Stat is fs.Stat of what a name leads to.
func Stat(t fs.FS, name string) (fs.FileInfo, error) {
	resolved, err := Resolve(t, name)
	if err != nil {
		return nil, err
	}
	return fs.Stat(t, resolved)
}

// ReadFile reads the plain file that a name leads to.
func ReadFile(t fs.FS, name string) ([]byte, error) {
	resolved, err := Resolve(t, name)
	if err != nil {
		return nil, err
	}
	info, err := fs.Stat(t, resolved)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is no plain file")}
	}
	return fs.ReadFile(t, resolved)
}
