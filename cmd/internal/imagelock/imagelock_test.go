package imagelock_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/banhbaoring/banhbaoring/cmd/internal/imagelock"
	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/render"
)

// image holds a file.
func image(t *testing.T, file, content string) v1.Image {
	t.Helper()
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	if err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func push(t *testing.T, ref string, img v1.Image) string {
	t.Helper()
	tag, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, img); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func load(t *testing.T, sources ...render.Source) *render.Stack {
	t.Helper()
	in, err := render.Load(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return in.Stacks[0]
}

func imagesOf(t *testing.T, s *render.Stack) []string {
	t.Helper()
	objects, err := render.Render(s, components.All())
	if err != nil {
		t.Fatal(err)
	}
	var images []string
	for _, u := range objects {
		render.EachImage(u.Object, func(image string) string {
			images = append(images, image)
			return image
		})
	}
	slices.Sort(images)
	return images
}

// A tag that is moved after the lock was written changes nothing that is rendered.
func TestALockNamesEveryImageByItsDigestAndThePluginByItsSum(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	spec := render.Source{Name: "spec.yaml", Data: []byte(`apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: prod}
spec: {domain: keys.example.com, imageRegistry: "` + host + `"}
`)}
	stack := load(t, spec)
	images := imagesOf(t, stack)
	plugin := stack.Cluster.Spec.OpenBao.Plugin
	digests := map[string]string{}
	for _, ref := range images {
		content := ref
		if ref == plugin.Image {
			content = "the plugin"
		}
		if digests[ref] == "" {
			digests[ref] = push(t, ref, image(t, strings.TrimPrefix(plugin.Path, "/"), content))
		}
	}
	file := filepath.Join(t.TempDir(), "images.lock.yaml")
	if err := imagelock.Write(t.Context(), file, images, []*render.Stack{stack}, "linux/amd64"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lock := render.Source{Name: "images.lock.yaml", Data: text}
	push(t, plugin.Image, image(t, strings.TrimPrefix(plugin.Path, "/"), "an evil plugin"))

	locked := load(t, spec, lock)
	got := imagesOf(t, locked)
	if len(got) != len(images) {
		t.Fatalf("%d images, %d locked", len(images), len(got))
	}
	for i, ref := range images {
		if want := ref + "@" + digests[ref]; got[i] != want {
			t.Errorf("%s, want %s", got[i], want)
		}
	}
	sum := sha256.Sum256([]byte("the plugin"))
	if want := hex.EncodeToString(sum[:]); locked.Cluster.Spec.OpenBao.Plugin.SHA256 != want {
		t.Errorf("the plugin's sha256 is %s, want %s", locked.Cluster.Spec.OpenBao.Plugin.SHA256, want)
	}

	t.Run("an image that the lock lacks is not rendered", func(t *testing.T) {
		newer := render.Source{Name: "spec.yaml", Data: bytes.Replace(spec.Data, []byte("domain:"), []byte(`redis: {version: "9"}, domain:`), 1)}
		_, err := render.Render(load(t, newer, lock), components.All())
		want := "images.lock.yaml:3:1: images: must hold " + host + "/library/redis:9, which is rendered\nhint: write the lock anew with `banhbaoring images --lock FILE`"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
	t.Run("another plugin than that of the lock is refused", func(t *testing.T) {
		other := render.Source{Name: "spec.yaml", Data: bytes.Replace(spec.Data, []byte("domain:"), []byte(`openbao: {plugin: {sha256: "`+strings.Repeat("0", 64)+`"}}, domain:`), 1)}
		if _, err := render.Load(other, lock); err == nil || !strings.Contains(err.Error(), "spec.openbao.plugin.sha256: must be what the lock has, "+hex.EncodeToString(sum[:])) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nothing is written where a registry does not answer for all", func(t *testing.T) {
		absent := filepath.Join(t.TempDir(), "absent.yaml")
		err := imagelock.Write(t.Context(), absent, append(images, host+"/absent:1"), []*render.Stack{stack}, "linux/amd64")
		if err == nil || !strings.Contains(err.Error(), host+"/absent:1") {
			t.Errorf("got %v", err)
		}
		if _, err := os.Stat(absent); err == nil {
			t.Error("a file is there")
		}
	})
}
