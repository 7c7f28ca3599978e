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

	"github.com/google/go-cmp/cmp"
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

const script = `-- Dumped from database version 15.4 (Debian 15.4-1)
COPY public.users (id, name) FROM stdin;
1	COPY public.users (id) FROM stdin;
2	b
\.
CREATE TABLE x;
COPY public.empty (id) FROM stdin;
\.
COPY "odd name"."t" FROM stdin;
1
\.
--
-- PostgreSQL database dump complete
--
`

func TestRowsOfADumpAreCounted(t *testing.T) {
	for size := 1; size < len(script); size += 7 {
		var out bytes.Buffer
		d := newDump(&out)
		for part := range slices.Chunk([]byte(script), size) {
			if _, err := d.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string]int64{"public.users": 2, "public.empty": 0, `"odd name"."t"`: 1}
		if diff := cmp.Diff(want, d.rows); diff != "" || !d.complete || d.version != "15.4" || out.String() != script {
			t.Errorf("in pieces of %d: %s %v %s", size, diff, d.complete, d.version)
		}
	}
	long := newDump(io.Discard)
	_, _ = io.WriteString(long, "COPY t (a) FROM stdin;\n"+strings.Repeat("x", 1<<20)+"\n\\.\n")
	if long.rows["t"] != 1 || len(long.line) > longest || cap(long.line) > 2*longest {
		t.Errorf("%v, %d bytes kept", long.rows, cap(long.line))
	}
}
