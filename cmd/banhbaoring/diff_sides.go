package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/cmd/internal/input"
	"github.com/banhbaoring/banhbaoring/cmd/internal/kustomization"
	"github.com/banhbaoring/banhbaoring/cmd/internal/revision"
	"github.com/banhbaoring/banhbaoring/cmd/internal/tree"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// read reads sides, each of which is a revision, a file or a folder, as render
// reads its input.
func (o *diffOptions) read(cmd *cobra.Command, names ...string) ([][]render.Source, error) {
	var repository *revision.Repository
	sources := make([][]render.Source, len(names))
	for i, name := range names {
		commit, err := o.resolve(cmd.Context(), name)
		if err != nil {
			return nil, err
		}
		if commit != "" && repository == nil {
			if repository, err = revision.Open(cmd.Context(), "."); err != nil {
				return nil, err
			}
			defer repository.Close()
		}
		var notes []string
		if commit != "" {
			sources[i], notes, err = o.readCommit(cmd.Context(), repository, commit, name)
		} else {
			sources[i], notes, err = o.readFolder(name)
		}
		if err != nil {
			return nil, err
		}
		if i == len(names)-1 { // those of the head
			note(cmd, notes)
		}
	}
	return sources, nil
}

// resolve is the commit that a name stands for, empty where it is a path.
func (o *diffOptions) resolve(ctx context.Context, name string) (string, error) {
	for _, prefix := range []string{"./", "../", "/"} {
		if strings.HasPrefix(name, prefix) || name == "." || name == ".." {
			return "", nil
		}
	}
	commit, err := revision.Resolve(ctx, ".", name)
	_, missing := os.Stat(name)
	switch {
	case commit != "" && missing == nil:
		return "", usagef("%s is a revision and a path: write ./%s for the path, or heads/%s for the branch", name, name, name)
	case missing == nil:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("there is no file or folder %s, and it cannot be read as a revision: %w", name, err)
	case commit == "":
		return "", usagef("there is no revision, file or folder %s", name)
	}
	return commit, nil
}

func (o *diffOptions) readFolder(name string) ([]render.Source, []string, error) {
	if len(o.paths) == 0 {
		return input.Read(nil, []string{name}, "")
	}
	var files []string
	for _, path := range o.paths {
		file := filepath.Join(name, path)
		if _, err := os.Stat(file); err == nil { // it may be on the other side only
			files = append(files, file)
		}
	}
	return input.Read(nil, files, "")
}

// readCommit reads the paths of a commit, which count from the working folder
// on; without any, what is ours of the whole repository, which holds much else.
func (o *diffOptions) readCommit(ctx context.Context, repository *revision.Repository, commit, name string) ([]render.Source, []string, error) {
	files, err := repository.Tree(ctx, commit)
	if err != nil {
		return nil, nil, err
	}
	whole := input.Place{Tree: files, In: commit, Path: ".", Show: func(file string) string { return name + ":" + file }}
	if len(o.paths) == 0 {
		return input.Places([]input.Place{whole}, isOurs)
	}
	prefix, err := revision.Prefix(ctx, ".")
	if err != nil {
		return nil, nil, err
	}
	var places []input.Place
	for _, given := range o.paths {
		p := whole
		p.Path = path.Join(prefix, filepath.ToSlash(given))
		if !filepath.IsLocal(p.Path) {
			return nil, nil, usagef("--path %s leads out of the repository", given)
		}
		resolved, err := tree.Resolve(files, p.Path)
		if errors.Is(err, fs.ErrNotExist) { // it may be on the other side only
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		p.Path = resolved
		places = append(places, p)
	}
	return input.Places(places, nil)
}

// isOurs reports whether a file holds a document of ours, or whether a
// kustomization or what it builds on does; where a part of that is missing,
// nobody can tell, and the build says so.
func isOurs(p input.Place, kustomized bool) (bool, error) {
	if !kustomized {
		text, err := tree.ReadFile(p.Tree, p.Path)
		return err == nil && holdsGroup(text), err
	}
	if !kustomization.Complete(p.Tree, p.Path) {
		return true, nil
	}
	dirs := kustomization.Includes(p.Tree, p.Path)
	dirs[p.Path] = true
	for dir := range dirs {
		found := false
		err := fs.WalkDir(p.Tree, dir, func(name string, entry fs.DirEntry, err error) error {
			if found || errors.Is(err, tree.ErrSubmodule) {
				return fs.SkipAll
			}
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := tree.ReadFile(p.Tree, name)
			if err != nil { // a link to nowhere, or to a folder
				return nil
			}
			found = holdsGroup(text)
			return nil
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// holdsGroup reports whether a text names our group, which may be written with
// escapes.
func holdsGroup(text []byte) bool {
	if bytes.Contains(text, []byte(v1.GroupVersion.Group)) {
		return true
	}
	if !bytes.Contains(text, []byte(`\`)) {
		return false
	}
	documents, _ := strict.Split("", text)
	return slices.ContainsFunc(documents, func(d *strict.Document) bool {
		return strings.HasPrefix(d.APIVersion, v1.GroupVersion.Group+"/")
	})
}

// prefix is what the names of a side's files begin with: a file that was given
// as a side is the same on the other, whatever its name.
func prefix(name string, sources []render.Source) string {
	clean := filepath.Clean(name)
	for _, s := range sources {
		switch {
		case s.Name == clean:
			return clean
		case strings.HasPrefix(s.Name, name+":"):
			return name + ":"
		}
	}
	return strings.TrimPrefix(clean+"/", "./")
}
