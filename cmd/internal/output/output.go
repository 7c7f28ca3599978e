// Package output writes manifests to files: everything or nothing. What it
// writes to a folder stays within it, whatever links stand there.
package output

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// mark is the first line of every file in a folder: what bears it is ours to
// replace and to remove.
const mark = "# rendered by banhbaoring, do not edit\n"

// IsFolder reports whether a path means a folder.
func IsFolder(path string) bool {
	info, err := os.Stat(path)
	return strings.HasSuffix(path, "/") || err == nil && info.IsDir()
}

// File writes one file. A pipe or a device is written to, and a symbolic link
// followed: neither is replaced.
func File(path string, text []byte) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, text, 0o644)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	return Replace(filepath.Dir(path), map[string][]byte{filepath.Base(path): text})
}

// Replace writes files below dir, whatever stands in their place. A symbolic
// link that does is replaced, not followed.
func Replace(dir string, files map[string][]byte) error {
	return within(dir, func(root *os.Root) error { return write(root, files) })
}

// Folder writes one file an object, as <namespace>/<stage>/<kind>-<name>.yaml,
// and documents that were passed through as others.yaml. Files of an earlier
// render that no longer belong are removed; files that it did not write are
// never touched. With a stage, only files of that stage can be stale.
func Folder(dir, stageName string, manifests render.Manifests, foreign []*strict.Document) error {
	files, err := contents(manifests, foreign)
	if err != nil {
		return err
	}
	return Files(dir, files, func(path string) bool {
		return stageName == "" || filepath.Base(filepath.Dir(path)) == stageName
	})
}

// Files writes files, by their path from dir on, and removes those that an
// earlier run wrote, where stale says so.
func Files(dir string, files map[string][]byte, stale func(path string) bool) error {
	marked := map[string][]byte{}
	for path, text := range files {
		marked[path] = append([]byte(mark), text...)
	}
	return within(dir, func(root *os.Root) error {
		earlier, err := rendered(root)
		if err != nil {
			return err
		}
		for _, path := range slices.Sorted(maps.Keys(files)) {
			if _, err := root.Lstat(path); err == nil && !earlier[path] {
				return fmt.Errorf("%s exists and was not rendered: move it away, or choose another folder", filepath.Join(dir, path))
			}
		}
		if err := write(root, marked); err != nil {
			return err
		}
		for path := range earlier {
			if files[path] != nil || !stale(path) {
				continue
			}
			if err := root.Remove(path); err != nil {
				return err
			}
			removeEmpty(root, filepath.Dir(path))
		}
		return nil
	})
}

// within opens a folder, which is made where it is not there, and names it in
// what goes wrong.
func within(dir string, work func(*os.Root) error) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	err = work(root)
	if e := new(fs.PathError); errors.As(err, &e) {
		return fmt.Errorf("%s: %w", filepath.Join(dir, e.Path), e.Err)
	}
	return err
}

// write writes all files beside their places before it puts the first one there.
func write(root *os.Root, files map[string][]byte) error {
	temps := map[string]string{}
	defer func() {
		for _, temp := range temps {
			_ = root.Remove(temp)
		}
	}()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if !filepath.IsLocal(path) {
			return fmt.Errorf("%s leads out of the folder %s", path, root.Name())
		}
		temp, err := stage(root, path, files[path])
		if err != nil {
			return err
		}
		temps[path] = temp
	}
	for path, temp := range temps {
		if err := root.Rename(temp, path); err != nil {
			return err
		}
		delete(temps, path)
	}
	return nil
}

func contents(manifests render.Manifests, foreign []*strict.Document) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, u := range manifests {
		text, err := render.ObjectYAML(u)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(folder(u), u.GetAnnotations()[render.StageAnnotation], FileName(u))
		if files[path] != nil {
			return nil, fmt.Errorf("%s would hold two objects", path)
		}
		files[path] = text
	}
	if len(foreign) > 0 {
		var text []byte
		for _, d := range foreign {
			text = append(text, d.Text()...)
		}
		files["others.yaml"] = text
	}
	return files, nil
}

// folder is the namespace's, or that of what lives in none.
func folder(u *unstructured.Unstructured) string {
	if namespace := u.GetNamespace(); namespace != "" {
		return namespace
	}
	return "cluster"
}

// FileName is the file of one object.
func FileName(u *unstructured.Unstructured) string {
	return strings.ToLower(u.GetKind()) + "-" + strings.NewReplacer(":", "-", "/", "-").Replace(u.GetName()) + ".yaml"
}

// rendered are the files that an earlier render wrote. A link is none of them.
func rendered(root *os.Root) (map[string]bool, error) {
	files := map[string]bool{}
	err := fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(path) != ".yaml" {
			return err
		}
		ours, err := bears(root, path)
		if ours {
			files[filepath.FromSlash(path)] = true
		}
		return err
	})
	return files, err
}

func bears(root *os.Root, path string) (bool, error) {
	f, err := root.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(mark))
	n, _ := f.Read(head) // a file that is too short is not ours
	return string(head[:n]) == mark, nil
}

// stage writes text beside path, to be renamed.
func stage(root *os.Root, path string, text []byte) (temp string, err error) {
	if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	temp = filepath.Join(filepath.Dir(path), ".banhbaoring-"+rand.Text())
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			_ = root.Remove(temp)
		}
	}()
	if _, err := f.Write(text); err != nil {
		return "", err
	}
	if err := f.Chmod(0o644); err != nil {
		return "", err
	}
	return temp, f.Close()
}

// removeEmpty removes folders that have become empty, up to but not including
// the root.
func removeEmpty(root *os.Root, dir string) {
	for dir != "." && root.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
}
