package restore

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/database"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// maintenance is the database that is connected to in order to rename others.
const maintenance = "postgres"

// receiptDatabase is the receipt's key for the database of before.
const receiptDatabase = "databaseBefore"

// programs are PostgreSQL's own, in the other container, and the database that the
// URL there names.
type programs struct {
	*database.Client
	name string
}

func (w *work) openDatabase(ctx context.Context) (*programs, error) {
	p := &programs{Client: database.Open(w.mounts.Socket)}
	var err error
	p.name, err = p.Name(ctx)
	return p, err
}

// identifier and literal quote for SQL.
func identifier(name string) string { return database.Identifier(name) }
func literal(text string) string    { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// names are those of the databases, within the 63 bytes that PostgreSQL takes.
func (w *work) names(p *programs) (fresh, before string) {
	short := p.name[:min(len(p.name), 32)]
	return short + "_restoring", short + "_before_" + w.stamp()
}

// compareDatabase tells whether this server can take the dump, and whether the
// user may do what a restore does.
func (w *work) compareDatabase(ctx context.Context) error {
	p, err := w.openDatabase(ctx)
	if err != nil {
		return err
	}
	lines, err := p.Ask(ctx, maintenance, "SHOW server_version",
		"SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user",
		"SELECT current_user",
		serverRights,
		"SELECT pg_has_role(current_user, datdba, 'USAGE') FROM pg_database WHERE datname = "+literal(p.name))
	if err != nil {
		return err
	}
	if len(lines) < 4 {
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
	if lines[3] != "" {
		return w.refuse(fmt.Errorf("user %s may do more than own a database (%s), and so would whatever the dump holds", user, lines[3]),
			"let the database's URL name a user without these rights, that may make databases")
	}
	if len(lines) == 4 {
		return w.refuse(fmt.Errorf("there is no database %s", p.name), "let an administrator make it, empty, with user "+user+" as its owner")
	}
	if lines[4] != "t" {
		return w.refuse(fmt.Errorf("user %s may not rename database %s", user, p.name),
			fmt.Sprintf("let an administrator run: ALTER DATABASE %s OWNER TO %s", identifier(p.name), identifier(user)))
	}
	return w.compareLoader(ctx, p)
}

// compareLoader tells whether the role that loads the dump is there, is the user's to
// take over from, and may do nothing of the server.
func (w *work) compareLoader(ctx context.Context, p *programs) error {
	loader, err := p.Loader(ctx)
	if err != nil || loader == "" {
		return err
	}
	lines, err := p.Ask(ctx, maintenance,
		"SELECT count(*) FROM pg_roles WHERE rolname = "+literal(loader)+" AND pg_has_role(current_user, oid, 'MEMBER')",
		strings.Replace(serverRights, "= current_user", "= "+literal(loader), 1),
		"SELECT concat_ws(', ', CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN pg_has_role(oid, (SELECT datdba FROM pg_database WHERE datname = "+literal(p.name)+"), 'MEMBER') THEN 'what the database in use belongs to' END) FROM pg_roles WHERE rolname = "+literal(loader))
	if err != nil {
		return err
	}
	if len(lines) < 3 || lines[0] != "1" {
		return run.Later(fmt.Errorf("PostgreSQL does not have role %s yet, which loads dumps: hint: its server makes it within seconds of the Secret %s having its password", loader, jobs.SecretPostgres))
	}
	if rights := strings.Trim(lines[1]+", "+lines[2], ", "); rights != "" {
		return w.refuse(fmt.Errorf("role %s may do more than own what it loads (%s), and so would whatever the dump holds", loader, rights),
			"let an administrator take these rights from it")
	}
	return nil
}

// serverRights lists what a user may do beyond its own databases: a dump is loaded
// with the user's rights, and its functions, triggers and defaults run with them.
const serverRights = `SELECT concat_ws(', ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END, ` +
	`(SELECT string_agg(r.rolname, ', ') FROM pg_roles r WHERE r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_create_subscription') AND NOT u.rolsuper AND pg_has_role(u.oid, r.oid, 'MEMBER'))) ` +
	`FROM pg_roles u WHERE u.rolname = current_user`

// database restores the dump into a new database, counts its rows, and puts it in
// the place of the one that is there, which is kept under another name.
func (w *work) database(ctx context.Context) error {
	p, err := w.openDatabase(ctx)
	if err != nil {
		return err
	}
	fresh, before := w.names(p)
	var swapped bool
	err = w.Step(ctx, "look at the databases", func(ctx context.Context) error {
		lines, err := p.Ask(ctx, maintenance, "SELECT count(*) FROM pg_database WHERE datname = "+literal(before))
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
func (w *work) load(ctx context.Context, p *programs, fresh string) error {
	part := w.parts[v1.BackupDatabase]
	err := w.Step(ctx, "load the dump into "+fresh, func(ctx context.Context) error {
		return w.pipe(ctx, part, func(r io.Reader) error {
			return p.Fill(ctx, maintenance, fresh, part.Script(), r)
		})
	})
	if err != nil {
		return err
	}
	if err := w.Step(ctx, "count its rows", func(ctx context.Context) error { return w.count(ctx, p, fresh, part.Rows) }); err != nil {
		return err
	}
	return w.Step(ctx, "look at what it made", func(ctx context.Context) error {
		lines, err := p.Ask(ctx, fresh, "SELECT count(*) FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')",
			"SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal", "SELECT count(*) FROM pg_event_trigger")
		if err == nil {
			w.Log.Info("the dump's functions and triggers run with the rights of whoever uses the database", "counts of functions, triggers, event triggers", strings.Join(lines, ", "))
		}
		return err
	})
}

// tableName is a table as pg_dump writes it.
var tableName = regexp.MustCompile(`^("([^"]|"")+"|[a-z_][a-z0-9_]*)(\.("([^"]|"")+"|[a-z_][a-z0-9_]*))?$`)

// count compares the rows of each table with those of the backup.
func (w *work) count(ctx context.Context, p *programs, fresh string, rows map[string]int64) error {
	var total int64
	for some := range slices.Chunk(sorted(rows), 100) {
		var statements []string
		for _, table := range some {
			if !tableName.MatchString(table) {
				return run.ByHand(fmt.Errorf("the backup names a table %q, which is no table's name: database %s was not put in place: hint: restore another backup", table, fresh))
			}
			statements = append(statements, "SELECT count(*) FROM ONLY "+table)
		}
		lines, err := p.Ask(ctx, fresh, statements...)
		if err != nil {
			return err
		}
		for i, table := range some {
			if i >= len(lines) || lines[i] != strconv.FormatInt(rows[table], 10) {
				return run.ByHand(fmt.Errorf("table %s does not have the %d rows of the backup: database %s was not put in place: hint: restore another backup", table, rows[table], fresh))
			}
			total += rows[table]
		}
	}
	w.Log.Info("every row of the backup is there", "tables", len(rows), "rows", total)
	return nil
}

// swap renames both databases at once, when nobody is connected.
func (p *programs) swap(ctx context.Context, fresh, before string) error {
	lines, err := p.Ask(ctx, maintenance, "SELECT count(*) FROM pg_database WHERE datname = "+literal(before))
	if err != nil || lines[0] == "1" {
		return err // an attempt whose answer was lost
	}
	_, err = p.Ask(ctx, maintenance,
		fmt.Sprintf("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN (%s, %s) AND pid <> pg_backend_pid() AND usename = current_user", literal(p.name), literal(fresh)),
		"BEGIN",
		fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", identifier(p.name), identifier(before)),
		fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", identifier(fresh), identifier(p.name)),
		"COMMIT")
	return err
}
