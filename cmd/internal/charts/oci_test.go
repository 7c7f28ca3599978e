package charts

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func TestPullFromARegistry(t *testing.T) {
	server := serveRegistry(t)
	host := hostOf(server)
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	built := archiveOf(t, "openbao", "0.29.3+build.1", 1000)
	push(t, server, "charts/openbao", "0.29.3", data, chartLayer)
	push(t, server, "charts/openbao", "0.29.3_build.1", built, "application/vnd.cncf.helm.chart.provenance.v1.prov", chartLayer)
	push(t, server, "openbao", "0.29.3", data, chartLayer)
	push(t, server, "charts/renamed", "1", data, chartLayer)
	web := serve(t, pages{
		"/index.yaml":         indexOf("oci://"+host+"/charts/openbao:0.29.3", digestOf(data)),
		"/renamed/index.yaml": indexOf("oci://"+host+"/charts/renamed:1", ""),
	})
	tests := map[string]struct {
		repository, version string
		want                []byte
	}{
		"path that ends in the name":       {"oci://" + host + "/charts/openbao", "0.29.3", data},
		"path that ends in a slash":        {"oci://" + host + "/charts/openbao/", "0.29.3", data},
		"path that the name is added to":   {"oci://" + host + "/charts", "0.29.3", data},
		"registry that has no path":        {"oci://" + host, "0.29.3", data},
		"version with a plus":              {"oci://" + host + "/charts", "0.29.3+build.1", built},
		"index that leads to the registry": {web.URL, "0.29.3", data},
		"index that names any tag":         {web.URL + "/renamed", "0.29.3", data},
	}
	for name, tt := range tests {
		for _, pinned := range []string{"", digestOf(tt.want)} {
			t.Run(name+pinned, func(t *testing.T) {
				s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
				path, got, err := s.Pull(t.Context(), Ref{Repository: tt.repository, Name: "openbao", Version: tt.version, Digest: pinned})
				if err != nil {
					t.Fatal(err)
				}
				if got != digestOf(tt.want) || path != s.Path(got) {
					t.Errorf("Pull = %q, %q", path, got)
				}
				if stored, err := s.Open(got); err != nil || string(stored) != string(tt.want) {
					t.Errorf("stored %d bytes, %v", len(stored), err)
				}
				wantFiles(t, s, fileName(got))
			})
		}
	}
}

func TestPullFromARegistryRefuses(t *testing.T) {
	server := serveRegistry(t)
	host := hostOf(server)
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	other := digestOf(nil)
	push(t, server, "good/openbao", "0.29.3", data, chartLayer)
	push(t, server, "good/openbao", "0.29.2_build.1", data, chartLayer)
	push(t, server, "good/openbao", "latest", data, chartLayer)
	push(t, server, "image/openbao", "0.29.3", data, "application/vnd.oci.image.layer.v1.tar+gzip")
	push(t, server, "two/openbao", "0.29.3", data, chartLayer, chartLayer)
	push(t, server, "large/openbao", "0.29.3", archiveOf(t, "openbao", "0.29.3", maxArchive+1), chartLayer)
	push(t, server, "text/openbao", "0.29.3", []byte("text"), chartLayer)
	push(t, server, "nochart/openbao", "0.29.3", notAChart(t), chartLayer)
	push(t, server, "vault/openbao", "0.29.3", archiveOf(t, "vault", "0.29.3", 10), chartLayer)
	web := serve(t, pages{"/index.yaml": indexOf("oci://"+host+"/good/openbao:0.29.3", other)})
	tests := map[string]struct {
		repository, version, pinned string
		want                        []string
	}{
		"a wrong digest": {
			repository: "good", pinned: other,
			want: []string{"digest of chart openbao 0.29.3 from oci://" + host + "/good/openbao:0.29.3 does not match: wanted " + other + ", got " + digestOf(data)},
		},
		"an unknown version": {
			repository: "good", version: "0.29.9",
			want: []string{"chart openbao 0.29.9 is not in oci://" + host + "/good/openbao: newest is 0.29.3, near are 0.29.3, 0.29.2+build.1"},
		},
		"an unknown path": {
			repository: "nowhere",
			want:       []string{"chart openbao 0.29.3 is not in oci://" + host + "/nowhere/openbao", "check repository and name"},
		},
		"a path in capitals":           {repository: "Good", want: []string{"oci://" + host + "/Good/openbao is not the name of an OCI repository"}},
		"an image":                     {repository: "image", want: []string{"has 0 layers of the type " + chartLayer, "it is not a chart"}},
		"two charts in one":            {repository: "two", want: []string{"has 2 layers of the type"}},
		"a chart that is too large":    {repository: "large", want: []string{"/large/openbao:0.29.3: larger than 20 MiB"}},
		"a text in place of a chart":   {repository: "text", want: []string{"/text/openbao:0.29.3 is not a chart archive"}},
		"an archive that is no chart":  {repository: "nochart", want: []string{"/nochart/openbao:0.29.3 is not a chart: ", "Chart.yaml"}},
		"a chart of another name":      {repository: "vault", want: []string{"holds chart vault 0.29.3, wanted openbao 0.29.3"}},
		"an index of another digest":   {repository: web.URL, want: []string{"wanted " + other + ", got " + digestOf(data), "index and registry differ"}},
		"a registry that is not there": {repository: "oci://127.0.0.1:1/charts", want: []string{"oci://127.0.0.1:1/charts/openbao:0.29.3: dial tcp 127.0.0.1:1: connect: connection refused: check the address, the network and HTTPS_PROXY"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ref := openbao(tt.repository)
			if !strings.Contains(ref.Repository, "://") {
				ref.Repository = "oci://" + host + "/" + ref.Repository
			}
			if tt.version != "" {
				ref.Version = tt.version
			}
			ref.Digest = tt.pinned
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			_, _, err := s.Pull(t.Context(), ref)
			wantError(t, err, tt.want...)
			wantFiles(t, s)
		})
	}
}

// between is a real registry that holds data as charts/openbao:0.29.3, and of
// which some requests are answered otherwise.
func between(t *testing.T, data []byte, answer func(w http.ResponseWriter, r *http.Request) (answered bool)) *httptest.Server {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var pushed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !pushed.Load() || !answer(w, r) {
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	push(t, server, "charts/openbao", "0.29.3", data, chartLayer)
	pushed.Store(true)
	return server
}

func TestARegistryThatFailsWhileTheArchiveIsFetched(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	blob := "/v2/charts/openbao/blobs/" + digestOf(data)
	changed := append([]byte(nil), data...)
	changed[len(changed)/2] ^= 1
	tests := map[string]struct {
		answer http.HandlerFunc
		want   []string
	}{
		"truncated": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1")
			_, _ = w.Write(data[:1])
		}, []string{"mismatch Content-Length"}},
		"cut off":        {untilClose(data[:len(data)-1]), []string{"wanted " + digestOf(data), "got " + digestOf(data[:len(data)-1])}},
		"changed":        {bytesOf(changed), []string{"wanted " + digestOf(data), "got " + digestOf(changed)}},
		"lost":           {http.NotFound, []string{"the registry lost the archive"}},
		"overloaded":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, []string{"status 503: try again later"}},
		"forbidden":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, []string{"access is denied: check the name, or run docker login 127.0.0.1:"}},
		"sent elsewhere": {redirect("http://example.com/blob?sig=secret"), []string{"redirect refused: http://example.com/blob is plain http"}},
		"aborted half-way": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:len(data)/2])
		}, []string{"the answer ended early: try again"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := between(t, data, func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == blob {
					tt.answer(w, r)
				}
				return r.URL.Path == blob
			})
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			_, _, err := s.Pull(t.Context(), openbao("oci://"+hostOf(server)+"/charts"))
			wantError(t, err, tt.want...)
			wantFiles(t, s)
		})
	}
}

func TestAManifestThatIsNotOfAChartIsRefused(t *testing.T) {
	const manifest, list = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
	tests := map[string]struct{ mediaType, body, want string }{
		"a list of images":    {list, "{}", "it is a " + list + " and not a chart: check repository and name"},
		"no JSON":             {manifest, "secrets", "its manifest cannot be read"},
		"another digest":      {manifest, `{"layers":[{"mediaType":"` + chartLayer + `","digest":"sha512:00"}]}`, `digest "sha512:00" must be sha256:`},
		"a very long one":     {manifest, strings.Repeat(" ", maxManifest+1), "its manifest is larger than 4 MiB"},
		"a layer that is big": {manifest, `{"layers":[{"mediaType":"` + chartLayer + `","digest":"` + digestOf(nil) + `","size":99999999}]}`, "larger than 20 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := between(t, nil, func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/manifests/") {
					return false
				}
				w.Header().Set("Content-Type", tt.mediaType)
				bytesOf([]byte(tt.body))(w, r)
				return true
			})
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			_, _, err := s.Pull(t.Context(), openbao("oci://"+hostOf(server)+"/charts"))
			wantError(t, err, "oci://"+hostOf(server)+"/charts/openbao:0.29.3", tt.want)
			wantFiles(t, s)
		})
	}
}

func TestAStalledRegistryEndsWithTheDeadline(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	for _, part := range []string{"/manifests/", "/blobs/", "/tags/"} {
		t.Run(part, func(t *testing.T) {
			server := between(t, data, func(_ http.ResponseWriter, r *http.Request) bool {
				stalls := strings.Contains(r.URL.Path, part)
				if stalls {
					<-r.Context().Done()
				}
				return stalls
			})
			ref := openbao("oci://" + hostOf(server) + "/charts")
			if part == "/tags/" {
				ref.Version = "0.29.4"
			}
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, _, err := s.Pull(ctx, ref)
			wantError(t, err, "stopped: context deadline exceeded")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is not context.DeadlineExceeded", err)
			}
			wantFiles(t, s)
		})
	}
}

func TestARegistryIsGivenTheDockerConfigsCredentials(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	server := between(t, data, func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "me" && password == "secret" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	login := func(userPassword string) string {
		return `{"auths": {"` + hostOf(server) + `": {"auth": "` + base64.StdEncoding.EncodeToString([]byte(userPassword)) + `"}}}`
	}
	denied := "access is denied: check the name, or run docker login " + hostOf(server)
	tests := map[string]struct{ config, want string }{
		"right":                {login("me:secret"), ""},
		"wrong":                {login("me:secrets"), denied},
		"for another host":     {strings.Replace(login("me:secret"), hostOf(server), "ghcr.io", 1), denied},
		"no config":            {"", denied},
		"an unreadable config": {`{"auths": secret`, "docker config"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("DOCKER_CONFIG", dir)
			if tt.config != "" {
				if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(tt.config), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			_, got, err := s.Pull(t.Context(), openbao("oci://"+hostOf(server)+"/charts"))
			if tt.want != "" {
				wantError(t, err, tt.want)
				wantFiles(t, s)
			} else if err != nil || got != digestOf(data) {
				t.Errorf("Pull = %q, %v", got, err)
			}
		})
	}

	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("HOME", "")
	_, _, err := Store{Dir: t.TempDir()}.Pull(t.Context(), openbao("oci://"+hostOf(server)+"/charts"))
	wantError(t, err, denied)
}

func TestCredentialsAreNotSentOverPlainHTTPToOtherHosts(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	server := between(t, data, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://example.com/token",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	_, _, err := Store{Dir: t.TempDir()}.Pull(t.Context(), openbao("oci://"+hostOf(server)+"/charts"))
	wantError(t, err, "http://example.com/token is plain http: use https")
}
