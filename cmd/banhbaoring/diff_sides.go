package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/banhbaoring/banhbaoring/cmd/internal/revision"
	"github.com/banhbaoring/banhbaoring/render"
)

// ourGroup stands in every file that holds a document of ours.
const ourGroup = "banhbaoring.io"

func mentions(s render.Source, word string) bool { return bytes.Contains(s.Data, []byte(word)) }

// read reads the files of sides, each of which is a revision, a file or a folder.
func (o *diffOptions) read(ctx context.Context, names ...string) ([][]render.Source, error) {
	sources := make([][]render.Source, len(names))
	var commits, revisions []string
	var places []int
	for i, name := range names {
		commit, err := o.resolve(ctx, name)
		if err != nil {
			return nil, err
		}
		if commit != "" {
			commits, revisions, places = append(commits, commit), append(revisions, name), append(places, i)
			continue
		}
		if sources[i], err = o.readFolder(name); err != nil {
			return nil, err
		}
	}
	read, err := revision.Read(ctx, ".", commits, revisions, o.paths, func(path string) bool {
		return !revision.Hidden(path) && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path))
	})
	if err != nil {
		return nil, err
	}
	for i, place := range places {
		sources[place] = read[i]
		if len(o.paths) == 0 { // a repository holds much that is no input
			sources[place] = slices.DeleteFunc(read[i], func(s render.Source) bool { return !mentions(s, ourGroup) })
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
	if err != nil {
		return "", err
	}
	_, missing := os.Stat(name)
	switch {
	case commit != "" && missing == nil:
		return "", usagef("%s is a revision and a path: write ./%s for the path, or heads/%s for the branch", name, name, name)
	case commit == "" && missing != nil:
		return "", usagef("there is no revision, file or folder %s", name)
	}
	return commit, nil
}

func (o *diffOptions) readFolder(name string) ([]render.Source, error) {
	if len(o.paths) == 0 {
		return read(nil, []string{name})
	}
	var files []string
	for _, path := range o.paths {
		file := filepath.Join(name, path)
		if _, err := os.Stat(file); err == nil { // it may be on the other side only
			files = append(files, file)
		}
	}
	return read(nil, files)
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
