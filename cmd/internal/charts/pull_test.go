package charts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestARefIsCheckedBeforeAnyRequest(t *testing.T) {
	good := Ref{Repository: "https://example.invalid/charts", Name: "openbao", Version: "0.29.3"}
	tests := map[string]struct {
		change func(*Ref)
		want   string
	}{
		"no name":             {func(r *Ref) { r.Name = "" }, `chart name "" must be letters`},
		"name with a slash":   {func(r *Ref) { r.Name = "../x" }, `chart name "../x" must be letters`},
		"no version":          {func(r *Ref) { r.Version = "" }, `version "" of chart openbao must be one exact version`},
		"a range of versions": {func(r *Ref) { r.Version = "^0.29" }, `version "^0.29" of chart openbao must be one exact version`},
		"short digest":        {func(r *Ref) { r.Digest = "sha256:00" }, `digest "sha256:00" must be sha256: and 64`},
		"no repository":       {func(r *Ref) { r.Repository = "" }, "repository of chart openbao 0.29.3 is not a URL"},
		"a path":              {func(r *Ref) { r.Repository = "/charts" }, "is not a URL: write https://host/path or oci://host/path"},
		"unreadable":          {func(r *Ref) { r.Repository = "https://me:secret%zz@host/" }, "is not a URL"},
		"another scheme":      {func(r *Ref) { r.Repository = "ftp://host/" }, "has the scheme ftp: use https or oci"},
		"plain http":          {func(r *Ref) { r.Repository = "http://host/charts" }, "repository http://host/charts is plain http: use https"},
		"credentials":         {func(r *Ref) { r.Repository = "https://me:secret@host/charts" }, "repository https://host/charts holds credentials: remove them"},
		"a token":             {func(r *Ref) { r.Repository = "https://host/charts?token=secret" }, "repository https://host/charts has a query"},
		"an OCI tag":          {func(r *Ref) { r.Repository = "oci://host/openbao:0.29.3" }, "names a tag or a digest"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ref := good
			tt.change(&ref)
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			_, _, err := s.Pull(t.Context(), ref)
			wantError(t, err, tt.want)
			wantFiles(t, s)
		})
	}
	_, _, err := Store{}.Pull(t.Context(), good)
	wantError(t, err, "no folder for charts is given")
}

func TestAStoredChartIsNotFetchedAgain(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 10)
	s := Store{Dir: t.TempDir()}
	path, err := s.put(digestOf(data), data)
	if err != nil {
		t.Fatal(err)
	}
	ref := openbao("https://example.invalid/")
	ref.Digest = digestOf(data)
	if got, digest, err := s.Pull(t.Context(), ref); got != path || digest != ref.Digest || err != nil {
		t.Errorf("Pull = %q, %q, %v", got, digest, err)
	}

	ref.Version = "0.29.4"
	_, _, err = s.Pull(t.Context(), ref)
	wantError(t, err, "holds chart openbao 0.29.3, wanted openbao 0.29.4")
}

func TestPullMendsACorruptedStore(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 10)
	server := serve(t, pages{"/index.yaml": indexOf("a.tgz", ""), "/a.tgz": bytesOf(data)})
	s := Store{Dir: t.TempDir()}
	ref := openbao(server.URL)
	ref.Digest = digestOf(data)
	if err := os.WriteFile(s.Path(ref.Digest), data[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Pull(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(ref.Digest); err != nil {
		t.Error(err)
	}
	wantFiles(t, s, fileName(ref.Digest))
}

func TestConcurrentPullsStoreOneWholeArchive(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1<<20)
	server := serve(t, pages{"/index.yaml": indexOf("a.tgz", digestOf(data)), "/a.tgz": bytesOf(data)})
	s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
	start := make(chan struct{})
	errs := make([]error, 16)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			<-start
			_, digest, err := s.Pull(t.Context(), openbao(server.URL))
			if err == nil {
				_, err = s.Open(digest)
			}
			errs[i] = err
		})
	}
	close(start)
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	wantFiles(t, s, fileName(digestOf(data)))
}

func TestProgressEndsAtTheTotal(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1<<20)
	oci := serveRegistry(t)
	push(t, oci, "charts/openbao", "0.29.3", data, chartLayer)
	web := serve(t, pages{"/index.yaml": indexOf("a.tgz", ""), "/a.tgz": bytesOf(data)})
	for _, repository := range []string{web.URL, "oci://" + hostOf(oci) + "/charts"} {
		var dones, totals []int64
		s := Store{Dir: t.TempDir()}
		_, _, err := s.Pull(t.Context(), openbao(repository), WithProgress(func(done, total int64) {
			dones, totals = append(dones, done), append(totals, total)
		}))
		if err != nil {
			t.Fatal(err)
		}
		size := int64(len(data))
		if len(dones) < 2 || !slices.IsSorted(dones) || dones[len(dones)-1] != size {
			t.Errorf("%s: progress is %v, want more and more up to %d", repository, dones, size)
		}
		if slices.Min(totals) != size || slices.Max(totals) != size {
			t.Errorf("%s: totals are %v, want %d", repository, totals, size)
		}
	}
}

func TestAPullThatIsInterruptedLeavesNothing(t *testing.T) {
	data := archiveOf(t, "openbao", "0.29.3", 1<<20)
	server := serve(t, pages{"/index.yaml": indexOf("a.tgz", ""), "/a.tgz": bytesOf(data)})
	for _, when := range []int64{1, int64(len(data))} {
		t.Run(fmt.Sprintf("after %d bytes", when), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := Store{Dir: filepath.Join(t.TempDir(), "charts")}
			_, _, err := s.Pull(ctx, openbao(server.URL), WithProgress(func(done, _ int64) {
				if done >= when {
					cancel()
				}
			}))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v is not context.Canceled", err)
			}
			wantError(t, err, "stopped")
			wantFiles(t, s)
		})
	}
}

// withTimeout stands for requestTimeout.
func withTimeout(d time.Duration) Option {
	return func(p *puller) { p.client.Timeout = d }
}

func TestMessagesOfOthersAreOneShortLineWithoutQueries(t *testing.T) {
	got := oneLine("a\n\tb https://host/x?sig=secret \"https://host?k=secret\" " + strings.Repeat("é", 400))
	if !strings.HasPrefix(got, `a b https://host/x "https://host" é`) || strings.ContainsAny(got, "\n\t") || len([]rune(got)) != 301 {
		t.Errorf("oneLine = %q", got)
	}
}
