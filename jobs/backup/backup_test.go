package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// snapshot is an archive as OpenBao writes it.
func snapshot(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, files[name]); err != nil {
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

func TestSnapshotsAreChecked(t *testing.T) {
	sum := func(name, text string) string { return fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(text)), name) }
	good := map[string]string{"meta.json": "{}", "state.bin": "state", sealed: "x", sums: sum("meta.json", "{}") + sum("state.bin", "state")}
	same, err := CheckSnapshot(bytes.NewReader(snapshot(t, good)))
	if err != nil || same == "" {
		t.Fatalf("got %q, %v", same, err)
	}
	with := func(changes ...string) []byte {
		files := maps.Clone(good)
		for i := 0; i < len(changes); i += 2 {
			if changes[i+1] == "" {
				delete(files, changes[i])
			} else {
				files[changes[i]] = changes[i+1]
			}
		}
		return snapshot(t, files)
	}
	whole := snapshot(t, good)
	for want, bad := range map[string][]byte{
		"does not have the sha256":       with("state.bin", "other"),
		"it lacks SHA256SUMS":            with(sealed, ""),
		"or SHA256SUMS.sealed":           with(sums, ""),
		"it holds 3 files":               with("extra", "x"),
		"file state.bin does not":        with("state.bin", ""),
		"it is no raft snapshot":         []byte("<html>"),
		"it is cut off or damaged":       whole[:40],
		"it is no raft snapshot: EOF":    nil,
		"it is cut off or damaged: unex": whole[:len(whole)-30],
	} {
		if _, err := CheckSnapshot(bytes.NewReader(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
