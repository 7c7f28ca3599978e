package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
)

// archiveOf is a chart's archive, at least size bytes long.
func archiveOf(t testing.TB, name, version string, size int) []byte {
	t.Helper()
	noise := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	files := []struct{ name, text string }{
		{"Chart.yaml", fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version)},
		{"values.yaml", "replicas: 1\n"},
		{"templates/noise.txt", string(noise)},
	}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for _, f := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name + "/" + f.name, Mode: 0o644, Size: int64(len(f.text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func digestOf(data []byte) string { return digest.FromBytes(data).String() }

// pages are the answers of a server, by path.
type pages map[string]http.HandlerFunc

func serve(t testing.TB, files pages) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(files.handler())
	t.Cleanup(server.Close)
	return server
}

func (files pages) handler() http.Handler {
	mux := http.NewServeMux()
	for path, f := range files {
		mux.HandleFunc(path, f)
	}
	return mux
}

func bytesOf(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data)
	}
}

// indexOf is an index.yaml with one entry of openbao 0.29.3.
func indexOf(url, digest string) http.HandlerFunc {
	text := "apiVersion: v1\nentries:\n  openbao:\n  - name: openbao\n    version: 0.29.3\n    urls: [" + fmt.Sprintf("%q", url) + "]\n"
	if digest != "" {
		text += "    digest: " + digest + "\n"
	}
	return bytesOf([]byte(text))
}

// serveRegistry is a real registry that knows no docker config of this machine.
func serveRegistry(t testing.TB) *httptest.Server {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return server
}

func hostOf(server *httptest.Server) string {
	return strings.TrimPrefix(server.URL, "http://")
}

// push stores data as helm push does, with one layer of each media type.
func push(t testing.TB, server *httptest.Server, path, tag string, data []byte, layers ...string) {
	t.Helper()
	ctx := context.Background()
	repo, err := remote.NewRepository(hostOf(server) + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	blob := func(mediaType string, data []byte) ocispec.Descriptor {
		desc := content.NewDescriptorFromBytes(mediaType, data)
		if err := repo.Push(ctx, desc, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		return desc
	}
	config := blob("application/vnd.cncf.helm.config.v1+json", []byte("{}"))
	opts := oras.PackManifestOptions{ConfigDescriptor: &config}
	for _, mediaType := range layers {
		opts.Layers = append(opts.Layers, blob(mediaType, data))
	}
	desc, err := oras.PackManifest(ctx, repo, oras.PackManifestVersion1_1, "", opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Tag(ctx, desc, tag); err != nil {
		t.Fatal(err)
	}
}

// wantError checks what an error says and how: in one line, in lower case.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	text := err.Error()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("error %q does not say %q", text, part)
		}
	}
	if strings.Contains(text, "\n") || unicode.IsUpper(rune(text[0])) {
		t.Errorf("error %q is not one line in lower case", text)
	}
	if strings.Contains(text, "secret") {
		t.Errorf("error %q tells a secret", text)
	}
}

// wantFiles checks all that lies in the store, hidden files too.
func wantFiles(t *testing.T, s Store, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("store holds %q, want %q", got, names)
	}
}

func fileName(digest string) string {
	return strings.Replace(digest, ":", "-", 1) + ".tgz"
}

// openbao is a ref to what indexOf and the tests serve.
func openbao(repository string) Ref {
	return Ref{Repository: repository, Name: "openbao", Version: "0.29.3"}
}

// notAChart is an archive without a Chart.yaml.
func notAChart(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	if err := archive.WriteHeader(&tar.Header{Name: "openbao/values.yaml", Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bomb is small and unpacks to more than a chart may.
func bomb(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = zip.Write(make([]byte, loader.MaxDecompressedChartSize+1))
	if err := errors.Join(err, zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func writeCertificate(t testing.TB, path string, server *httptest.Server) {
	t.Helper()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, block, 0o644); err != nil {
		t.Fatal(err)
	}
}
