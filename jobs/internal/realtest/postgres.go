package realtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// NewPostgres starts a PostgreSQL server of this machine and returns a URL of it.
// Sql runs a script there.
func NewPostgres(t *testing.T) (url string, sql func(script string) string) {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		t.Fatal("no PostgreSQL server below /usr/lib/postgresql: install the package postgresql")
	}
	bin := programs[len(programs)-1]
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	dir, err := os.MkdirTemp("", "realtest-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Getuid() == 0 { // which the server refuses to run as
		owner, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(owner.Uid)
		gid, _ := strconv.Atoi(owner.Gid)
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	run := func(stdin, program string, args ...string) string {
		cmd := exec.Command(filepath.Join(bin, program), args...)
		cmd.Dir, cmd.SysProcAttr, cmd.Stdin = dir, attributes, strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
		return string(out)
	}
	data := filepath.Join(dir, "data")
	run("", "initdb", "--pgdata="+data, "--username=tester", "--auth=trust", "--no-sync")
	_, port, _ := strings.Cut(FreeAddress(t), ":")
	var log bytes.Buffer
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
	server.Dir, server.SysProcAttr, server.Stdout, server.Stderr = dir, attributes, &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT)
		_ = server.Wait()
	})
	url = "postgres://tester:any@127.0.0.1:" + port + "/postgres?sslmode=disable"
	Eventually(t, "PostgreSQL answers", func(ctx context.Context) error {
		return exec.CommandContext(ctx, filepath.Join(bin, "pg_isready"), "--dbname="+url).Run()
	})
	return url, func(script string) string {
		return run(script, "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname="+url)
	}
}
