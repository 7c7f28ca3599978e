// Package kustomization builds the user's own kustomizations. It fetches
// nothing and runs nothing: what a kustomization names must lie in its tree.
package kustomization

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/banhbaoring/banhbaoring/cmd/internal/tree"
)

// File is the kustomization file of a folder, empty where there is none.
func File(t fs.FS, dir string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, name)
		if info, err := tree.Stat(t, file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}

// building serialises builds: kustomize's runs share state.
var building sync.Mutex

// Build is what `kustomize build` prints for a folder of a tree. Messages call
// files what show makes of their names.
func Build(t fs.FS, dir string, show func(string) string) ([]byte, error) {
	return limits{files: maxFiles, memory: maxMemory, time: maxTime}.build(t, dir, show)
}

func (l limits) build(t fs.FS, dir string, show func(string) string) ([]byte, error) {
	building.Lock()
	defer building.Unlock()
	if err := missing(t, dir, show); err != nil {
		return nil, err
	}
	g := &guard{tree: t, show: show, left: l.files}
	text, err := l.watch(func() ([]byte, error) {
		defer g.offline()()
		built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(g, g.path(dir))
		if err != nil {
			return nil, err
		}
		return built.AsYaml()
	})
	// What was refused stands, whatever kustomize made of it.
	if refused := g.stop(); refused != nil {
		return nil, refused
	}
	if err != nil {
		message := repeated.ReplaceAllString(strings.ReplaceAll(firstLine(err), root+"/", ""), "$1…")
		return nil, fmt.Errorf("%s: %s", show(dir), message)
	}
	return text, nil
}

// Complete reports whether all files and folders that a kustomization names are
// there, at any depth.
func Complete(t fs.FS, dir string) bool {
	return missing(t, dir, func(name string) string { return name }) == nil
}

// missing is what kustomize, in more words, would try to fetch.
func missing(t fs.FS, dir string, show func(string) string) error {
	for _, dir := range append([]string{dir}, slices.Sorted(maps.Keys(Includes(t, dir)))...) {
		for _, name := range loaded(read(t, dir)) {
			_, err := tree.Stat(t, path.Join(dir, name))
			if errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(name, "\n{") && !remote.MatchString(name) {
				return fmt.Errorf("%s: there is no file or folder %s, and nothing is fetched", show(File(t, dir)), name)
			}
		}
	}
	return nil
}

// read is the kustomization of a folder; empty where kustomize would refuse it.
func read(t fs.FS, dir string) *types.Kustomization {
	k := &types.Kustomization{}
	text, err := tree.ReadFile(t, File(t, dir))
	if err == nil && overLimit("", text) == nil && k.Unmarshal(text) == nil {
		return k
	}
	return &types.Kustomization{}
}

// repeated is where kustomize repeats a text that it was given, which may hold
// what is secret.
var repeated = regexp.MustCompile(`(with config: |from \[|from )[` + "`" + `"\[{\\].*`)

// Includes are the folders of the tree that a kustomization builds on, at any
// depth.
func Includes(t fs.FS, dir string) map[string]bool {
	found := map[string]bool{}
	var visit func(dir string)
	visit = func(dir string) {
		for _, name := range loaded(read(t, dir)) {
			below, err := tree.Resolve(t, path.Join(dir, name))
			if err != nil || found[below] || File(t, below) == "" {
				continue
			}
			found[below] = true
			visit(below)
		}
	}
	visit(dir)
	return found
}

// loaded are the files and folders that a kustomization takes objects from, or
// the texts that stand in their place.
func loaded(k *types.Kustomization) []string {
	return slices.Concat(k.Resources, k.Components, k.Bases, k.Generators, k.Transformers, k.Validators) //nolint:staticcheck // Bases is old, and in use
}

// files are all the paths that a kustomization names, or the texts that stand
// in their place.
func files(k *types.Kustomization) []string {
	paths := slices.Concat(loaded(k), k.Crds, k.Configurations)
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // old, and in use
		paths = append(paths, string(p))
	}
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // old, and in use
		paths = append(paths, p.Path)
	}
	for _, r := range k.Replacements {
		paths = append(paths, r.Path)
	}
	for _, file := range k.OpenAPI {
		paths = append(paths, file)
	}
	for _, g := range k.ConfigMapGenerator {
		paths = append(paths, sources(g.KvPairSources)...)
	}
	for _, g := range k.SecretGenerator {
		paths = append(paths, sources(g.KvPairSources)...)
	}
	return paths
}

// sources are the files of a generator; a file may stand behind its key.
func sources(s types.KvPairSources) []string {
	paths := append([]string{s.EnvSource}, s.EnvSources...)
	for _, file := range s.FileSources {
		if _, behind, ok := strings.Cut(file, "="); ok {
			file = behind
		}
		paths = append(paths, file)
	}
	return paths
}

// remote is whatever kustomize takes for an address, a folder of that name or
// not. Source: NewRepoSpecFromURL and IsRemoteFile of
// sigs.k8s.io/kustomize/api/internal.
var remote = regexp.MustCompile(`(?i)^(git::|[a-z][a-z0-9+.-]*://|https?:|[a-z][a-z0-9-]*@|github\.com[/:])`)

// refusal is what of a kustomization is refused before it is built; nil where
// the text is none.
func refusal(text []byte) error {
	k := &types.Kustomization{}
	if k.Unmarshal(text) != nil {
		return nil // no kustomization that kustomize would take
	}
	if len(k.HelmCharts)+len(k.HelmChartInflationGenerator) > 0 {
		return errors.New("helmCharts are not rendered, since no program is run: render the chart, and put its output beside the kustomization")
	}
	for _, name := range files(k) {
		if remote.MatchString(name) {
			name, _, _ = strings.Cut(name, "\n")
			return fmt.Errorf("%s is not fetched: put it beside the kustomization", name)
		}
	}
	return nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
