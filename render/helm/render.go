package helm

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// helmVersion is what templates see as .Capabilities.HelmVersion: the version
// of the engine in go.mod. A constant, since build information varies.
const helmVersion = "v3.22.0"

// Release is what a chart's templates see as .Release and .Capabilities.
type Release struct {
	Name        string
	Namespace   string
	KubeVersion string // such as "1.33" or "v1.33.2"
}

// Render gives the chart's objects for values laid over the chart's defaults,
// as `helm install` would create them: CRDs, then the templates by name, the
// objects of each in their written order.
//
// Helm tests and NOTES.txt are left out. Other hooks become plain objects: their
// helm.sh/hook annotations are removed, whatever the phase they name, because
// Argo CD would act on them. Namespaces are as the chart prints them. Values are
// not changed. What a template, the values or the cluster's version are at fault
// for is an *Error; a manifest that cannot be parsed is reported by its file.
func (c *Chart) Render(values map[string]any, r Release) ([]*unstructured.Unstructured, error) {
	if err := chartutil.ValidateReleaseName(r.Name); err != nil {
		return nil, fmt.Errorf("release name %q: %w", r.Name, err)
	}
	if r.Namespace == "" {
		return nil, fmt.Errorf("release %s: no namespace", r.Name)
	}
	capabilities, err := c.capabilities(r.KubeVersion)
	if err != nil {
		return nil, err
	}
	values, err = plain(values)
	if err != nil {
		return nil, fmt.Errorf("chart %s: values: %w", c.Name(), err)
	}
	ch, err := c.instance(values)
	if err != nil {
		return nil, &Error{Chart: c.Name(), Message: err.Error()}
	}
	input, err := chartutil.ToRenderValuesWithSchemaValidation(ch, values, chartutil.ReleaseOptions{
		Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true,
	}, capabilities, true)
	if err != nil {
		return nil, &Error{Chart: c.Name(), Message: err.Error()}
	}
	merged := input["Values"].(chartutil.Values).AsMap()
	if err := c.validate(ch, merged); err != nil {
		return nil, err
	}
	if c.usesTpl {
		if err := checkValues(c.Name(), merged); err != nil {
			return nil, err
		}
	}
	rendered, err := engine.Engine{}.Render(ch, input)
	if err != nil {
		return nil, renderError(c.Name(), err)
	}
	return objects(ch, rendered)
}

// plain is a deep copy of values in JSON's types, whole numbers as int64.
func plain(values map[string]any) (map[string]any, error) {
	copied := map[string]any{}
	if len(values) == 0 {
		return copied, nil
	}
	data, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	return copied, utiljson.Unmarshal(data, &copied)
}

// objects parses what the engine rendered, in the order Render promises.
func objects(ch *chart.Chart, rendered map[string]string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	add := func(file, text string) error {
		parsed, err := parseManifests(text)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, withoutHooks(parsed)...)
		return nil
	}
	for _, crd := range ch.CRDObjects() {
		if err := add(crd.Filename, string(crd.File.Data)); err != nil {
			return nil, err
		}
	}
	files := make([]string, 0, len(rendered))
	for file := range rendered {
		if !strings.HasSuffix(file, "/NOTES.txt") {
			files = append(files, file)
		}
	}
	sort.Strings(files)
	for _, file := range files {
		if err := add(file, rendered[file]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
