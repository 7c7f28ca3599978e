//go:build integration

package keeper_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/keeper"
)

// kept is a real server with a keeper beside it.
type kept struct {
	*realtest.OpenBao
	keysFile string
	key      string
	log      *buffer
}

type buffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

func newKept(t *testing.T) *kept {
	t.Helper()
	b := realtest.NewOpenBao(t, realtest.OpenBaoOptions{})
	_, keys := b.Initialise(t)
	dir := filepath.Dir(b.TrustFile)
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), read(t, b.TrustFile), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &kept{OpenBao: b, keysFile: filepath.Join(t.TempDir(), "unseal-keys"), key: keys[0], log: &buffer{}}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		keeper.Run(ctx, keeper.Options{
			Address: strings.TrimPrefix(b.Peers[0], "https://"), ServerName: "localhost",
			TLSDir: dir, KeysFile: k.keysFile, Interval: 50 * time.Millisecond,
			Process: func() (int, error) { return b.PID(0), nil },
			Log:     slog.New(slog.NewJSONHandler(k.log, nil)),
		})
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		if strings.Contains(k.log.String(), k.key) {
			t.Error("the key is in the log")
		}
	})
	return k
}

func (k *kept) keys(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(k.keysFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (k *kept) restart(t *testing.T) {
	t.Helper()
	k.Stop(0)
	k.Start(t, 0)
}

func (k *kept) says(t *testing.T, text string) {
	t.Helper()
	realtest.Eventually(t, text, func(context.Context) error {
		if !strings.Contains(k.log.String(), text) {
			return fmt.Errorf("the log is:\n%s", k.log.String())
		}
		return nil
	})
}

func TestAServerIsUnsealedEachTimeItStarts(t *testing.T) {
	k := newKept(t)
	k.keys(t, k.key+"\n")
	for range 2 {
		k.restart(t)
		k.Unsealed(t, 0)
	}
}

func TestKeysThatComeLaterAndAreRotatedAreRead(t *testing.T) {
	k := newKept(t)
	k.restart(t)
	wrong := []byte(k.key)
	wrong[0] ^= 3
	k.keys(t, string(wrong)+"\n")
	k.says(t, "the mounted keys do not unseal this server")
	k.keys(t, k.key+"\n")
	k.Unsealed(t, 0)
	if n := strings.Count(k.log.String(), "the mounted keys do not unseal"); n != 1 {
		t.Errorf("wrong keys are told %d times", n)
	}
}

func TestARenewedCertificateIsServed(t *testing.T) {
	k := newKept(t)
	k.says(t, "the mounted certificate is served")
	other := realtest.NewOpenBao(t, realtest.OpenBaoOptions{}) // for its certificate, of another authority
	dir := filepath.Dir(k.TrustFile)
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), read(t, filepath.Join(filepath.Dir(other.TrustFile), name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), read(t, other.TrustFile), 0o600); err != nil {
		t.Fatal(err)
	}
	realtest.Eventually(t, "the new certificate", func(ctx context.Context) error {
		_, err := k.Client(t, 0, "").Sys().SealStatusWithContext(ctx) // TrustFile is the new one by now
		return err
	})
	pid := k.PID(0)
	if err := syscall.Kill(pid, 0); err != nil {
		t.Errorf("the server has ended: %v", err)
	}
	t.Run("and the keeper trusts the new authority", func(t *testing.T) {
		k.keys(t, k.key+"\n")
		k.restart(t)
		k.Unsealed(t, 0)
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
