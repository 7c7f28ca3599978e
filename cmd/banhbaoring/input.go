package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/cmd/internal/kustomization"
	"github.com/banhbaoring/banhbaoring/render"
)

// addFileFlag adds -f to a command.
func addFileFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVarP(files, "filename", "f", nil, "file, folder (recursively) or - for standard input; may be repeated")
}

// load reads the given files and prints warnings.
func load(cmd *cobra.Command, files []string) (*render.Input, error) {
	if len(files) == 0 {
		return nil, usagef("give the spec with -f FILE, -f FOLDER or -f -")
	}
	sources, err := read(cmd.InOrStdin(), files)
	if err != nil {
		return nil, err
	}
	in, err := render.Load(sources...)
	if err != nil {
		return nil, err
	}
	warn(cmd, in)
	return in, nil
}

func warn(cmd *cobra.Command, in *render.Input) {
	for _, w := range in.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", w.Error())
	}
}

func read(stdin io.Reader, files []string) ([]render.Source, error) {
	var sources []render.Source
	seen := map[string]bool{}
	add := func(name string, read func() ([]byte, error)) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		data, err := read()
		if err != nil {
			return err
		}
		sources = append(sources, render.Source{Name: name, Data: data})
		return nil
	}
	for _, file := range files {
		if file == "-" {
			if err := add("<stdin>", func() ([]byte, error) { return io.ReadAll(stdin) }); err != nil {
				return nil, fmt.Errorf("reading standard input: %w", err)
			}
			continue
		}
		names, err := expand(file)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			read := func() ([]byte, error) { return os.ReadFile(name) }
			if dir, ok := strings.CutSuffix(name, built); ok {
				read = func() ([]byte, error) { return kustomization.Build(dir) }
			}
			if err := add(name, read); err != nil {
				return nil, err
			}
		}
	}
	return sources, nil
}

// built ends the name of a source that is a folder's kustomization.
const built = " (kustomize build)"

// expand is a file itself, or all YAML and JSON files below a folder. A folder
// that is a kustomization stands for what it builds, whatever lies below it.
// Files and folders whose name begins with a dot are not looked at.
func expand(path string) ([]string, error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file or folder %s", path)
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var names []string
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != path && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
		case entry.IsDir() && kustomization.File(name) != "":
			names = append(names, name+built)
			return filepath.SkipDir
		case !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)):
			names = append(names, name)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("folder %s holds no YAML or JSON files", path)
	}
	return names, err
}
