package tlsfiles

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Watch(over, slog.New(slog.DiscardHandler), parse, file); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the end of a wait for a file that is missing: got %v", err)
	}
	write("one")
	w, err := Watch(t.Context(), slog.New(slog.DiscardHandler), parse, file)
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

// On a first start the Secret with the clients' authority is there before its content.
func TestFilesThatAreStillWrittenAreWaitedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		parse := func(contents [][]byte) (string, error) {
			if len(contents[0]) == 0 {
				return "", errors.New("empty")
			}
			return string(contents[0]), nil
		}
		go func() {
			time.Sleep(time.Minute)
			_ = os.WriteFile(file, nil, 0o600)
			time.Sleep(time.Minute)
			_ = os.WriteFile(file, []byte("one"), 0o600)
		}()
		began := time.Now()
		w, err := Watch(t.Context(), slog.New(slog.NewTextHandler(&said, nil)), parse, file)
		if err != nil || w.Get() != "one" {
			t.Fatalf("got %v", err)
		}
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+2*Every {
			t.Errorf("waited %s", took)
		}
		if got := strings.Count(said.String(), "waits for files"); got != 2 {
			t.Errorf("each reason is told once, got %d lines:\n%s", got, said.String())
		}
	})
}
