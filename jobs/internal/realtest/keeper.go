package realtest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/keeper"
)

// Keep runs a keeper beside each server, as its pod does. What Secret
// SecretOpenBaoKeys holds reaches it a little later, as by its kubelet.
func (b *OpenBao) Keep(t *testing.T, k *Kubernetes) {
	t.Helper()
	keys := filepath.Join(b.dir, jobs.KeyUnseal)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			secret, err := k.CoreV1().Secrets(k.Namespace).Get(ctx, jobs.SecretOpenBaoKeys, metav1.GetOptions{})
			if err == nil {
				_ = os.WriteFile(keys+".new", secret.Data[jobs.KeyUnseal], 0o600)
				_ = os.Rename(keys+".new", keys)
			}
			time.Sleep(time.Second)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	b.KeepWith(t, keys)
}

// KeepWith is Keep, with a file of keys in the place of the Secret. It returns what
// the keepers have said so far.
func (b *OpenBao) KeepWith(t *testing.T, keysFile string) (said func() string) {
	t.Helper()
	b.running.Lock()
	b.kept = true
	b.running.Unlock()
	b.write(t, "ca.crt", b.read(t, "tls.crt"))
	log := &serverLog{}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i, peer := range b.Peers {
		running.Go(func() {
			keeper.Run(ctx, keeper.Options{
				Address: strings.TrimPrefix(peer, "https://"), ServerName: "localhost", TLSDir: b.dir, KeysFile: keysFile,
				Interval: 200 * time.Millisecond,
				Process:  func() (int, error) { return b.PID(i), nil },
				Log:      slog.New(slog.NewJSONHandler(log, nil)).With("server", i),
			})
		})
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
		if t.Failed() {
			t.Logf("the keepers say:\n%s", tail(log.String(), 40))
		}
	})
	return log.String
}

func (b *OpenBao) read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// UnsealedOnce checks that each server that runs was unsealed, and none twice by
// one process: that would be two loops that want to lead.
func (b *OpenBao) UnsealedOnce(t *testing.T) {
	t.Helper()
	for i := range b.Peers {
		Eventually(t, fmt.Sprintf("server %d says that it is unsealed", i), func(context.Context) error {
			if starts := b.Unseals(i); starts[len(starts)-1] == 0 {
				return fmt.Errorf("it was unsealed %v times, by its starts", starts)
			}
			return nil
		})
	}
	time.Sleep(2 * time.Second) // a second time would come within one
	for i := range b.Peers {
		if starts := b.Unseals(i); slices.Max(starts) > 1 {
			t.Errorf("server %d was unsealed %v times, by its starts", i, starts)
		}
	}
}

// Unseals counts how often each start of a server was unsealed, since it started or
// was sealed; more than once is never forgotten.
func (b *OpenBao) Unseals(ordinal int) []int {
	var counts []int
	for _, start := range strings.Split(b.logs[ordinal].String(), startMark)[1:] {
		unsealed := 0
		for line := range strings.Lines(start) {
			switch {
			case strings.Contains(line, "vault is unsealed"):
				unsealed++
			case strings.Contains(line, "vault is sealed") && unsealed == 1:
				unsealed = 0
			}
		}
		counts = append(counts, unsealed)
	}
	return counts
}

// startMark begins what a process says.
const startMark = "--- the server is started\n"

// serverLog is what the processes of one server have said.
type serverLog struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *serverLog) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *serverLog) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

func (l *serverLog) starts() { _, _ = fmt.Fprint(l, startMark) }
