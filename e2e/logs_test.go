//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
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
func logsOf(t *testing.T, ns string) func() string {
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
	l := &logs{client: client, ns: ns, read: map[string]time.Time{}}
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
	return l.String
}

type logs struct {
	client kubernetes.Interface
	ns     string
	read   map[string]time.Time // until when, by container
	mutex  sync.Mutex
	text   strings.Builder
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
		l.read[id] = at
		fmt.Fprintf(&l.text, "%s/%s: %s", pod, name, said)
	}
}
