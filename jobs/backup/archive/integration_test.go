//go:build integration

package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

// bucket opens a bucket whose connections may stand still for a while.
func bucket(t *testing.T, s *realtest.S3, idle time.Duration) *Repository {
	t.Helper()
	opened, err := store.Open(t.Context(), s.Destination("production/"), store.Credentials{
		AccessKeyID: realtest.S3AccessKeyID, SecretAccessKey: realtest.S3SecretAccessKey,
	}, store.Options{Idle: idle})
	if err != nil {
		t.Fatal(err)
	}
	r := &Repository{Store: opened, Log: slog.New(slog.DiscardHandler)}
	r.signs(signer)
	return r
}

// signer is the key of the stack whose backups these tests take.
var signer = sync.OnceValue(func() *signing.Signer {
	s, err := signing.Parse(signing.New())
	if err != nil {
		panic(err)
	}
	return s
})()

func back(t *testing.T, r *Repository, name string, kind v1.BackupType, database Source) (*Manifest, error) {
	t.Helper()
	writer, err := r.Begin(t.Context(), Manifest{Name: name, Reason: jobs.BackupScheduled, Type: kind, Cluster: "prod", Namespace: "keys"}, Link{})
	if err != nil {
		return nil, err
	}
	if _, err := writer.Add(t.Context(), v1.BackupDatabase, database); err != nil {
		return nil, err
	}
	return writer.Finish(t.Context(), time.Now())
}

func TestBackupsInARealBucket(t *testing.T) {
	r := bucket(t, realtest.NewS3(t), time.Minute)
	for _, kind := range []v1.BackupType{v1.BackupFull, v1.BackupIncremental} {
		content := noise(1, 40<<20) // several parts of an upload
		m, err := back(t, r, string(kind), kind, text(content))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := r.Read(t.Context(), m, m.Parts[0], nil, &out); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), content) {
			t.Errorf("%s: other content", kind)
		}
	}
	var names []string
	for b, err := range r.Backups(t.Context()) {
		if err := errors.Join(err, b.Err); err != nil {
			t.Fatal(err)
		}
		names = append(names, b.Name)
	}
	if got := strings.Join(names, " "); got != "full incremental" {
		t.Errorf("listed are %s", got)
	}
	if _, err := r.Store.Get(t.Context(), "none/openbao.snap"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := r.Store.Delete(t.Context(), "none/openbao.snap"); err != nil {
		t.Error(err)
	}
}

func TestWrongCredentialsAndBucketsAreTold(t *testing.T) {
	s := realtest.NewS3(t)
	for want, change := range map[string]func(*v1.S3, *store.Credentials){
		"hint: see the Secret":     func(_ *v1.S3, c *store.Credentials) { c.SecretAccessKey = "wrong" },
		"hint: make the bucket":    func(d *v1.S3, _ *store.Credentials) { d.Bucket = "nowhere" },
		"connect: connection refu": func(d *v1.S3, _ *store.Credentials) { d.Endpoint = "http://127.0.0.1:1" },
	} {
		d, c := s.Destination(""), store.Credentials{AccessKeyID: realtest.S3AccessKeyID, SecretAccessKey: realtest.S3SecretAccessKey}
		change(d.S3, &c)
		opened, err := store.Open(t.Context(), d, c, store.Options{Idle: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&Repository{Store: opened, Log: slog.New(slog.DiscardHandler), Signer: signer}).Begin(t.Context(), Manifest{Name: "first"}, Link{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), realtest.S3SecretAccessKey) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// cutBody answers with a part of the body that it announces.
func cutBody(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
	recorder := httptest.NewRecorder()
	pass.ServeHTTP(recorder, r)
	for key, values := range recorder.Header() {
		w.Header()[key] = values
	}
	body := recorder.Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

// What goes wrong a few times is done again; what goes wrong always ends the
// backup, which is none then.
func TestStorageThatFailsStallsAndCutsOff(t *testing.T) {
	faults := map[string]func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool{
		"fails": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
		"stalls": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
			panic(http.ErrAbortHandler)
		},
		"cuts off": cutBody,
	}
	for name, fault := range faults {
		for _, always := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " now and then", true: " always"}[always], func(t *testing.T) {
				s := realtest.NewS3(t)
				var requests atomic.Int32
				harmed := s.Through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
					n := requests.Add(1)
					object := strings.Contains(r.URL.Path, "postgres.dump.gz") && (name != "cuts off" || r.Method == http.MethodGet)
					if !object || !always && n%3 != 0 {
						return false
					}
					return fault(w, r, pass)
				})
				_, err := back(t, bucket(t, harmed, 2*time.Second), "first", v1.BackupFull, text(noise(1, 20<<20)))
				_, there := bucket(t, s, time.Minute).Manifest(t.Context(), "first")
				if always && (err == nil || !errors.Is(there, ErrNoBackup)) {
					t.Errorf("got %v, and a manifest: %v", err, there)
				}
				if !always && (err != nil || there != nil) {
					t.Errorf("got %v, %v", err, there)
				}
			})
		}
	}
}

func TestAnUploadThatWasCutOffIsCleaned(t *testing.T) {
	s := realtest.NewS3(t)
	r := bucket(t, s, time.Minute)
	broken := errors.New("the server went away")
	// The abort of the upload is lost too.
	harmed := bucket(t, s.Through(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}), time.Minute)
	_, err := back(t, harmed, "first", v1.BackupFull, func(_ context.Context, w io.Writer) (About, error) {
		_, _ = w.Write(noise(1, 40<<20))
		return About{}, broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	size := func() (bytes int64) {
		_ = filepath.Walk(s.Dir, func(_ string, info fs.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				bytes += info.Size()
			}
			return nil
		})
		return bytes
	}
	if size() < 16<<20 {
		t.Fatalf("%d bytes are left: the test tests nothing", size())
	}
	if err := r.Store.Abort(t.Context(), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if size() != 0 {
		t.Errorf("%d bytes are left", size())
	}
}

// The memory that a gibibyte takes, as a process of its own would see it.
func TestAGibibyteTakesLittleMemory(t *testing.T) {
	s := realtest.NewS3(t)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(56 << 20)) // as in its pod
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []v1.BackupType{v1.BackupFull, v1.BackupIncremental} {
		r := bucket(t, s, time.Minute)
		debug.FreeOSMemory()
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // resets the peak
			t.Fatal(err)
		}
		writer, err := r.Begin(t.Context(), Manifest{Name: string(kind), Type: kind, Cluster: "prod", Namespace: "keys",
			Recipients: []string{identity.Recipient().String()}}, Link{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := writer.Add(t.Context(), v1.BackupDatabase, func(_ context.Context, w io.Writer) (About, error) {
			line := noise(7, 1<<20)
			for n := range 1 << 10 {
				copy(line, strconv.Itoa(n))
				if _, err := w.Write(line); err != nil {
					return About{}, err
				}
			}
			return About{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if p.Content.Size != 1<<30 {
			t.Errorf("%d bytes", p.Content.Size)
		}
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kib, err := strconv.Atoi(strings.Fields(rest)[0])
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s: %d MiB resident, %d MiB stored", kind, kib>>10, p.Stored()>>20)
				if kib > 64<<10 {
					t.Errorf("%s: %d KiB resident, more than 64 MiB", kind, kib)
				}
			}
		}
	}
}
