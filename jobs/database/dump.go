package database

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// dump writes a dump in pg_dump's own format, not compressed: who stores it cuts it
// into pieces first. pg_restore reads it on the way, so that it is known to be
// whole and how many rows each table has.
func dump(ctx context.Context, env []string, out io.Writer) (Dumped, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dumping := exec.CommandContext(ctx, "pg_dump", "--format=custom", "--compress=0", "--encoding=UTF8", "--no-owner", "--no-privileges",
		"--no-subscriptions", "--no-password", "--lock-wait-timeout=60000") // in milliseconds
	read := exec.CommandContext(ctx, "pg_restore", "--file=-", "--no-owner", "--no-privileges")
	var said, saidReader bytes.Buffer
	seen := newRows()
	dumping.Env, dumping.Stderr = env, &said
	read.Env, read.Stdout, read.Stderr = env, seen, &saidReader
	in, err := read.StdinPipe()
	if err != nil {
		return Dumped{}, err
	}
	if err := read.Start(); err != nil {
		return Dumped{}, fmt.Errorf("pg_restore: %w", err)
	}
	written := &writer{out: out}
	dumping.Stdout = io.MultiWriter(written, in)
	fault := dumping.Run()
	_ = in.Close()
	reading := read.Wait()
	switch {
	case written.fault != nil:
		return Dumped{}, written.fault
	case reading != nil && strings.TrimSpace(saidReader.String()) != "" && said.Len() == 0:
		return Dumped{}, failed("pg_restore does not read the dump", reading, saidReader.String())
	case fault != nil:
		return Dumped{}, fmt.Errorf("%w%s", failed("pg_dump", fault, said.String()), hint(said.String()))
	case reading != nil:
		return Dumped{}, failed("pg_restore does not read the dump", reading, saidReader.String())
	case !seen.complete:
		return Dumped{}, errors.New("pg_dump ended before the end of the dump")
	}
	return Dumped{Version: seen.version, Rows: seen.rows}, nil
}

// writer remembers why it could not write.
type writer struct {
	out   io.Writer
	fault error
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	if err != nil {
		w.fault = err
	}
	return n, err
}

func hint(said string) string {
	if strings.Contains(said, "server version mismatch") {
		return "\nhint: set spec.database.version to the server's"
	}
	return ""
}

// rows counts the rows of each table in the script that a dump stands for, and
// sees which server it is of and that it is complete.
type rows struct {
	line     []byte // its beginning
	table    string // whose rows come
	rows     map[string]int64
	version  string
	complete bool
}

func newRows() *rows { return &rows{rows: map[string]int64{}} }

// longest is how much of a line is looked at, in bytes. PostgreSQL's names are
// at most 63 each; the columns of a COPY follow its table.
const longest = 4096

func (d *rows) Write(p []byte) (int, error) {
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
	return len(p), nil
}

func (d *rows) see(line []byte) {
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
