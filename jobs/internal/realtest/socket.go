package realtest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// Socket serves what a Job's other container does, for a folder of Secrets, until
// the test ends. Serve is that container's program.
func Socket(t *testing.T, dir string, serve func(ctx context.Context, dir, socket string, log *slog.Logger) error) string {
	t.Helper()
	short, err := os.MkdirTemp("", "pipe-") // a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(short, "s")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, dir, socket, slog.New(slog.NewTextHandler(t.Output(), nil))) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(short)
	})
	return socket
}
