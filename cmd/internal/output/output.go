// Package output writes manifests to files: everything or nothing.
package output

import (
	"fmt"
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

// IsFolder tells whether a path means a folder.
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
	temp, err := stage(path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return err
	}
	return nil
}

// Folder writes one file an object, as <namespace>/<stage>/<kind>-<name>.yaml,
// and documents that were passed through as others.yaml. Files of an earlier
// render that no longer belong are removed; files that it did not write are
// never touched. With a stage, only files of that stage can be stale.
func Folder(dir, stageName string, manifests render.Manifests, foreign []*strict.Document) error {
	files, err := contents(dir, manifests, foreign)
	if err != nil {
		return err
	}
	return Files(dir, files, func(path string) bool {
		return stageName == "" || filepath.Base(filepath.Dir(path)) == stageName
	})
}

// Files writes files, by their path, below dir, and removes those that an
// earlier run wrote, where stale says so.
func Files(dir string, files map[string][]byte, stale func(path string) bool) error {
	earlier, err := rendered(dir)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := refuseForeign(path, earlier); err != nil {
			return err
		}
	}
	temps := map[string]string{}
	defer func() {
		for _, temp := range temps {
			os.Remove(temp)
		}
	}()
	for path, text := range files {
		temp, err := stage(path, append([]byte(mark), text...))
		if err != nil {
			return err
		}
		temps[path] = temp
	}
	for path, temp := range temps {
		if err := os.Rename(temp, path); err != nil {
			return err
		}
		delete(temps, path)
		delete(earlier, path)
	}
	for path := range earlier {
		if !stale(path) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		removeEmpty(filepath.Dir(path), dir)
	}
	return nil
}

func contents(dir string, manifests render.Manifests, foreign []*strict.Document) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, u := range manifests {
		text, err := render.ObjectYAML(u)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, folder(u), u.GetAnnotations()[render.StageAnnotation], FileName(u))
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
		files[filepath.Join(dir, "others.yaml")] = text
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

// rendered are the files below dir that an earlier render wrote.
func rendered(dir string) (map[string]bool, error) {
	files := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if os.IsNotExist(err) && path == dir {
			return nil
		}
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		ours, err := bears(path)
		if ours {
			files[path] = true
		}
		return err
	})
	return files, err
}

func bears(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(mark))
	n, _ := f.Read(head) // a file that is too short is not ours
	return string(head[:n]) == mark, nil
}

func refuseForeign(path string, ours map[string]bool) error {
	if _, err := os.Lstat(path); err == nil && !ours[path] {
		return fmt.Errorf("%s exists and was not rendered: move it away, or choose another folder", path)
	}
	return nil
}

// stage writes text beside path, to be renamed.
func stage(path string, text []byte) (temp string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".banhbaoring-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(text); err != nil {
		return "", err
	}
	if err := f.Chmod(0o644); err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// removeEmpty removes folders that have become empty, up to but not including root.
func removeEmpty(dir, root string) {
	for dir != filepath.Clean(root) && os.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
}
