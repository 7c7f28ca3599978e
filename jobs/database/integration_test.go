//go:build integration

package database

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

// open serves a real server's database, whose user owns it and may no more.
func open(t *testing.T) (*Client, func(string) string) {
	t.Helper()
	url, sql := realtest.NewPostgres(t)
	sql("CREATE ROLE keys LOGIN CREATEDB; CREATE DATABASE keys OWNER keys")
	dir := t.TempDir()
	url = strings.Replace(strings.Replace(url, "tester:any@", "keys:any@", 1), "/postgres?", "/keys?", 1)
	if err := os.WriteFile(filepath.Join(dir, "url"), []byte(url), 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(realtest.Socket(t, dir, Serve)), func(script string) string { return strings.TrimSpace(sql("\\connect keys\n" + script)) }
}

func TestADumpIsCountedAndLoaded(t *testing.T) {
	c, sql := open(t)
	sql(`SET ROLE keys; CREATE TABLE users (id bigint, name text); INSERT INTO users SELECT n, md5(n::text) || E'\r\n\\.' FROM generate_series(1, 5000) n; CREATE TABLE none (id int); CREATE TABLE "odd "" name" (id int)`)
	name, err := c.Name(t.Context())
	if err != nil || name != "keys" {
		t.Fatalf("got %q, %v", name, err)
	}
	var dump bytes.Buffer
	d, err := c.Dump(t.Context(), &dump)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Rows) != 3 || d.Rows["public.users"] != 5000 || d.Rows[`public."odd "" name"`] != 0 || !strings.HasPrefix(d.Version, "1") {
		t.Errorf("got %+v", d)
	}
	if !bytes.HasPrefix(dump.Bytes(), []byte("PGDMP")) || !bytes.Contains(dump.Bytes(), []byte("c4ca4238a0b923820dcc509a6f75849b")) {
		t.Error("it is not in pg_dump's own format, or compressed")
	}
	const sum = "SELECT md5(string_agg(name, '' ORDER BY id)) FROM public.users"
	before := sql(sum)
	sql("DROP TABLE users, none")
	sql(`DROP TABLE "odd "" name"`)
	if err := c.Load(t.Context(), "keys", false, bytes.NewReader(dump.Bytes())); err != nil {
		t.Fatal(err)
	}
	if sql(sum) != before {
		t.Error("other rows")
	}
	if err := c.Load(t.Context(), "keys", false, bytes.NewReader(dump.Bytes()[:dump.Len()/2])); err == nil {
		t.Error("half a dump is loaded")
	}
}

func TestADumpThatFailsIsNone(t *testing.T) {
	c, sql := open(t)
	sql("CREATE TABLE secret (id int)") // of another owner
	var dump bytes.Buffer
	if _, err := c.Dump(t.Context(), &dump); err == nil || !strings.Contains(err.Error(), "permission denied for table secret") {
		t.Errorf("got %v", err)
	}
}

// Neither a dump nor a statement reaches a shell, and nothing of the server.
func TestNoMetaCommandWorks(t *testing.T) {
	c, _ := open(t)
	ran := filepath.Join(t.TempDir(), "ran")
	for name, try := range map[string]func() error{
		"a script": func() error { return c.Load(t.Context(), "keys", true, strings.NewReader("\\! touch "+ran+"\n")) },
		"within a line": func() error {
			return c.Load(t.Context(), "keys", true, strings.NewReader("SELECT 1 \\! touch "+ran+"\n;\n"))
		},
		"behind a restriction": func() error {
			return c.Load(t.Context(), "keys", true, strings.NewReader("\\restrict a\n\\unrestrict a\n\\! touch "+ran+"\n"))
		},
		"a pipe": func() error {
			return c.Load(t.Context(), "keys", true, strings.NewReader("SELECT 1 \\g |touch "+ran+"\n"))
		},
		"a copy": func() error {
			return c.Load(t.Context(), "keys", true, strings.NewReader("\\copy (SELECT 1) to program 'touch "+ran+"'\n"))
		},
		"the server": func() error {
			return c.Load(t.Context(), "keys", true, strings.NewReader("COPY (SELECT 1) TO PROGRAM 'touch "+ran+"';\n"))
		},
		"a statement": func() error { _, err := c.Ask(t.Context(), "keys", "\\! touch "+ran); return err },
		"a statement with space": func() error {
			_, err := c.Ask(t.Context(), "keys", "SELECT count(*) FROM x; \\! touch "+ran)
			return err
		},
		"no dump": func() error { return c.Load(t.Context(), "keys", false, strings.NewReader("\\! touch "+ran+"\n")) },
	} {
		if err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(ran); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s: the command was run", name)
		}
	}
}
