//go:build integration

package realtest_test

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

type config struct{ Names []string }

// makes is a Job that makes ConfigMaps.
func makes(ctx context.Context, s *run.Session, c config) error {
	for _, name := range c.Names {
		err := s.Step(ctx, name, func(ctx context.Context) error {
			maps := s.Kubernetes.CoreV1().ConfigMaps(s.Namespace)
			if _, err := maps.Get(ctx, name, metav1.GetOptions{}); err == nil {
				return nil
			}
			_, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func TestMain(m *testing.M) { realtest.Main(m, makes) }

func TestAJobIsKilledAtEachChange(t *testing.T) {
	points := map[string]int{}
	realtest.KillEverywhere(t, func(t *testing.T) realtest.Job {
		return realtest.Job{Name: "probe", Namespace: realtest.NewKubernetes(t).Namespace, Config: config{[]string{"one", "two"}}}
	}, func(t *testing.T, _ realtest.Job, o realtest.Outcome) string {
		points[realtest.Side(t)]++
		return realtest.Finished(t, o)
	})
	if len(points) == 0 {
		t.Error("it was killed nowhere")
	}
	for side, n := range points {
		if n != 2 {
			t.Errorf("killed %s %d changes, want 2", side, n)
		}
	}
}

func TestServersStartAndInitialise(t *testing.T) {
	for _, o := range []realtest.OpenBaoOptions{{}, {Nodes: 3}, {Nodes: 3, Static: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			b := realtest.NewOpenBao(t, o)
			b.Initialise(t)
			b.Stop(len(b.Peers) - 1)
			b.Start(t, len(b.Peers)-1)
		})
	}
}
