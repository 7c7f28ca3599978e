// Package helm turns a Helm chart and values into Kubernetes objects.
//
// It knows no component and has no effects: no network, clock, environment or
// files beyond the chart it is handed. The same chart, values and release give
// the same objects, which is why charts that call random or time functions are
// refused when they are loaded.
package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
)

// Chart is a loaded, checked chart. It is read-only and safe for concurrent use.
type Chart struct {
	chart   *chart.Chart
	files   []*loader.BufferedFile        // kept to load charts with dependencies afresh
	schemas map[string]*jsonschema.Schema // by the chart's full path, subcharts included
	usesTpl bool                          // a reachable template calls tpl
}

// Name is the chart's name, as in Chart.yaml.
func (c *Chart) Name() string { return c.chart.Metadata.Name }

// Version is the chart's own version, as in Chart.yaml.
func (c *Chart) Version() string { return c.chart.Metadata.Version }

// AppVersion is the version of what the chart deploys, as in Chart.yaml.
func (c *Chart) AppVersion() string { return c.chart.Metadata.AppVersion }

// LoadFS loads the chart in folder dir of fsys. Every file below dir is part of
// the chart: .helmignore is not consulted.
func LoadFS(fsys fs.FS, dir string) (*Chart, error) {
	var files []*loader.BufferedFile
	err := fs.WalkDir(fsys, dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if dir != "." {
			name = strings.TrimPrefix(name, path.Clean(dir)+"/")
		}
		files = append(files, &loader.BufferedFile{Name: name, Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("loading chart: %w", err)
	}
	return load(files)
}

// Limits of an archive, in bytes, entries and levels of charts within charts.
// Charts are a few hundred kilobytes; these stop archives made to fill memory.
const (
	maxPacked   = 10 << 20
	maxUnpacked = 50 << 20
	maxEntries  = 10_000
	maxDepth    = 5
)

// LoadArchive loads a packaged chart (.tgz) from memory.
func LoadArchive(data []byte) (*Chart, error) {
	if len(data) > maxPacked {
		return nil, fmt.Errorf("loading chart archive: %d bytes, more than the %d allowed", len(data), maxPacked)
	}
	left := budget{bytes: maxUnpacked, entries: maxEntries}
	if err := left.spend(data, 0); err != nil {
		return nil, fmt.Errorf("loading chart archive: %w", err)
	}
	files, err := loader.LoadArchiveFiles(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("loading chart archive: %w", err)
	}
	return load(files)
}

// budget is what an archive and the archives in its charts/ may still unpack to.
type budget struct {
	bytes   int64
	entries int
}

func (b *budget) spend(archive []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("charts nested more than %d deep", maxDepth)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return fmt.Errorf("not a gzipped tar archive: %w", err)
	}
	// The limit also bounds what the tar reader skips.
	limited := &io.LimitedReader{R: unzipped, N: b.bytes + 1}
	entries := tar.NewReader(limited)
	var nested [][]byte
	for {
		header, err := entries.Next()
		if limited.N <= 0 {
			return fmt.Errorf("unpacks to more than %d bytes", maxUnpacked)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if b.entries--; b.entries < 0 {
			return fmt.Errorf("more than %d files", maxEntries)
		}
		if strings.HasSuffix(header.Name, ".tgz") && strings.Contains(header.Name, "charts/") {
			inner, err := io.ReadAll(entries)
			if err != nil {
				return err
			}
			nested = append(nested, inner)
		}
	}
	b.bytes = limited.N - 1
	for _, inner := range nested {
		if err := b.spend(inner, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// load makes a Chart of files and refuses what could not be rendered faithfully.
func load(files []*loader.BufferedFile) (*Chart, error) {
	ch, err := loader.LoadFiles(files)
	if err != nil {
		return nil, fmt.Errorf("loading chart: %s", oneLine(err.Error()))
	}
	c := &Chart{chart: ch, files: files}
	if strings.EqualFold(ch.Metadata.Type, "library") {
		return nil, &Error{Chart: c.Name(), Message: "a library chart has no objects of its own", Hint: "name a chart that uses it"}
	}
	for _, dependency := range ch.Metadata.Dependencies {
		if !vendored(ch, dependency) {
			return nil, &Error{Chart: c.Name(),
				Message: fmt.Sprintf("dependency %s is not in charts/", dependency.Name),
				Hint:    "run `helm dependency build` before `helm package`"}
		}
	}
	if c.usesTpl, err = checkTemplates(ch); err != nil {
		return nil, err
	}
	if c.schemas, err = compileSchemas(ch); err != nil {
		return nil, err
	}
	return c, nil
}

func vendored(ch *chart.Chart, dependency *chart.Dependency) bool {
	for _, sub := range ch.Dependencies() {
		if sub.Name() == dependency.Name {
			return true
		}
	}
	return false
}

// instance is a chart for one render: Helm's dependency processing edits the
// chart it works on.
func (c *Chart) instance(values map[string]any) (*chart.Chart, error) {
	if len(c.chart.Dependencies()) > 0 {
		fresh, err := loader.LoadFiles(c.files)
		if err != nil {
			return nil, err
		}
		return fresh, chartutil.ProcessDependenciesWithMerge(fresh, values)
	}
	own := *c.chart
	own.Values = withoutShadowed(own.Values, values)
	return &own, nil
}

// withoutShadowed is defaults less every key whose override is of the other
// kind, a map for a scalar or a scalar for a map. The override wins either way;
// left in, Helm would print a warning through the log package.
func withoutShadowed(defaults, overrides map[string]any) map[string]any {
	kept := make(map[string]any, len(defaults))
	for key, value := range defaults {
		override, overridden := overrides[key]
		inner, isMap := value.(map[string]any)
		overrideInner, overrideIsMap := override.(map[string]any)
		switch {
		case !overridden, override == nil, value == nil:
			kept[key] = value
		case isMap && overrideIsMap:
			kept[key] = withoutShadowed(inner, overrideInner)
		case isMap == overrideIsMap:
			kept[key] = value
		}
	}
	return kept
}
