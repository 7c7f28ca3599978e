//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// logsOf reads the logs of all containers of a namespace again and again, and
// returns what they have said so far. Reading them at the end is not enough: a
// pod may be gone by then, and kubelets that share a file system remove the
// files of each other's pods, after which whoever follows one hears no more.
func logsOf(t *testing.T, ns string) *logs {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	l := &logs{client: client, ns: ns, read: map[string]time.Time{}, unsealed: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			l.all(ctx)
			time.Sleep(time.Second)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

type logs struct {
	client kubernetes.Interface
	ns     string
	read   map[string]time.Time // until when, by container
	mutex  sync.Mutex
	text   strings.Builder
	// unsealed counts how often each OpenBao server was unsealed since it started or
	// was sealed, by pod and container; more than once is never forgotten.
	unsealed map[string]int
}

// unseals are the counts of unsealed.
func (l *logs) unseals() map[string]int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return maps.Clone(l.unsealed)
}

// saying are the lines of logs of the containers whose names begin with prefix
// that hold any of words.
func saying(logs, prefix string, words ...string) string {
	var said strings.Builder
	for line := range strings.Lines(logs) {
		if strings.HasPrefix(line, prefix) && slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) }) {
			said.WriteString(line)
		}
	}
	return said.String()
}

func (l *logs) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// all reads what is new of each container that has started.
func (l *logs) all(ctx context.Context) {
	pods, err := l.client.CoreV1().Pods(l.ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		return // the next round reads it
	}
	for _, pod := range pods.Items {
		for _, c := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
			if c.ContainerID != "" {
				l.container(ctx, pod.Name, c.Name, c.ContainerID)
			}
		}
	}
}

func (l *logs) container(ctx context.Context, pod, name, id string) {
	since := metav1.NewTime(l.read[id])
	options := &corev1.PodLogOptions{Container: name, Timestamps: true}
	if !since.IsZero() {
		options.SinceTime = &since
	}
	stream, err := l.client.CoreV1().Pods(l.ns).GetLogs(pod, options).Stream(ctx)
	if err != nil {
		return
	}
	defer stream.Close()
	text, _ := io.ReadAll(stream)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for line := range strings.Lines(string(text)) {
		stamp, said, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil || !at.After(since.Time) {
			continue
		}
		if at.After(l.read[id]) { // what is written to two streams is not always in order
			l.read[id] = at
		}
		if server := pod + " " + id; name == "openbao" {
			switch {
			case strings.Contains(said, "vault is unsealed"):
				l.unsealed[server]++
			case strings.Contains(said, "vault is sealed") && l.unsealed[server] == 1:
				l.unsealed[server] = 0
			}
		}
		fmt.Fprintf(&l.text, "%s/%s: %s", pod, name, said)
	}
}
