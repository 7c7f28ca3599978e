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
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/banhbaoring/banhbaoring/render"
)

// Resolve returns the id of the commit that a revision names; empty where it
// names none, or where there is no repository.
func Resolve(ctx context.Context, dir, name string) (string, error) {
	out, err := run(ctx, dir, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		return "", nil
	case errors.Is(err, exec.ErrNotFound):
		return "", nil // then nothing is a revision
	}
	return strings.TrimSpace(string(out)), err
}

// Read returns the files of commits that wanted chooses, by commit. Paths limit
// them, from dir on; without any, the whole repository is read. Each file of
// both commits is read once. A source is called name:path.
func Read(ctx context.Context, dir string, commits, names, paths []string, wanted func(path string) bool) ([][]render.Source, error) {
	sources := make([][]render.Source, len(commits))
	ids := make([][]string, len(commits))
	needed := map[string][]byte{}
	for i, commit := range commits {
		entries, err := tree(ctx, dir, commit, paths)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !wanted(e.path) {
				continue
			}
			ids[i] = append(ids[i], e.id)
			sources[i] = append(sources[i], render.Source{Name: names[i] + ":" + e.path})
			needed[e.id] = nil
		}
	}
	if err := blobs(ctx, dir, needed); err != nil {
		return nil, err
	}
	for i := range sources {
		for j := range sources[i] {
			sources[i][j].Data = needed[ids[i][j]]
		}
	}
	return sources, nil
}

type entry struct{ id, path string }

// tree lists the plain files of a commit.
func tree(ctx context.Context, dir, commit string, paths []string) ([]entry, error) {
	args := []string{"ls-tree", "-r", "-z", "--full-name"}
	if len(paths) == 0 {
		args = append(args, "--full-tree")
	}
	out, err := run(ctx, dir, nil, append(append(args, commit, "--"), paths...)...)
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", commit, err)
	}
	var entries []entry
	for record := range strings.SplitSeq(string(out), "\x00") {
		about, name, _ := strings.Cut(record, "\t")
		fields := strings.Fields(about) // mode, type, id
		if len(fields) == 3 && strings.HasPrefix(fields[0], "100") {
			entries = append(entries, entry{fields[2], name})
		}
	}
	return entries, nil
}

// blobs reads the content of each id.
func blobs(ctx context.Context, dir string, contents map[string][]byte) error {
	if len(contents) == 0 {
		return nil
	}
	ids := make([]string, 0, len(contents))
	for id := range contents {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out, err := run(ctx, dir, strings.NewReader(strings.Join(ids, "\n")+"\n"), "cat-file", "--batch")
	if err != nil {
		return fmt.Errorf("reading objects: %w", err)
	}
	in := bufio.NewReader(bytes.NewReader(out))
	for _, id := range ids {
		line, err := in.ReadString('\n')
		fields := strings.Fields(line) // id, type, size
		if err != nil || len(fields) != 3 || fields[0] != id || fields[1] != "blob" {
			return fmt.Errorf("reading object %s: got %q", id, strings.TrimSpace(line))
		}
		size, err := strconv.Atoi(fields[2])
		if err != nil {
			return fmt.Errorf("reading object %s: %w", id, err)
		}
		data := make([]byte, size+1) // and a line feed
		if _, err := io.ReadFull(in, data); err != nil {
			return fmt.Errorf("reading object %s: %w", id, err)
		}
		contents[id] = data[:size]
	}
	return nil
}

// run runs git, which takes no lock and asks nothing.
func run(ctx context.Context, dir string, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = dir, stdin
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(stderr.String()); text != "" {
			first, _, _ := strings.Cut(text, "\n")
			return nil, fmt.Errorf("git: %s: %w", first, err)
		}
		return nil, fmt.Errorf("git: %w", err)
	}
	return stdout.Bytes(), nil
}

// Hidden tells whether a file or a folder above it begins with a dot.
func Hidden(name string) bool {
	for dir := path.Clean(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if strings.HasPrefix(path.Base(dir), ".") {
			return true
		}
	}
	return false
}
