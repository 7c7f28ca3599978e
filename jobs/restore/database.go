package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs/internal/libpq"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// maintenance is the database that is connected to in order to rename others.
const maintenance = "postgres"

// receiptDatabase is the receipt's key for the database of before.
const receiptDatabase = "databaseBefore"

// psql runs scripts by the psql of the image that this runs in.
type psql struct {
	env  []string
	name string // of the database that the URL names
}

func openDatabase(dir string) (*psql, error) {
	text, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		return nil, err
	}
	env, err := libpq.Environment(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, err
	}
	p := &psql{}
	for _, variable := range env {
		if name, ok := strings.CutPrefix(variable, "PGDATABASE="); ok {
			p.name = name
		} else {
			p.env = append(p.env, variable)
		}
	}
	if p.name == "" {
		return nil, errors.New("the database's URL names no database: want postgres://user:password@host:port/database")
	}
	return p, nil
}

// The exit codes of psql. Source: postgresql.org/docs, psql, exit status.
const psqlNoConnection = 2

// run runs a script and returns what it prints. Errors hold no row.
func (p *psql) run(ctx context.Context, database string, script io.Reader) (string, error) {
	cmd := exec.CommandContext(ctx, "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password",
		"--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse", "--set=SHOW_CONTEXT=never")
	cmd.Env = append([]string{"PGDATABASE=" + database, "PATH=" + os.Getenv("PATH"), "PGAPPNAME=banhbaoring-restore", "PGCONNECT_TIMEOUT=30", "LC_ALL=C"}, p.env...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = script, &out, &said
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	err = fmt.Errorf("psql: %w: %s", err, strings.Join(strings.Split(strings.TrimSpace(said.String()), "\n"), "; "))
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == psqlNoConnection || strings.Contains(said.String(), "is being accessed by other users") {
		return "", run.Later(err)
	}
	return "", err
}

// ask runs statements on a database and returns the lines that they print.
func (p *psql) ask(ctx context.Context, database, statements string) ([]string, error) {
	out, err := p.run(ctx, database, strings.NewReader(statements))
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n"), err
}

// identifier and literal quote for SQL.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func literal(text string) string    { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// names are those of the databases, within the 63 bytes that PostgreSQL takes.
func (w *work) names(p *psql) (fresh, before string) {
	short := p.name[:min(len(p.name), 32)]
	return short + "_restoring", short + "_before_" + w.stamp()
}

// compareDatabase tells whether this server can take the dump, and whether the
// user may do what a restore does.
func (w *work) compareDatabase(ctx context.Context) error {
	p, err := openDatabase(w.mounts.Database)
	if err != nil {
		return err
	}
	lines, err := p.ask(ctx, maintenance, fmt.Sprintf(`SHOW server_version;
SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user;
SELECT current_user;
SELECT pg_has_role(current_user, datdba, 'USAGE') FROM pg_database WHERE datname = %s;
`, literal(p.name)))
	if err != nil {
		return err
	}
	if len(lines) < 3 {
		return fmt.Errorf("PostgreSQL answers %d lines", len(lines))
	}
	have, user := lines[0], lines[2]
	if had := w.manifest.Needs.Versions.Database; major(had) > major(have) {
		return w.refuse(fmt.Errorf("its dump is of PostgreSQL %s, and this server is %s, which is older", had, have),
			"set spec.database.version to "+strconv.Itoa(major(had)))
	}
	if lines[1] != "t" {
		return w.refuse(fmt.Errorf("user %s may not make databases, and a dump is restored into a new one", user),
			fmt.Sprintf("let an administrator run: ALTER ROLE %s CREATEDB", identifier(user)))
	}
	if len(lines) == 3 {
		return w.refuse(fmt.Errorf("there is no database %s", p.name), "let an administrator make it, empty, with user "+user+" as its owner")
	}
	if lines[3] != "t" {
		return w.refuse(fmt.Errorf("user %s may not rename database %s", user, p.name),
			fmt.Sprintf("let an administrator run: ALTER DATABASE %s OWNER TO %s", identifier(p.name), identifier(user)))
	}
	return nil
}

// database restores the dump into a new database, counts its rows, and puts it in
// the place of the one that is there, which is kept under another name.
func (w *work) database(ctx context.Context) error {
	p, err := openDatabase(w.mounts.Database)
	if err != nil {
		return err
	}
	fresh, before := w.names(p)
	var swapped bool
	err = w.Step(ctx, "look at the databases", func(ctx context.Context) error {
		lines, err := p.ask(ctx, maintenance, "SELECT count(*) FROM pg_database WHERE datname = "+literal(before)+";\n")
		swapped = err == nil && lines[0] == "1"
		return err
	})
	if err != nil {
		return err
	}
	if !swapped {
		if err := w.load(ctx, p, fresh); err != nil {
			return err
		}
		if err := w.Step(ctx, "swap the databases", func(ctx context.Context) error { return p.swap(ctx, fresh, before) }); err != nil {
			return err
		}
	}
	return w.record(ctx, receiptDatabase, before)
}

// load makes the new database, loads the dump and compares its rows.
func (w *work) load(ctx context.Context, p *psql, fresh string) error {
	part := w.parts[v1.BackupDatabase]
	err := w.Step(ctx, "load the dump into "+fresh, func(ctx context.Context) error {
		_, err := p.ask(ctx, maintenance, fmt.Sprintf("DROP DATABASE IF EXISTS %[1]s WITH (FORCE);\nCREATE DATABASE %[1]s TEMPLATE template0 ENCODING 'UTF8';\n", identifier(fresh)))
		if err != nil {
			return err
		}
		return w.pipe(ctx, part, func(r io.Reader) error {
			_, err := p.run(ctx, fresh, r)
			return err
		})
	})
	if err != nil {
		return err
	}
	return w.Step(ctx, "count its rows", func(ctx context.Context) error {
		tables := sorted(part.Rows)
		if len(tables) == 0 {
			return nil
		}
		var script strings.Builder
		for _, table := range tables {
			fmt.Fprintf(&script, "SELECT count(*) FROM ONLY %s;\n", table)
		}
		lines, err := p.ask(ctx, fresh, script.String())
		if err != nil {
			return err
		}
		var total int64
		for i, table := range tables {
			if i >= len(lines) || lines[i] != strconv.FormatInt(part.Rows[table], 10) {
				return run.ByHand(fmt.Errorf("table %s does not have the %d rows of the backup: database %s was not put in place: hint: restore another backup", table, part.Rows[table], fresh))
			}
			total += part.Rows[table]
		}
		w.Log.Info("every row of the backup is there", "tables", len(tables), "rows", total)
		return nil
	})
}

// swap renames both databases at once, when nobody is connected.
func (p *psql) swap(ctx context.Context, fresh, before string) error {
	lines, err := p.ask(ctx, maintenance, "SELECT count(*) FROM pg_database WHERE datname = "+literal(before)+";\n")
	if err != nil || lines[0] == "1" {
		return err // an attempt whose answer was lost
	}
	_, err = p.ask(ctx, maintenance, fmt.Sprintf(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN (%s, %s) AND pid <> pg_backend_pid() AND usename = current_user;
BEGIN;
ALTER DATABASE %s RENAME TO %s;
ALTER DATABASE %s RENAME TO %s;
COMMIT;
`, literal(p.name), literal(fresh), identifier(p.name), identifier(before), identifier(fresh), identifier(p.name)))
	return err
}
