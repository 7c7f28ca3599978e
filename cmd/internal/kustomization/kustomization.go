// Package kustomization builds the user's own kustomizations. It fetches
// nothing and runs nothing: what a kustomization names must lie beside it.
package kustomization

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// File is the kustomization file of a folder, empty where there is none.
func File(dir string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// Build is what `kustomize build` prints for a folder. The program's runs of it
// share state of kustomize's, so that only one may happen at a time.
func Build(dir string) ([]byte, error) {
	if err := refuseRemote(dir, map[string]bool{}); err != nil {
		return nil, err
	}
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionNone
	built, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", dir, firstLine(err))
	}
	return built.AsYaml()
}

// refuseRemote refuses a kustomization that names what is not on this disk, in
// itself or in those that it builds on: kustomize would fetch it.
func refuseRemote(dir string, seen map[string]bool) error {
	if seen[filepath.Clean(dir)] {
		return nil // kustomize itself reports cycles
	}
	seen[filepath.Clean(dir)] = true
	file := File(dir)
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var k types.Kustomization
	if err := yaml.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("%s: %s", file, firstLine(err))
	}
	for _, path := range files(&k) {
		if strings.Contains(path, "\n") {
			continue // written in place
		}
		if isRemote(path) {
			return fmt.Errorf("%s: %s is not fetched: put it beside the kustomization", file, path)
		}
	}
	for _, path := range append(append(k.Resources, k.Components...), k.Bases...) { //nolint:staticcheck // Bases is old, and in use
		path = filepath.Join(dir, path)
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("%s: there is no file or folder %s, and nothing is fetched", file, path)
		}
		if info.IsDir() {
			if err := refuseRemote(path, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// files are all the paths that a kustomization names, or the texts that stand
// in their place.
func files(k *types.Kustomization) []string {
	var paths []string
	add := func(lists ...[]string) {
		for _, list := range lists {
			paths = append(paths, list...)
		}
	}
	add(k.Resources, k.Components, k.Bases, k.Crds, k.Configurations, k.Generators, k.Transformers, k.Validators) //nolint:staticcheck // Bases is old, and in use
	for _, p := range k.PatchesStrategicMerge {                                                                   //nolint:staticcheck // old, and in use
		paths = append(paths, string(p))
	}
	for _, p := range append(k.Patches, k.PatchesJson6902...) { //nolint:staticcheck // old, and in use
		paths = append(paths, p.Path)
	}
	for _, r := range k.Replacements {
		paths = append(paths, r.Path)
	}
	for _, path := range k.OpenAPI {
		paths = append(paths, path)
	}
	for _, g := range k.ConfigMapGenerator {
		add(sources(g.KvPairSources))
	}
	for _, g := range k.SecretGenerator {
		add(sources(g.KvPairSources))
	}
	return paths
}

// sources are the files of a generator; a file may stand behind its key.
func sources(s types.KvPairSources) []string {
	paths := append([]string{s.EnvSource}, s.EnvSources...)
	for _, file := range s.FileSources {
		if _, path, ok := strings.Cut(file, "="); ok {
			file = path
		}
		paths = append(paths, file)
	}
	return paths
}

func isRemote(path string) bool {
	return strings.Contains(path, "://") || strings.HasPrefix(path, "git@") || strings.HasPrefix(path, "git::")
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
