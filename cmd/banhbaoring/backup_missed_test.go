package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
)

// objects is a bucket in memory.
type objects map[string][]byte

func (o objects) Put(_ context.Context, key string, body io.Reader) (err error) {
	o[key], err = io.ReadAll(body)
	return err
}

func (o objects) Get(_ context.Context, key string) (io.ReadCloser, error) {
	if text, ok := o[key]; ok {
		return io.NopCloser(bytes.NewReader(text)), nil
	}
	return nil, fs.ErrNotExist
}

func (o objects) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(o)) {
			if !yield(store.Info{Key: key, Size: int64(len(o[key]))}, nil) {
				return
			}
		}
	}
}

func (o objects) Delete(_ context.Context, key string) error {
	delete(o, key)
	return nil
}

func (objects) Abort(context.Context, time.Time) error { return nil }

func (objects) String() string { return "s3://backups/prod/" }

// What was taken out of the bucket is told by the backup that followed it, and the
// newest one by the cluster that took it.
func TestListAndVerifyTellOfBackupsThatAreMissed(t *testing.T) {
	signer, err := signing.Parse(signing.New())
	if err != nil {
		t.Fatal(err)
	}
	cluster := &v1.BanhBaoRingCluster{}
	cluster.Name, cluster.Namespace = "prod", "keys"
	b := &bucket{&archive.Repository{Store: objects{}, Log: slog.New(slog.DiscardHandler), Signer: signer, Trusted: []signing.Key{signer.Public()}}, cluster}
	var newest archive.Link
	for i, name := range []string{"first", "second", "third"} {
		w, err := b.Begin(t.Context(), archive.Manifest{Name: name, Cluster: "prod", Namespace: "keys", StartedAt: time.Date(2026, 1, 1+i, 2, 0, 0, 0, time.UTC)}, newest)
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.Finish(t.Context(), time.Date(2026, 1, 1+i, 3, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		newest = m.Link()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v1/namespaces/keys/configmaps/"+jobs.BackupChain {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		text, err := json.Marshal(newest)
		if err != nil {
			t.Error(err)
		}
		receipt := corev1.ConfigMap{Data: map[string]string{"s3___backups_prod": string(text)}}
		receipt.APIVersion, receipt.Kind = "v1", "ConfigMap"
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(receipt)
	}))
	defer server.Close()
	live, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		gone        string
		alone, asks string
	}{
		"all are there":     {"", "", ""},
		"one in the middle": {"second", "number 2, the last of 2026-01-02 02:00:00 UTC, which third followed", "number 2"},
		"the newest":        {"third", "", "backup third (number 3), the newest that this cluster remembers, is not at s3://backups/prod/"},
	} {
		t.Run(name, func(t *testing.T) {
			o := maps.Clone(b.Store.(objects))
			delete(o, c.gone+"/manifest.json")
			left := &bucket{&archive.Repository{Store: o, Log: b.Log, Trusted: b.Trusted}, cluster}
			for want, asked := range map[string]kubernetes.Interface{c.alone: nil, c.asks: live} {
				if c.alone == c.asks {
					asked = live
				}
				n := 0
				err := left.missed(t.Context(), asked, func(archive.Listed) { n++ })
				var missed missedError
				if want == "" && err != nil || want != "" && (!errors.As(err, &missed) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nhint: ")) {
					t.Errorf("asked %v: got %v, want %q", asked != nil, err, want)
				}
				if n != strings.Count(strings.Join(slices.Collect(maps.Keys(o)), " "), "manifest.json") {
					t.Errorf("%d backups are handed on", n)
				}
			}
		})
	}
}
