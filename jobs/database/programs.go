package database

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// psqlNoConnection is psql's exit status where it could not connect. Source:
// postgresql.org/docs, psql, exit status.
const psqlNoConnection = 2

// psql runs statements, one after the other in one session, and returns the lines
// that they print. Each is an argument of its own, which psql hands to the server
// as it is: none of its meta-commands works there. Errors hold no row.
func psql(ctx context.Context, env, statements []string) ([]string, error) {
	args := psqlArgs()
	for _, statement := range statements {
		args = append(args, "--command= "+statement) // one that begins with a backslash would be a meta-command
	}
	out, err := runPsql(ctx, env, nil, args...)
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n"), err
}

func psqlArgs() []string {
	return []string{"--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password",
		"--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse", "--set=SHOW_CONTEXT=never"}
}

func runPsql(ctx context.Context, env []string, script io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "psql", args...)
	var out, said bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, script, &out, &said
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	err = failed("psql", err, said.String())
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == psqlNoConnection || strings.Contains(said.String(), "is being accessed by other users") {
		return "", passing{err}
	}
	return "", err
}

// load loads a dump in pg_dump's own format: pg_restore sends the server what it
// holds, and knows no commands beside.
func load(ctx context.Context, env []string, database string, dump io.Reader) error {
	escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database)
	cmd := exec.CommandContext(ctx, "pg_restore", "--dbname=dbname='"+escaped+"'", "--no-owner", "--no-privileges", "--no-subscriptions", "--exit-on-error", "--no-password")
	var said bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stderr = env, dump, &said
	if err := cmd.Run(); err != nil {
		err = failed("pg_restore", err, said.String())
		if strings.Contains(said.String(), "connection to server") {
			return passing{err}
		}
		return err
	}
	return nil
}

// loadScript loads a dump of before backups were signed: an SQL script, for which
// there is only psql. It is restricted first, so that no meta-command of the script
// works but the one that ends this, with a word that nobody knows.
func loadScript(ctx context.Context, env []string, script io.Reader) error {
	word := rand.Text()
	restricted := io.MultiReader(strings.NewReader(`\restrict `+word+"\n"), unrestricted(script), strings.NewReader("\n"))
	_, err := runPsql(ctx, env, restricted, psqlArgs()...)
	if err != nil && strings.Contains(err.Error(), `invalid command \restrict`) {
		return fmt.Errorf("%w\nhint: this psql cannot load an SQL script without trusting it: take a newer release of the same version as spec.database.image", err)
	}
	return err
}

// unrestricted leaves out the two lines by which newer releases of pg_dump restrict
// psql themselves: there is but one restriction at a time.
func unrestricted(script io.Reader) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		lines := bufio.NewReaderSize(script, 64<<10)
		var end []byte
		begun := true // at the beginning of a line
		for n := 0; ; n++ {
			part, err := lines.ReadSlice('\n')
			skip := false
			if word, ok := bytes.CutPrefix(part, []byte(`\restrict `)); begun && ok && end == nil && n < 20 {
				end, skip = append([]byte(`\unrestrict `), word...), true
			} else if begun && end != nil && bytes.Equal(bytes.TrimSpace(part), bytes.TrimSpace(end)) {
				skip = true
			}
			begun = !errors.Is(err, bufio.ErrBufferFull)
			if !skip {
				if _, err := writer.Write(part); err != nil {
					return // nobody reads any more
				}
			}
			if err != nil && begun {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				writer.CloseWithError(err)
				return
			}
		}
	}()
	return reader
}
