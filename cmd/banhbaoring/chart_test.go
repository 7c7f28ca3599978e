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

func pack(t *testing.T) []byte {
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
