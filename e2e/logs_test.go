//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// logsOf follows the logs of all containers of a namespace from their start on,
// and returns what they have said so far. A kubelet may remove the files of a
// container that still runs; who follows has them open.
func logsOf(t *testing.T, ns string) func() string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &followed{ns: ns, seen: map[string]*lines{}}
	f.running.Add(1)
	go f.watch(ctx)
	t.Cleanup(func() { cancel(); f.running.Wait() })
	return f.text
}

type followed struct {
	ns      string
	running sync.WaitGroup
	mutex   sync.Mutex
	seen    map[string]*lines
}

// lines are what one container writes.
type lines struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// watch follows each container that has started, once.
func (f *followed) watch(ctx context.Context) {
	defer f.running.Done()
	for ctx.Err() == nil {
		out, _, _ := try("", "get", "pods", "-n", f.ns, "-o", `go-template={{range .items}}{{$pod := .metadata.name}}{{range .status.initContainerStatuses}}{{$pod}} {{.name}} {{.containerID}}{{"\n"}}{{end}}{{range .status.containerStatuses}}{{$pod}} {{.name}} {{.containerID}}{{"\n"}}{{end}}{{end}}`)
		for line := range strings.Lines(out) {
			if fields := strings.Fields(line); len(fields) == 3 && strings.Contains(fields[2], "://") {
				f.follow(ctx, fields[0], fields[1], fields[2])
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (f *followed) follow(ctx context.Context, pod, container, id string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.seen[id] != nil {
		return
	}
	out := &lines{}
	fmt.Fprintf(out, "== %s %s\n", pod, container)
	f.seen[id] = out
	f.running.Add(1)
	go func() {
		defer f.running.Done()
		cmd := exec.CommandContext(ctx, "kubectl", "logs", "-f", "-n", f.ns, pod, "-c", container)
		cmd.Stdout, cmd.Stderr = out, out
		_ = cmd.Run() // what it could not read, it says in its place
	}()
}

func (f *followed) text() string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	var all strings.Builder
	for _, out := range f.seen {
		all.WriteString(out.String())
	}
	return all.String()
}
