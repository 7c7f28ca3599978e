package charts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPullFromAnIndex(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	digest := digestOf(data)
	files := pages{}
	server := serve(t, pages{"/": func(w http.ResponseWriter, r *http.Request) {
		if f, ok := files[r.URL.RequestURI()]; ok {
			f(w, r)
			return
		}
		http.NotFound(w, r)
	}})
	tests := map[string]struct{ repository, url, digest, at string }{
		"url beside the index":          {"/charts", "openbao-0.29.3.tgz", digest[7:], "/charts/openbao-0.29.3.tgz"},
		"repository that ends in slash": {"/charts/", "openbao-0.29.3.tgz", digest, "/charts/openbao-0.29.3.tgz"},
		"repository without a path":     {"", "a/b.tgz", strings.ToUpper(digest[7:]), "/a/b.tgz"},
		"url with a path":               {"/charts", "old/a.tgz", digest, "/charts/old/a.tgz"},
		"url one folder up":             {"/charts", "../a.tgz", digest, "/a.tgz"},
		"url from the root":             {"/charts", "/files/a.tgz", digest, "/files/a.tgz"},
		"absolute url":                  {"/charts", server.URL + "/b/a.tgz", digest, "/b/a.tgz"},
		"url with a query":              {"/charts", "a.tgz?v=1", digest, "/charts/a.tgz?v=1"},
		"escaped path":                  {"/ch%2Farts", "a%20b.tgz", digest, "/ch%2Farts/a%20b.tgz"},
		"no digest in the index":        {"/charts", "a.tgz", "", "/charts/a.tgz"},
	}
	for name, tt := range tests {
		for _, pinned := range []string{"", digest} {
			t.Run(name+pinned, func(t *testing.T) {
				clear(files)
				files[strings.TrimSuffix(tt.repository, "/")+"/index.yaml"] = indexOf(tt.url, tt.digest)
				files[tt.at] = bytesOf(data)
				ref := openbao(server.URL + tt.repository)
				ref.Digest = pinned
				s := Store{Dir: filepath.Join(t.TempDir(), "new", "charts")}
				path, got, err := s.Pull(t.Context(), ref)
				if err != nil {
					t.Fatal(err)
				}
				if got != digest || path != s.Path(digest) {
					t.Errorf("Pull = %q, %q", path, got)
				}
				if stored, err := s.Open(got); err != nil || string(stored) != string(data) {
					t.Errorf("stored %d bytes, %v", len(stored), err)
				}
				wantFiles(t, s, fileName(digest))
			})
		}
	}
}

func TestAnArchiveIsNotUnpackedOnTheWay(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	server := serve(t, pages{"/index.yaml": indexOf("a.tgz", ""), "/a.tgz": func(w http.ResponseWriter, r *http.Request) {
		// So some object stores do with what is gzip itself.
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
		}
		_, _ = w.Write(data)
	}})
	_, got, err := Store{Dir: t.TempDir()}.Pull(t.Context(), openbao(server.URL))
	if err != nil || got != digestOf(data) {
		t.Errorf("Pull = %q, %v", got, err)
	}
}

func TestAnIndexThatHasNoSuchChartSaysWhatItHas(t *testing.T) {
	text := "entries:\n  openbao:\n"
	for _, v := range []string{"0.30.0-rc.1", "0.29.3", "0.9.0", "bad version", "0.29.2", "0.29.1", "0.10.0", "0.28.0"} {
		text += "  - {version: " + v + ", urls: [a.tgz]}\n"
	}
	text += "  pre:\n  - {version: 1.0.0-rc.1}\n  empty: []\n"
	server := serve(t, pages{"/index.yaml": bytesOf([]byte(text))})
	where := server.URL + "/index.yaml"
	tests := []struct{ name, version, want string }{
		{"openbao", "0.29.9", "chart openbao 0.29.9 is not in " + where + ": newest is 0.29.3, near are 0.30.0-rc.1, 0.29.3, 0.29.2, 0.29.1, 0.28.0"},
		{"openbao", "0.1.0", "newest is 0.29.3, near are 0.29.2, 0.29.1, 0.28.0, 0.10.0, 0.9.0"},
		{"openbao", "v0.29.3", "chart openbao v0.29.3 is not in " + where + ": newest is 0.29.3, near are"},
		{"pre", "1.0.0", "chart pre 1.0.0 is not in " + where + ": newest is 1.0.0-rc.1"},
		{"empty", "1.0.0", "chart empty 1.0.0 is not in " + where + ", which has no version of it"},
		{"bao", "1.0.0", "chart bao 1.0.0 is not in " + where + ", which has empty, openbao, pre"},
	}
	for _, tt := range tests {
		s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
		_, _, err := s.Pull(t.Context(), Ref{Repository: server.URL, Name: tt.name, Version: tt.version})
		wantError(t, err, tt.want)
		wantFiles(t, s)
	}

	many := "entries:\n"
	for c := range 12 {
		many += fmt.Sprintf("  c%02d: []\n", c)
	}
	server = serve(t, pages{"/index.yaml": bytesOf([]byte(many))})
	_, _, err := Store{Dir: t.TempDir()}.Pull(t.Context(), openbao(server.URL))
	wantError(t, err, "which has c00, c01, c02, c03, c04, c05, c06, c07, c08, c09 and 2 more")
}

func TestPullFromAnIndexRefuses(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	digest := digestOf(data)
	other := digestOf(nil)
	text := func(s string) http.HandlerFunc { return bytesOf([]byte(s)) }
	tests := map[string]struct {
		index, archive http.HandlerFunc
		pinned         string
		want           []string
	}{
		"a wrong digest": {
			index: indexOf("a.tgz", ""), archive: bytesOf(data), pinned: other,
			want: []string{"digest of chart openbao 0.29.3 from http://", "/a.tgz does not match: wanted " + other + ", got " + digest, "check the pinned digest"},
		},
		"a pinned digest that the index does not state": {
			index: indexOf("a.tgz", digest), pinned: other,
			want: []string{"wanted " + other + ", got " + digest, "check the pinned digest"},
		},
		"an archive that the index does not state": {
			index: indexOf("a.tgz", other), archive: bytesOf(data),
			want: []string{"wanted " + other + ", got " + digest, "the archive is not what the repository states"},
		},
		"an index with half a digest": {
			index: indexOf("a.tgz", "abc"),
			want:  []string{"/index.yaml states a wrong digest of chart openbao 0.29.3", "tell the repository's owner"},
		},
		"no index": {
			index: http.NotFound,
			want:  []string{"/index.yaml: status 404: there is no such file, check the repository"},
		},
		"an index that wants a login": {
			index: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) },
			want:  []string{"status 401: a login is supported for oci:// repositories only"},
		},
		"a page that is no index": {
			index: text("<html>\n\t<b>hello</b>"),
			want:  []string{"/index.yaml is not the index of a chart repository"},
		},
		"an empty index": {
			index: text(""),
			want:  []string{"which has no charts: check the repository"},
		},
		"an index that is too large": {
			index: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, endless{}, maxIndex+1) },
			want:  []string{"/index.yaml: larger than 50 MiB"},
		},
		"an entry without a url": {
			index: text("entries: {openbao: [{version: 0.29.3}]}"),
			want:  []string{"leads nowhere for chart openbao 0.29.3: it has no url"},
		},
		"an entry with an unreadable url": {
			index: indexOf("https://secret%zz/", ""),
			want:  []string{"its url cannot be read"},
		},
		"an entry with credentials": {
			index: indexOf("https://me:secret@example.com/a.tgz", ""),
			want:  []string{"https://example.com/a.tgz holds credentials"},
		},
		"an entry of plain http": {
			index: indexOf("http://example.com/a.tgz?secret", ""),
			want:  []string{"http://example.com/a.tgz is plain http, want https"},
		},
		"an entry of a file": {
			index: indexOf("file:///etc/passwd", ""),
			want:  []string{"file:///etc/passwd is not https"},
		},
		"no archive": {
			index: indexOf("a.tgz", digest), archive: http.NotFound,
			want: []string{"/a.tgz: status 404: there is no such file"},
		},
		"a server in trouble": {
			index: indexOf("a.tgz", digest), archive: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
			want: []string{"/a.tgz: status 502: try again later"},
		},
		"a truncated body": {
			index: indexOf("a.tgz", digest), archive: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				_, _ = w.Write(data[:len(data)-1])
			},
			want: []string{"/a.tgz: the answer ended early: try again"},
		},
		"a truncated body of no stated length": {
			index: indexOf("a.tgz", ""), archive: untilClose(data[:len(data)-4]),
			want: []string{"/a.tgz is not a chart archive: unexpected EOF"},
		},
		"an archive that is too large": {
			index: indexOf("a.tgz", digest), archive: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(maxArchive+1))
			},
			want: []string{"/a.tgz: larger than 20 MiB"},
		},
		"an archive that does not say how large it is": {
			index: indexOf("a.tgz", digest), archive: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, endless{}, maxArchive+1) },
			want: []string{"/a.tgz: larger than 20 MiB"},
		},
		"a page in place of an archive": {
			index: indexOf("a.tgz", ""), archive: text("<html>"),
			want: []string{"/a.tgz is not a chart archive: "},
		},
		"an archive that unpacks to too much": {
			index: indexOf("a.tgz", ""), archive: bytesOf(bomb(t)),
			want: []string{"/a.tgz is not a chart archive: it unpacks to more than 100 MiB"},
		},
		"an archive that is no chart": {
			index: indexOf("a.tgz", ""), archive: bytesOf(notAChart(t)),
			want: []string{"/a.tgz is not a chart: ", "Chart.yaml"},
		},
		"a chart of another name": {
			index: indexOf("a.tgz", ""), archive: bytesOf(archiveOf(t, "vault", "0.29.3", 10)),
			want: []string{"/a.tgz holds chart vault 0.29.3, wanted openbao 0.29.3"},
		},
		"a chart of another version": {
			index: indexOf("a.tgz", ""), archive: bytesOf(archiveOf(t, "openbao", "0.29.4", 10)),
			want: []string{"/a.tgz holds chart openbao 0.29.4, wanted openbao 0.29.3"},
		},
		"a redirect to plain http": {
			index: indexOf("a.tgz", ""), archive: redirect("http://example.com/a.tgz?sig=secret"),
			want: []string{"/a.tgz: redirect refused: http://example.com/a.tgz is plain http, want https"},
		},
		"a redirect with credentials": {
			index: indexOf("a.tgz", ""), archive: redirect("https://me:secret@example.com/a.tgz"),
			want: []string{"redirect refused: https://example.com/a.tgz holds credentials"},
		},
		"a redirect of the index to a file": {
			index: redirect("file:///etc/passwd"),
			want:  []string{"/index.yaml: redirect refused: file:///etc/passwd is not https"},
		},
		"redirects without end": {
			index: redirect("/index.yaml"),
			want:  []string{"/index.yaml: stopped after 10 redirects"},
		},
		"an archive that is gone after a redirect": {
			index: indexOf("a.tgz", ""), archive: redirect("http://127.0.0.1:1/a.tgz?sig=secret"),
			want: []string{"/a.tgz: dial tcp 127.0.0.1:1: connect: connection refused"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.archive == nil {
				tt.archive = func(http.ResponseWriter, *http.Request) { t.Error("the archive was asked for") }
			}
			server := serve(t, pages{"/index.yaml": tt.index, "/a.tgz": tt.archive})
			ref := openbao(server.URL)
			ref.Digest = tt.pinned
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			path, got, err := s.Pull(t.Context(), ref)
			wantError(t, err, tt.want...)
			if path != "" || got != "" {
				t.Errorf("Pull = %q, %q beside an error", path, got)
			}
			wantFiles(t, s)
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// untilClose answers with data that only the connection's end ends.
func untilClose(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = conn.Write(append([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), data...))
	}
}

func TestAStalledServerEndsWithTheDeadline(t *testing.T) {
	stall := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "entries:")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, files := range map[string]pages{
		"in the index":                {"/index.yaml": stall},
		"before the index":            {"/index.yaml": silent},
		"in the archive":              {"/index.yaml": indexOf("a.tgz", ""), "/a.tgz": stall},
		"before the archive's header": {"/index.yaml": indexOf("a.tgz", ""), "/a.tgz": silent},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, files)
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, _, err := s.Pull(ctx, openbao(server.URL))
			wantError(t, err, "fetch "+server.URL, "stopped: context deadline exceeded")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is not context.DeadlineExceeded", err)
			}

			_, _, err = s.Pull(t.Context(), openbao(server.URL), withTimeout(100*time.Millisecond))
			wantError(t, err, "fetch "+server.URL, "no whole answer in time: check the network and HTTPS_PROXY")
			wantFiles(t, s)
		})
	}
}

// remoteServer serves https as https://example.com, whatever its address is.
func remoteServer(t *testing.T, files pages) Option {
	t.Helper()
	server := httptest.NewTLSServer(files.handler())
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	t.Cleanup(transport.CloseIdleConnections)
	return func(p *puller) { p.client.Transport = guard{transport} }
}

func TestARemoteRepositoryDoesNotReachIntoThisMachine(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1000)
	local := serve(t, pages{"/": func(http.ResponseWriter, *http.Request) { t.Error("a local service was asked") }})
	tests := map[string]struct {
		files pages
		want  string
	}{
		"https":          {pages{"/index.yaml": indexOf("https://example.com/b.tgz", ""), "/b.tgz": redirect("/a.tgz"), "/a.tgz": bytesOf(data)}, ""},
		"local redirect": {pages{"/index.yaml": indexOf("a.tgz", ""), "/a.tgz": redirect(local.URL + "/a.tgz")}, "redirect refused: " + local.URL + "/a.tgz is plain http"},
		"local url":      {pages{"/index.yaml": indexOf(local.URL+"/a.tgz", "")}, local.URL + "/a.tgz is plain http"},
		"local registry": {pages{"/index.yaml": indexOf("oci://localhost:5000/openbao:0.29.3", "")}, "oci://localhost:5000/openbao:0.29.3 is plain http"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			_, got, err := s.Pull(t.Context(), openbao("https://example.com"), remoteServer(t, tt.files))
			if tt.want != "" {
				wantError(t, err, tt.want)
				wantFiles(t, s)
			} else if err != nil || got != digestOf(data) {
				t.Errorf("Pull = %q, %v", got, err)
			}
		})
	}
}

func TestAnUntrustedCertificateIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, _, err := Store{Dir: t.TempDir()}.Pull(t.Context(), openbao(server.URL))
	wantError(t, err, "fetch "+server.URL+"/index.yaml: ", "certificate", "trust its authority on this machine")
}

// The proxy's variables and the system's certificates are read once a process,
// so the pull is a process of its own.
func TestPullThroughTheProxyOfTheEnvironment(t *testing.T) {
	if dir := os.Getenv("CHARTS_TEST_STORE"); dir != "" {
		_, digest, err := Store{Dir: dir}.Pull(t.Context(), openbao("https://example.com/charts"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("pulled " + digest)
		return
	}

	data := archiveOf(t, "openbao", "0.29.3", 1000)
	server := httptest.NewTLSServer(pages{"/charts/index.yaml": indexOf("a.tgz", ""), "/charts/a.tgz": bytesOf(data)}.handler())
	defer server.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" {
			http.Error(w, "unexpected "+r.Method+" "+r.Host, http.StatusBadGateway)
			return
		}
		tunnel(w, server.Listener.Addr().String())
	}))
	defer proxy.Close()
	certificate := filepath.Join(t.TempDir(), "ca.pem")
	writeCertificate(t, certificate, server)

	s := Store{Dir: t.TempDir()}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPullThroughTheProxyOfTheEnvironment$")
	cmd.Env = append(os.Environ(), "CHARTS_TEST_STORE="+s.Dir, "HTTPS_PROXY="+proxy.URL, "https_proxy="+proxy.URL,
		"NO_PROXY=", "no_proxy=", "SSL_CERT_FILE="+certificate)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "pulled "+digestOf(data)) {
		t.Fatalf("%v\n%s", err, out)
	}
	wantFiles(t, s, fileName(digestOf(data)))
}

func tunnel(w http.ResponseWriter, address string) {
	up, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer up.Close()
	down, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer down.Close()
	_, _ = io.WriteString(down, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func(r *bufio.Reader) { _, _ = io.Copy(up, r) }(buffered.Reader)
	_, _ = io.Copy(down, up)
}
