package charts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDirIsInTheUsersCache(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	dir, err := Dir()
	if err != nil || dir != filepath.Join(cache, "banhbaoring", "charts") {
		t.Errorf("Dir() = %q, %v", dir, err)
	}

	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	_, err = Dir()
	wantError(t, err, "no folder for charts", "set HOME or XDG_CACHE_HOME")
}

func TestPathTakesNothingButADigest(t *testing.T) {
	s := Store{Dir: "d"}
	hex := strings.Repeat("0a", 32)
	for digest, want := range map[string]string{
		"sha256:" + hex:                  filepath.Join("d", "sha256-"+hex+".tgz"),
		"":                               "",
		hex:                              "",
		"sha512:" + hex:                  "",
		"sha256:" + strings.ToUpper(hex): "",
		"sha256:" + hex + "\n":           "",
		"sha256:../../" + strings.Repeat("a", 58): "",
	} {
		if got := s.Path(digest); got != want {
			t.Errorf("Path(%q) = %q, want %q", digest, got, want)
		}
	}
}

func TestOpen(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "new")}
	data := []byte("archive")
	digest := digestOf(data)

	_, err := s.Open(digest)
	if !errors.Is(err, ErrNotStored) {
		t.Errorf("%v does not wrap ErrNotStored", err)
	}
	wantError(t, err, digest, s.Dir, "run banhbaoring chart pull")
	_, err = s.Open("../passwd")
	wantError(t, err, `digest "../passwd" must be sha256:`)
	_, err = Store{}.Open(digest)
	wantError(t, err, "no folder for charts is given")

	path, err := s.put(digest, data)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode of %s: %v, %v", path, info.Mode(), err)
	}
	if got, err := s.Open(digest); err != nil || string(got) != "archive" {
		t.Errorf("Open = %q, %v", got, err)
	}

	for _, corrupted := range []string{"", "archiv", "archive ", strings.Repeat("x", maxArchive+2)} {
		if err := os.WriteFile(path, []byte(corrupted), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := s.Open(digest)
		wantError(t, err, "corrupted", "wanted "+digest, "got sha256:", "pull again")
		if errors.Is(err, ErrNotStored) {
			t.Errorf("a corrupted archive is taken for a missing one: %v", err)
		}
	}
}

func TestAFailedPutLeavesNoFileBehind(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	digest := digestOf(nil)
	// A folder that holds something cannot be replaced by a file.
	if err := os.MkdirAll(filepath.Join(s.Path(digest), "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := s.put(digest, nil)
	wantError(t, err, "store chart: ")
	wantFiles(t, s, fileName(digest))
}

// An archive counts by what it holds, whatever its name is.
func TestOpenFindsAnArchiveOfAnyName(t *testing.T) {
	dir := t.TempDir()
	content := []byte("what helm pull wrote")
	want := digestOf(content)
	for name, data := range map[string][]byte{"openbao-0.29.2.tgz": content, "openbao-0.28.0.tgz": []byte("another"), "notes.txt": content} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, where := range []string{dir, filepath.Join(dir, "openbao-0.29.2.tgz")} {
		got, err := Store{Dir: where}.Open(want)
		if err != nil || string(got) != string(content) {
			t.Errorf("%s: %q, %v", where, got, err)
		}
	}
	for _, where := range []string{dir, filepath.Join(dir, "openbao-0.28.0.tgz"), filepath.Join(dir, "none")} {
		if _, err := (Store{Dir: where}).Open(digestOf([]byte("none of them"))); !errors.Is(err, ErrNotStored) {
			t.Errorf("%s: %v", where, err)
		}
	}
}
