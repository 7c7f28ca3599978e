package helm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/render/helm"
)

var release = helm.Release{Name: "demo", Namespace: "demo-ns", KubeVersion: "1.33"}

// files is a chart in memory: Chart.yaml unless given, and the files given.
func files(given map[string]string) fstest.MapFS {
	chart := fstest.MapFS{"Chart.yaml": {Data: []byte("apiVersion: v2\nname: demo\nversion: 1.2.3\nappVersion: 4.5.6\n")}}
	for name, text := range given {
		chart[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return chart
}

func loadFiles(t *testing.T, given map[string]string) *helm.Chart {
	t.Helper()
	chart, err := helm.LoadFS(files(given), ".")
	if err != nil {
		t.Fatal(err)
	}
	return chart
}

// configMap is a manifest with one template in it.
func configMap(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\ndata:\n  value: " + value + "\n"
}

func names(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, object := range objects {
		all = append(all, object.GetKind()+"/"+object.GetName())
	}
	return all
}

func TestRenderLaysValuesOverTheDefaults(t *testing.T) {
	chart := loadFiles(t, map[string]string{
		"values.yaml":       "a: 1\nlarge: 1\nshape: text\ngone: kept\n",
		"templates/cm.yaml": configMap("{{ .Release.Name }}", `{{ printf "%v %v %s %v" .Values.a .Values.large .Values.shape.is (hasKey .Values "gone") | quote }}`),
	})
	if chart.Name() != "demo" || chart.Version() != "1.2.3" || chart.AppVersion() != "4.5.6" {
		t.Errorf("metadata: %s %s %s", chart.Name(), chart.Version(), chart.AppVersion())
	}
	values := map[string]any{"large": 1_000_000, "shape": map[string]string{"is": "map"}, "gone": nil}
	objects, err := chart.Render(values, release)
	if err != nil {
		t.Fatal(err)
	}
	want := []*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "demo"},
		"data":     map[string]any{"value": "1 1000000 map false"},
	}}}
	if diff := cmp.Diff(want, objects); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"large": 1_000_000, "shape": map[string]string{"is": "map"}, "gone": nil}, values); diff != "" {
		t.Errorf("the caller's values changed: %s", diff)
	}
}

func TestTemplatesSeeAFixedReleaseAndCluster(t *testing.T) {
	chart := loadFiles(t, map[string]string{"templates/cm.yaml": configMap("x", `{{ printf "%s %s %v %v %v %s %s %v %v" .Release.Name .Release.Namespace .Release.IsInstall .Release.IsUpgrade .Release.Revision .Release.Service .Capabilities.KubeVersion.Version (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") .Capabilities.HelmVersion.Version | quote }}`)})
	for version, want := range map[string]string{
		"1.31":    "demo demo-ns true false 1 Helm v1.31.0 true v3.22.0",
		"v1.34.2": "demo demo-ns true false 1 Helm v1.34.2 true v3.22.0",
	} {
		objects, err := chart.Render(nil, helm.Release{Name: "demo", Namespace: "demo-ns", KubeVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := unstructured.NestedString(objects[0].Object, "data", "value"); got != want {
			t.Errorf("kube version %q: got %q, want %q", version, got, want)
		}
	}
}

func TestObjectsComeByTemplateThenPosition(t *testing.T) {
	chart := loadFiles(t, map[string]string{
		"crds/z.yaml":          "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: z}\n",
		"templates/b.yaml":     configMap("b1", "x") + "--- # a comment\n" + configMap("b2", "x") + "---\n# nothing\n---\n\n",
		"templates/a.yaml":     "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a1}}\n- {apiVersion: v1, kind: Secret, metadata: {name: a2}}\n",
		"templates/sub/c.yaml": `{{ include "part" . }}`,
		"templates/_part.tpl":  `{{ define "part" }}` + configMap("c", "x") + `{{ end }}` + configMap("partial", "x"),
		"templates/NOTES.txt":  "Thank you: {{ .Release.Name }}",
		"templates/empty.yaml": "{{ if false }}\nnot: printed\n{{ end }}",
	})
	objects, err := chart.Render(nil, release)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"CustomResourceDefinition/z", "Secret/a1", "Secret/a2", "ConfigMap/b1", "ConfigMap/b2", "ConfigMap/c"}
	if diff := cmp.Diff(want, names(objects)); diff != "" {
		t.Error(diff)
	}
}

func TestHooksBecomePlainObjectsAndTestsAreDropped(t *testing.T) {
	hook := func(name, annotations string) string {
		return "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n  annotations: {" + annotations + "}\n"
	}
	chart := loadFiles(t, map[string]string{"templates/hooks.yaml": hook("install", `helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "5", helm.sh/hook-delete-policy: hook-succeeded, keep: me`) +
		hook("bare", `helm.sh/hook: post-install`) +
		hook("test", `helm.sh/hook: test`) +
		hook("mixed", `helm.sh/hook: "post-install, test"`) +
		hook("old", `helm.sh/hook: test-success`)})
	objects, err := chart.Render(nil, release)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Pod/install", "Pod/bare"}, names(objects)); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(map[string]string{"keep": "me"}, objects[0].GetAnnotations()); diff != "" {
		t.Error(diff)
	}
	if _, found, _ := unstructured.NestedMap(objects[1].Object, "metadata", "annotations"); found {
		t.Error("empty annotations are left")
	}
}

func TestSubchartsFollowTheirConditions(t *testing.T) {
	chart := loadFiles(t, map[string]string{
		"Chart.yaml":                   "apiVersion: v2\nname: demo\nversion: 1.2.3\ndependencies:\n- {name: sub, version: 1.0.0, condition: sub.enabled}\n",
		"values.yaml":                  "sub: {enabled: false, word: parent}\n",
		"charts/sub/Chart.yaml":        "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
		"charts/sub/values.yaml":       "word: own\n",
		"charts/sub/templates/cm.yaml": configMap("sub", "{{ .Values.word }}"),
		"templates/cm.yaml":            configMap("main", "x"),
	})
	for enabled, want := range map[bool][]string{false: {"ConfigMap/main"}, true: {"ConfigMap/sub", "ConfigMap/main"}} {
		objects, err := chart.Render(map[string]any{"sub": map[string]any{"enabled": enabled}}, release)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, names(objects)); diff != "" {
			t.Errorf("enabled %v: %s", enabled, diff)
		}
	}
}

func TestChartsThatAreNotDeterministicAreRefused(t *testing.T) {
	const hint = "; hint: set the value the chart would generate, or use a chart that does not generate it"
	cases := map[string]struct {
		files map[string]string
		want  string // of the error; empty: accepted
	}{
		"in a manifest": {map[string]string{"templates/s.yaml": "a: b\nc: {{ randAlphaNum 8 | b64enc }}\n"},
			"chart demo: demo/templates/s.yaml:2:6: randAlphaNum is random, so no two renders are equal" + hint},
		"in parentheses, behind an if": {map[string]string{"templates/s.yaml": `{{ if .Values.x }}{{ else }}{{ $ca := (genCA "x" 365).Cert }}{{ end }}`},
			"chart demo: demo/templates/s.yaml:1:39: genCA is random, so no two renders are equal" + hint},
		"the clock": {map[string]string{"templates/s.yaml": `{{ now | date "2006" }}`},
			"chart demo: demo/templates/s.yaml:1:3: now depends on the time, so no two renders are equal" + hint},
		"the cluster": {map[string]string{"templates/s.yaml": `{{ range (lookup "v1" "Secret" "x" "").items }}{{ end }}`},
			"chart demo: demo/templates/s.yaml:1:10: lookup asks the network, which a render never does" + hint},
		"through include": {map[string]string{"templates/s.yaml": `{{ include "one" . }}`, "templates/_h.tpl": `{{ define "one" }}{{ template "two" . }}{{ end }}{{ define "two" }}{{ uuidv4 }}{{ end }}`},
			"chart demo: demo/templates/_h.tpl:1:70: uuidv4 is random, so no two renders are equal" + hint},
		"through a computed include": {map[string]string{"templates/s.yaml": `{{ include (printf "t%s" "wo") . }}`, "templates/_h.tpl": `{{ define "two" }}{{ uuidv4 }}{{ end }}`},
			"chart demo: demo/templates/_h.tpl:1:21: uuidv4 is random, so no two renders are equal" + hint},
		"in a literal for tpl": {map[string]string{"templates/s.yaml": "{{ tpl `{{ shuffle \"abc\" }}` . }}"},
			"chart demo: text given to tpl: shuffle is random, so no two renders are equal" + hint},
		"in a file for tpl": {map[string]string{"templates/s.yaml": `{{ tpl ($.Files.Get "f") . }}`, "f": `{{ bcrypt "x" }}`},
			"chart demo: text given to tpl: bcrypt is random, so no two renders are equal" + hint},
		"in a partial nobody includes": {map[string]string{"templates/_h.tpl": `{{ define "x" }}{{ randAlpha 3 }}{{ end }}`}, ""},
		"in a comment or text":         {map[string]string{"templates/s.yaml": `{{/* randAlpha 3 */}}# now`}, ""},
		"in the notes":                 {map[string]string{"templates/NOTES.txt": `{{ now }}`}, ""},
		"as a field":                   {map[string]string{"templates/s.yaml": `# {{ .Values.now }}`}, ""},
		"derived":                      {map[string]string{"templates/s.yaml": `# {{ derivePassword 1 "long" "a" "b" "c" }}`}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := helm.LoadFS(files(c.files), ".")
			if got := text(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestErrorsAreOneLineAndSayWhere(t *testing.T) {
	cases := map[string]struct {
		files   map[string]string
		values  map[string]any
		release helm.Release
		want    string
	}{
		"required": {files: map[string]string{"templates/x.yaml": "\n{{ required `set a.domain,\n  please` .Values.domain }}"},
			want: "chart demo: demo/templates/x.yaml:2:3: set a.domain, please; hint: the chart itself asks for this: change the values it names"},
		"fail within an include": {files: map[string]string{"templates/x.yaml": `{{ include "h" . }}`, "templates/_h.tpl": `{{ define "h" }}{{ fail "no good" }}{{ end }}`},
			want: "chart demo: demo/templates/x.yaml:1:3: no good; hint: the chart itself asks for this: change the values it names"},
		"unknown function": {files: map[string]string{"templates/x.yaml": "\n{{ conjure 1 }}"},
			want: `chart demo: demo/templates/x.yaml:2: function "conjure" not defined; hint: the template is not one that Helm v3.22.0 can parse`},
		"nil pointer": {files: map[string]string{"templates/x.yaml": `{{ include "h" . }}`, "templates/_h.tpl": `{{ define "h" }}{{ .Values.a.b.c }}{{ end }}`},
			want: `chart demo: demo/templates/_h.tpl:1:26: <.Values.a.b.c>: nil pointer evaluating interface {}.b; hint: the template does not fit these values: compare them with the chart's values.yaml`},
		"not YAML": {files: map[string]string{"templates/x.yaml": configMap("a", "b") + "---\na: [\n"},
			want: "demo/templates/x.yaml: document 2: yaml: line 2: did not find expected node content"},
		"a key twice": {files: map[string]string{"templates/x.yaml": configMap("a", "b") + "kind: Secret\n"},
			want: `demo/templates/x.yaml: document 1: yaml: unmarshal errors: line 7: key "kind" already set in map`},
		"no kind": {files: map[string]string{"templates/x.yaml": "a: b\n"},
			want: "demo/templates/x.yaml: document 1: an object without kind or apiVersion"},
		"no name": {files: map[string]string{"templates/x.yaml": "apiVersion: v1\nkind: Secret\n"},
			want: "demo/templates/x.yaml: document 1: a Secret without a name"},
		"kubeVersion": {files: map[string]string{"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.2.3\nkubeVersion: '>= 1.30.0-0'\n"},
			release: helm.Release{Name: "demo", Namespace: "demo", KubeVersion: "1.29"},
			want:    "chart demo: version 1.2.3 needs Kubernetes >= 1.30.0-0, not v1.29.0; hint: say in spec.kubeVersion which version the cluster has, or use a chart made for it"},
		"not a version": {release: helm.Release{Name: "demo", Namespace: "demo", KubeVersion: "latest"},
			want: `kubernetes version "latest": could not parse "latest" as version`},
		"no namespace": {release: helm.Release{Name: "demo"}, want: "release demo: no namespace"},
		"schema": {files: map[string]string{"values.schema.json": `{"type": "object", "additionalProperties": false, "properties": {"a": {"type": "object", "additionalProperties": false, "properties": {"b": {"type": "string"}}}}}`},
			values: map[string]any{"a": map[string]any{"b": 1, "c": 2}, "d": 3},
			want:   "chart demo: values: a.b: got number, want string; a.c is not supported; d is not supported; hint: the chart's values.yaml lists what it takes"},
		"random text for tpl": {files: map[string]string{"templates/x.yaml": `{{ tpl .Values.list . }}`},
			values: map[string]any{"list": []any{"{{ .Release.Name }}", "{{ if true }}{{ now }}{{ end }}"}},
			want:   "chart demo: values.list[1]: now depends on the time, so no two renders are equal; hint: set the value the chart would generate, or use a chart that does not generate it"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.release == (helm.Release{}) {
				c.release = release
			}
			_, err := loadFiles(t, c.files).Render(c.values, c.release)
			if got := text(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestChartsThatCannotBeLoaded(t *testing.T) {
	cases := map[string]struct {
		files map[string]string
		want  string
	}{
		"not a template":       {map[string]string{"templates/x.yaml": "\n{{ if }}"}, "chart demo: demo/templates/x.yaml:2: missing value for if"},
		"library":              {map[string]string{"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.0.0\ntype: library\n"}, "chart demo: a library chart has no objects of its own; hint: name a chart that uses it"},
		"dependency not there": {map[string]string{"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.0.0}]\n"}, "chart demo: dependency sub is not in charts/; hint: run `helm dependency build` before `helm package`"},
		"schema elsewhere":     {map[string]string{"values.schema.json": `{"$ref": "https://example.com/schema.json"}`}, `chart demo: values.schema.json: failing loading "https://example.com/schema.json": refers to https://example.com/schema.json, outside the chart`},
		"no name":              {map[string]string{"Chart.yaml": "apiVersion: v2\nversion: 1.0.0\n"}, "loading chart: validation: chart.metadata.name is required"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := helm.LoadFS(files(c.files), ".")
			if got := text(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// archive packs a chart as `helm package` does.
func archive(t *testing.T, content fstest.MapFS, padding int) []byte {
	t.Helper()
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	packed := tar.NewWriter(zipped)
	add := func(name string, data []byte) {
		if err := packed.WriteHeader(&tar.Header{Name: "demo/" + name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := packed.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := fs.WalkDir(content, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			add(name, content[name].Data)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for i := range padding {
		add(fmt.Sprintf("padding-%d", i), make([]byte, 4<<20))
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestLoadArchiveReadsWhatHelmPackages(t *testing.T) {
	content := files(map[string]string{"templates/cm.yaml": configMap("x", "y")})
	chart, err := helm.LoadArchive(archive(t, content, 0))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := chart.Render(nil, release)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ConfigMap/x"}, names(objects)); diff != "" {
		t.Error(diff)
	}
}

func TestLoadArchiveRefusesWhatIsNoChart(t *testing.T) {
	content := files(nil)
	whole := archive(t, content, 0)
	bomb := archive(t, content, 13) // 52 MiB of zeros
	nested := files(map[string]string{"charts/sub.tgz": string(bomb)})
	cases := map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "loading chart archive: not a gzipped tar archive: EOF"},
		"text":      {[]byte("apiVersion: v2\nname: x\n"), "loading chart archive: not a gzipped tar archive: gzip: invalid header"},
		"cut off":   {whole[:len(whole)/2], "loading chart archive: unexpected EOF"},
		"no chart":  {archive(t, fstest.MapFS{"x": {Data: []byte("x")}}, 0), "loading chart: Chart.yaml file is missing"},
		"bomb":      {bomb, "loading chart archive: unpacks to more than 52428800 bytes"},
		"bomb in":   {archive(t, nested, 0), "loading chart archive: unpacks to more than 52428800 bytes"},
		"too large": {make([]byte, 11<<20), "loading chart archive: 11534336 bytes, more than the 10485760 allowed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := helm.LoadArchive(c.data)
			if got := text(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRendersAreEqualAndMayRunAtOnce(t *testing.T) {
	built := loadFiles(t, map[string]string{
		"values.yaml":         "map: {a: 1, b: {c: 2}, d: [x], e: 4, f: 5}\ntext: 'v: {{ .Release.Name }}'\n",
		"templates/a.yaml":    configMap("a", "{{ toJson .Values.map | quote }}"),
		"templates/b.yaml":    `{{ $_ := set .Values "own" .Template.Name }}{{ include "part" . }}`,
		"templates/c.yaml":    configMap("c", "{{ tpl .Values.text . | quote }}"),
		"templates/_h.tpl":    `{{ define "part" }}` + configMap("b", "{{ .Values.own }}") + `{{ end }}`,
		"templates/NOTES.txt": "hello",
	})
	values := map[string]any{"map": map[string]any{"z": 1, "b": map[string]any{"y": 2}}}
	want, err := built.Render(values, release)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			for range 10 {
				got, err := built.Render(values, release)
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestErrorsHaveNoLineBreaks(t *testing.T) {
	chart := loadFiles(t, map[string]string{"templates/x.yaml": "{{ fail \"a\\n\\nb\" }}"})
	if _, err := chart.Render(nil, release); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %q", err)
	}
}
