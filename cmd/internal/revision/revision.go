// Package revision reads files out of a git repository's object database,
// without a checkout. It runs the git program: that alone reads every kind of
// repository that git makes (worktrees, partial clones, packed and tabled
// references, SHA-256), as the user has set it up.
package revision

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// ErrNoGit says that there is no git program.
var ErrNoGit = errors.New("there is no git program here, which alone reads revisions (the image of the renderer has none): run diff where git is, or give it folders")

// Resolve returns the id of the commit that a revision names. It is empty where
// git says that it names none; where git cannot say, the error has its message.
func Resolve(ctx context.Context, dir, name string) (string, error) {
	out, err := run(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	var failed *exec.ExitError
	if errors.As(err, &failed) && failed.ExitCode() == 1 {
		return "", nil
	}
	return strings.TrimSpace(string(out)), err
}

// Prefix is the path of a folder within its repository, empty at the top and
// in a bare one.
func Prefix(ctx context.Context, dir string) (string, error) {
	out, err := run(ctx, dir, "rev-parse", "--show-prefix")
	return strings.TrimSuffix(string(out), "\n"), err
}

// Repository reads the objects of a repository, each once.
type Repository struct {
	dir   string
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	err   bytes.Buffer
	blobs map[string][]byte
}

// Open starts the program that reads objects, until Close.
func Open(ctx context.Context, dir string) (*Repository, error) {
	r := &Repository{dir: dir, cmd: command(ctx, dir, "cat-file", "--batch"), blobs: map[string][]byte{}}
	r.cmd.Stderr = &r.err
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = bufio.NewReader(out)
	return r, explain(r.cmd.Start(), "")
}

// Close ends the program.
func (r *Repository) Close() {
	r.in.Close()
	_ = r.cmd.Wait() // every answer was read and checked
}

// maxBlob is the size of the largest file that is read, in bytes.
const maxBlob = 256 << 20

// blob is the content of an object.
func (r *Repository) blob(id string) ([]byte, error) {
	if data, ok := r.blobs[id]; ok {
		return data, nil
	}
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("reading object %s: %w", id, explain(err, r.err.String()))
	}
	if _, err := io.WriteString(r.in, id+"\n"); err != nil {
		return fail(err)
	}
	line, err := r.out.ReadString('\n')
	if err != nil {
		return fail(err)
	}
	fields := strings.Fields(line) // id, type, size
	if len(fields) != 3 || fields[0] != id || fields[1] != "blob" {
		return fail(fmt.Errorf("got %q", strings.TrimSpace(line)))
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return fail(err)
	}
	if size > maxBlob {
		return fail(fmt.Errorf("%d bytes are over the limit of %d MiB", size, maxBlob>>20))
	}
	data := make([]byte, size+1) // and a line feed
	if _, err := io.ReadFull(r.out, data); err != nil {
		return fail(err)
	}
	r.blobs[id] = data[:size]
	return r.blobs[id], nil
}

// command is git, which takes no lock and asks nothing.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C")
	return cmd
}

func run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := command(ctx, dir, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := explain(cmd.Run(), stderr.String())
	return stdout.Bytes(), err
}

// explain is what git itself said: the cause, which stands first, and the
// command that it recommends.
func explain(err error, stderr string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return ErrNoGit
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if lines[0] == "" {
		return fmt.Errorf("git: %w", err)
	}
	f := &failure{strings.TrimPrefix(lines[0], "fatal: "), err}
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, "\tgit ") {
			f.message += "\nhint: " + strings.TrimSpace(line)
		}
	}
	return f
}

type failure struct {
	message string
	cause   error
}

func (f *failure) Error() string { return "git: " + f.message }
func (f *failure) Unwrap() error { return f.cause }
