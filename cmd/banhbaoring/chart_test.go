package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/components/openbao/chart"
)

// TestStoredChartRendersAsTheBuiltInOne packs the built-in chart, stores it as
// `chart pull` does, and names it in a spec by its digest.
func TestStoredChartRendersAsTheBuiltInOne(t *testing.T) {
	archive := pack(t)
	digest := fmt.Sprintf("%x", sha256.Sum256(archive))
	store := t.TempDir()
	path := filepath.Join(store, "sha256-"+digest+".tgz")
	if err := os.WriteFile(path, archive, 0o644); err != nil {
		t.Fatal(err)
	}
	minimal := example(t, "minimal.yaml")
	spec := minimal + "  openbao: {chart: {version: 0.29.2, digest: sha256:" + digest + "}}\n"

	render := func(spec string, args ...string) (stdout, stderr string, code int) {
		var o, e bytes.Buffer
		code = execute(context.Background(), append([]string{"render", "-f", "-"}, args...), strings.NewReader(spec), &o, &e)
		return o.String(), e.String(), code
	}
	want, _, _ := render(minimal)
	got, stderr, code := render(spec, "--chart-dir", store)
	if code != exitDone || got != want {
		t.Fatalf("exit code %d, output equal: %v\n%s", code, got == want, stderr)
	}

	if err := os.WriteFile(path, archive[:len(archive)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	if got, stderr, code := render(spec, "--chart-dir", store); code != exitFault || got != "" || !strings.Contains(stderr, "is corrupted") {
		t.Errorf("a broken archive: exit code %d, stdout %q, stderr %q", code, got, stderr)
	}
}

// A chart is told the version of Kubernetes that the output is for.
func TestAChartThatNeedsALaterKubernetes(t *testing.T) {
	archive := pack(t, ">= 1.29.0-0", ">= 1.31.0-0")
	store := t.TempDir()
	digest := fmt.Sprintf("%x", sha256.Sum256(archive))
	if err := os.WriteFile(filepath.Join(store, "sha256-"+digest+".tgz"), archive, 0o644); err != nil {
		t.Fatal(err)
	}
	spec := example(t, "minimal.yaml") + "  openbao: {chart: {version: 0.29.2, digest: sha256:" + digest + "}}\n"
	for version, want := range map[string]string{
		"":                               "needs Kubernetes >= 1.31.0-0, not v1.30.0",
		"  kubeVersion: \"1.30\"\n":      "needs Kubernetes >= 1.31.0-0, not v1.30.0",
		"  kubeVersion: \"1.31\"\n":      "",
		"  kubeVersion: v1.34.2-eks-1\n": "",
	} {
		var stdout, stderr bytes.Buffer
		code := execute(context.Background(), []string{"render", "-f", "-", "--chart-dir", store}, strings.NewReader(spec+version), &stdout, &stderr)
		if (code == exitDone) != (want == "") || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: exit code %d: %s", version, code, stderr.String())
		}
	}
}

// pack is the built-in chart as an archive, with other words in Chart.yaml.
func pack(t *testing.T, words ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	err := fs.WalkDir(chart.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(chart.FS, name)
		if err != nil {
			return err
		}
		if name == "Chart.yaml" {
			data = []byte(strings.NewReplacer(words...).Replace(string(data)))
		}
		header := &tar.Header{Name: "openbao/" + name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
