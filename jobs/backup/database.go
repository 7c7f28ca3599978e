package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/internal/libpq"
)

// database streams a dump of the database that the mounted URL names, by the
// pg_dump of the image that this runs in. version takes the server's version.
func database(dir string, version *string) archive.Source {
	return func(ctx context.Context, w io.Writer) (archive.About, error) {
		text, err := os.ReadFile(filepath.Join(dir, "url"))
		if err != nil {
			return archive.About{}, err
		}
		env, err := libpq.Environment(strings.TrimSpace(string(text)))
		if err != nil {
			return archive.About{}, err
		}
		dump := newDump(w)
		cmd := exec.CommandContext(ctx, "pg_dump", "--format=plain", "--encoding=UTF8", "--no-owner", "--no-privileges",
			"--no-password", "--lock-wait-timeout=60000") // in milliseconds
		cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "PGAPPNAME=banhbaoring-backup", "PGCONNECT_TIMEOUT=30", "LC_ALL=C")
		cmd.Stdout = dump
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Run(); err != nil {
			if dump.fault != nil {
				err = dump.fault
			}
			return archive.About{}, fmt.Errorf("pg_dump: %w: %s%s", err, tell(said.String()), hint(said.String()))
		}
		if !dump.complete {
			return archive.About{}, errors.New("pg_dump ended before the end of the dump")
		}
		*version = dump.version
		return archive.About{Rows: dump.rows}, nil
	}
}

// tell is what pg_dump said, on one line.
func tell(said string) string {
	return strings.Join(strings.Split(strings.TrimSpace(said), "\n"), "; ")
}

func hint(said string) string {
	if strings.Contains(said, "server version mismatch") {
		return "\nhint: set spec.database.version to the server's"
	}
	return ""
}

// dump passes on what pg_dump writes, counts the rows of each table, and sees
// which server it is of and that it is complete.
type dump struct {
	out      io.Writer
	fault    error
	line     []byte // its beginning
	table    string // whose rows come
	rows     map[string]int64
	version  string
	complete bool
}

func newDump(out io.Writer) *dump { return &dump{out: out, rows: map[string]int64{}} }

// longest is how much of a line is looked at, in bytes. PostgreSQL's names are
// at most 63 each; the columns of a COPY follow its table.
const longest = 4096

func (d *dump) Write(p []byte) (int, error) {
	n, err := d.out.Write(p)
	if err != nil {
		d.fault = err
		return n, err
	}
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		part := rest
		if i >= 0 {
			part = rest[:i]
		}
		d.line = append(d.line, part[:min(len(part), longest-len(d.line))]...)
		if i < 0 {
			break
		}
		d.see(d.line)
		d.line, rest = d.line[:0], rest[i+1:]
	}
	return n, nil
}

func (d *dump) see(line []byte) {
	switch {
	case d.table != "" && string(line) == `\.`:
		d.table = ""
	case d.table != "":
		d.rows[d.table]++
	case bytes.HasPrefix(line, []byte("COPY ")) && (len(line) == longest || bytes.HasSuffix(line, []byte(" FROM stdin;"))):
		name, _, _ := strings.Cut(string(line[len("COPY "):]), " (")
		d.table = strings.TrimSuffix(name, " FROM stdin;")
		d.rows[d.table] = 0
	case bytes.HasPrefix(line, []byte("-- Dumped from database version ")) && d.version == "":
		d.version = strings.Fields(string(line))[5]
	case string(line) == "-- PostgreSQL database dump complete":
		d.complete = true
	}
}
