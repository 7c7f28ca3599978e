package charts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/opencontainers/go-digest"
)

// ErrNotStored is wrapped when no archive of a digest is in the store.
var ErrNotStored = errors.New("chart is not stored")

// Dir is the store when none is named: banhbaoring/charts in the user's cache,
// which is $XDG_CACHE_HOME or ~/.cache on Linux.
func Dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for charts: %w: set HOME or XDG_CACHE_HOME", err)
	}
	return filepath.Join(cache, "banhbaoring", "charts"), nil
}

// Store is a folder of chart archives, each named by its digest. Archives of other
// names, such as those that `helm pull` writes, are found by what they hold; so is
// a single archive that is named instead of a folder.
type Store struct{ Dir string }

// Path is where the archive of digest lies when it is stored. It is empty for
// what is not sha256: and 64 hexadecimal digits, so that no digest leads out
// of the folder.
func (s Store) Path(digest string) string {
	if checkDigest(digest) != nil {
		return ""
	}
	return filepath.Join(s.Dir, strings.Replace(digest, ":", "-", 1)+".tgz")
}

// Open reads the archive of a digest and verifies it again. The error wraps
// ErrNotStored when there is none.
func (s Store) Open(want string) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := checkDigest(want); err != nil {
		return nil, err
	}
	path := s.Path(want)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		if data, err := s.find(want); data != nil || err != nil {
			return data, err
		}
		return nil, fmt.Errorf("%w: %s is not in %s: run banhbaoring chart pull", ErrNotStored, want, s.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read stored chart: %w", err)
	}
	defer file.Close()

	// One byte over the limit is enough to give a wrong digest.
	data, err := io.ReadAll(io.LimitReader(file, maxArchive+1))
	if err != nil {
		return nil, fmt.Errorf("read stored chart: %w", err)
	}
	if got := digest.FromBytes(data).String(); got != want {
		return nil, fmt.Errorf("stored chart %s is corrupted: wanted %s, got %s: run banhbaoring chart pull again", path, want, got)
	}
	return data, nil
}

// find reads the archive of a digest whatever its name is, nil where there is
// none.
func (s Store) find(want string) ([]byte, error) {
	paths := []string{s.Dir}
	if entries, err := os.ReadDir(s.Dir); err == nil {
		paths = nil
		for _, e := range entries {
			if filepath.Ext(e.Name()) == ".tgz" {
				paths = append(paths, filepath.Join(s.Dir, e.Name()))
			}
		}
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxArchive {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read stored chart: %w", err)
		}
		if digest.FromBytes(data).String() == want {
			return data, nil
		}
	}
	return nil, nil
}

// put stores data under its digest: whole or not at all, and safe beside
// other processes that store the same.
func (s Store) put(digest string, data []byte) (path string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("store chart: %w", err)
		}
	}()
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return "", err
	}
	temp, err := os.CreateTemp(s.Dir, ".pull-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	if _, err := temp.Write(data); err != nil {
		return "", err
	}
	if err := temp.Chmod(0o644); err != nil {
		return "", err
	}
	if err := temp.Sync(); err != nil {
		return "", err
	}
	if err := temp.Close(); err != nil {
		return "", err
	}
	path = s.Path(digest)
	if err := os.Rename(temp.Name(), path); err != nil {
		return "", err
	}
	// Not every file system can sync a folder; the archive itself is synced.
	if dir, err := os.Open(s.Dir); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return path, nil
}

func (s Store) check() error {
	if s.Dir == "" {
		return errors.New("no folder for charts is given: name one")
	}
	return nil
}
