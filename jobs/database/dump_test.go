package database

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
		d := newRows()
		for part := range slices.Chunk([]byte(script), size) {
			if _, err := d.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string]int64{"public.users": 2, "public.empty": 0, `"odd name"."t"`: 1}
		if diff := cmp.Diff(want, d.rows); diff != "" || !d.complete || d.version != "15.4" {
			t.Errorf("in pieces of %d: %s %v %s", size, diff, d.complete, d.version)
		}
	}
	long := newRows()
	_, _ = io.WriteString(long, "COPY t (a) FROM stdin;\n"+strings.Repeat("x", 1<<20)+"\n\\.\n")
	if long.rows["t"] != 1 || len(long.line) > longest || cap(long.line) > 2*longest {
		t.Errorf("%v, %d bytes kept", long.rows, cap(long.line))
	}
}

func TestOnlyTheDumpsOwnRestrictionIsLeftOut(t *testing.T) {
	for in, want := range map[string]string{
		"-- a dump\n\\restrict abc\nSELECT 1;\n\\unrestrict abc\n":   "-- a dump\nSELECT 1;\n",
		"-- a dump\n\\restrict abc\nSELECT 1;\n\\unrestrict other\n": "-- a dump\nSELECT 1;\n\\unrestrict other\n",
		"SELECT 1;\n\\! id\n": "SELECT 1;\n\\! id\n",
		"x" + strings.Repeat("y", 1<<17) + "\\restrict a\n\\! id": "x" + strings.Repeat("y", 1<<17) + "\\restrict a\n\\! id",
	} {
		got, err := io.ReadAll(unrestricted(strings.NewReader(in)))
		if err != nil || string(got) != want {
			t.Errorf("got %.60q, %v", got, err)
		}
	}
}
