package tlsfiles

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesAreReadAnewAndAFaultyOneChangesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed := 0
	parse := func(contents [][]byte) (string, error) {
		parsed++
		if string(contents[0]) == "faulty" {
			return "", errors.New("faulty")
		}
		return string(contents[0]), nil
	}
	if _, err := Watch(slog.New(slog.DiscardHandler), parse, file); err == nil {
		t.Fatal("a file that is missing at first is accepted")
	}
	write("one")
	w, err := Watch(slog.New(slog.DiscardHandler), parse, file)
	if err != nil || w.Get() != "one" {
		t.Fatalf("got %v", err)
	}
	if err := w.Reload(); err != nil || parsed != 1 {
		t.Errorf("unchanged files are read %d times, %v", parsed, err)
	}
	write("faulty")
	if err := w.Reload(); err == nil || w.Get() != "one" {
		t.Errorf("faulty: got %q, %v", w.Get(), err)
	}
	write("two")
	if err := w.Reload(); err != nil || w.Get() != "two" {
		t.Errorf("renewed: got %q, %v", w.Get(), err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Reload(); err == nil || w.Get() != "two" {
		t.Errorf("removed: got %q, %v", w.Get(), err)
	}
}
