//go:build integration

package peers_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/peers"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

func TestMain(m *testing.M) { realtest.Main(m, peers.Run) }

const account = "banhbaoring-peers"

type stack struct {
	*realtest.Kubernetes
	bao  *realtest.OpenBao
	root string
	job  realtest.Job
}

// newStack is an OpenBao of some nodes after the configure Job, and the
// StatefulSet that names as many.
func newStack(t *testing.T, nodes int, wanted int32, allowSingle bool) *stack {
	t.Helper()
	k := realtest.NewKubernetes(t)
	s := &stack{Kubernetes: k, bao: realtest.NewOpenBao(t, realtest.OpenBaoOptions{Nodes: nodes, Static: true, Kubernetes: k})}
	s.root, _ = s.bao.Initialise(t)
	s.bao.EnableLogin(t, k, s.root)
	k.ServiceAccount(t, account)
	policy, err := os.ReadFile("../configure/policies/peers.hcl")
	if err != nil {
		t.Fatal(err)
	}
	s.bao.MakeRole(t, k, s.root, jobs.Peers, account, string(policy))
	s.statefulSet(t, int32(nodes))
	s.job = realtest.Job{
		Name: jobs.Peers, Namespace: k.Namespace,
		TrustFile: s.bao.TrustFile, TokenFile: k.TokenFile(t, account, jobs.TokenAudience),
		Config: jobs.PeersConfig{
			Namespace: k.Namespace, Address: s.bao.Active(t), Peers: s.bao.Peers[:min(int(wanted), nodes)],
			StatefulSet: jobs.OpenBaoName, Replicas: wanted, AllowSingle: allowSingle,
		},
	}
	return s
}

// statefulSet is one whose pods fit no node.
func (s *stack) statefulSet(t *testing.T, replicas int32) {
	t.Helper()
	labels := map[string]string{"app": "none"}
	_, err := s.AppsV1().StatefulSets(s.Namespace).Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: jobs.OpenBaoName},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				NodeSelector: map[string]string{"none": "none"}, Containers: []corev1.Container{{Name: "none", Image: "none"}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// members are the raft peers, by name.
func (s *stack) members(t *testing.T) (names []string, leader string) {
	t.Helper()
	config := s.bao.Read(t, s.root, "sys/storage/raft/configuration")["config"].(map[string]any)
	for _, entry := range config["servers"].([]any) {
		server := entry.(map[string]any)
		names = append(names, server["node_id"].(string))
		if server["leader"] == true {
			leader = server["node_id"].(string)
		}
	}
	slices.Sort(names)
	return names, leader
}

func (s *stack) wantMembers(t *testing.T, want int) {
	t.Helper()
	if got, _ := s.members(t); !slices.Equal(got, s.bao.NodeNames[:want]) {
		t.Errorf("members %q, want %q", got, s.bao.NodeNames[:want])
	}
	s.bao.Write(t, s.root, "sys/policies/acl/written", map[string]any{"policy": `path "a" { capabilities = ["read"] }`})
}

// lead has one of some nodes lead. Of the others only the leader runs meanwhile,
// so that it can hand over to nobody else.
func (s *stack) lead(t *testing.T, wanted ...string) {
	t.Helper()
	_, leader := s.members(t)
	if slices.Contains(wanted, leader) {
		return
	}
	var stopped []int
	for i, name := range s.bao.NodeNames {
		if name != leader && !slices.Contains(wanted, name) {
			s.bao.Stop(i)
			stopped = append(stopped, i)
		}
	}
	at := slices.Index(s.bao.NodeNames, wanted[0])
	realtest.Eventually(t, fmt.Sprintf("one of %q leads", wanted), func(ctx context.Context) error {
		answer, err := s.bao.Client(t, at, s.root).Sys().LeaderWithContext(ctx)
		if err != nil {
			return err
		}
		i := slices.Index(s.bao.Peers, answer.LeaderAddress)
		if i >= 0 && slices.Contains(wanted, s.bao.NodeNames[i]) {
			return nil
		}
		if i >= 0 {
			_ = s.bao.Client(t, i, s.root).Sys().StepDown()
		}
		return fmt.Errorf("%q leads", answer.LeaderAddress)
	})
	for _, i := range stopped {
		s.bao.Start(t, i)
		s.bao.Unsealed(t, i)
	}
}

func finishes(t *testing.T, s *stack, says string) {
	t.Helper()
	o := s.job.Run(t)
	realtest.Finished(t, o)
	if !strings.Contains(o.Log, says) {
		t.Errorf("it does not say %q:\n%s", says, o.Log)
	}
}

func refuses(t *testing.T, s *stack, code int, says string) {
	t.Helper()
	if o := s.job.Run(t); o.Code != code || !strings.Contains(o.Log, says) {
		t.Errorf("exit %d, want %d and %q:\n%s", o.Code, code, says, o.Log)
	}
}

func TestFiveBecomeThree(t *testing.T) {
	s := newStack(t, 5, 3, false)
	s.lead(t, s.bao.NodeNames[3:]...)
	finishes(t, s, " step down")
	s.wantMembers(t, 3)
	finishes(t, s, "no peer is left above the wanted count")

	// A removed peer that starts again finds its data and stays outside.
	s.bao.Stop(4)
	s.bao.Start(t, 4)
	s.bao.Unsealed(t, 4)
	s.wantMembers(t, 3)
	// Without its data it joins anew.
	s.bao.Stop(4)
	s.bao.Wipe(t, 4)
	s.bao.Start(t, 4)
	realtest.Eventually(t, "the emptied peer joins", func(context.Context) error {
		if got, _ := s.members(t); !slices.Contains(got, s.bao.NodeNames[4]) {
			return fmt.Errorf("members %q", got)
		}
		return nil
	})
}

// A leader that answers sys/step-down and leads on is ended, as its kubelet would
// do when its pod is deleted, and the work goes on.
func TestALeaderThatDoesNotStepDownIsEnded(t *testing.T) {
	s := newStack(t, 3, 1, true)
	s.lead(t, s.bao.NodeNames[2])
	config := s.job.Config.(jobs.PeersConfig)
	config.Address = s.bao.ThroughActive(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != "/v1/sys/step-down" {
			return false
		}
		w.WriteHeader(http.StatusNoContent)
		return true
	})
	s.job.Config = config
	for i := range 3 {
		go s.keepPod(t, i)
	}
	finishes(t, s, "has not stepped down within 15s")
	s.wantMembers(t, 1)
	events, err := s.EventsV1().Events(s.Namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=StepDownNotTaken"})
	if err != nil || len(events.Items) == 0 {
		t.Errorf("no Event tells it: %v", err)
	}
}

// keepPod is what a StatefulSet and a kubelet do for one pod: its process ends
// when the pod is deleted, and both come back.
func (s *stack) keepPod(t *testing.T, ordinal int) {
	pods := s.CoreV1().Pods(s.Namespace)
	for made := false; t.Context().Err() == nil; time.Sleep(100 * time.Millisecond) {
		_, err := pods.Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: s.bao.NodeNames[ordinal]}, Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"none": "none"}, Containers: []corev1.Container{{Name: "none", Image: "none"}},
		}}, metav1.CreateOptions{})
		if err == nil && made {
			s.bao.Crash(ordinal)
		}
		made = made || err == nil || apierrors.IsAlreadyExists(err)
	}
}

// TestTheDeadGoFirst has a peer die just before: without it and the other one that
// goes, the one that stays would vote alone of two.
func TestTheDeadGoFirst(t *testing.T) {
	s := newStack(t, 3, 1, true)
	s.lead(t, s.bao.NodeNames[0])
	s.bao.Stop(1)
	finishes(t, s, "no peer is left above the wanted count")
	s.wantMembers(t, 1)
}

func TestAutopilotIsNotNeededWhereThoseThatStayAreAMajority(t *testing.T) {
	s := newStack(t, 5, 3, false)
	s.answering(t, "/v1/sys/storage/raft/autopilot/state", http.StatusNotFound, 1000)
	finishes(t, s, "no peer is left above the wanted count")
	s.wantMembers(t, 3)
}

func TestALoginThatIsForbiddenIsTriedAgain(t *testing.T) {
	s := newStack(t, 3, 1, true)
	s.answering(t, "/v1/auth/kubernetes/login", http.StatusForbidden, 2)
	finishes(t, s, "no peer is left above the wanted count")
	s.wantMembers(t, 1)
}

// answering has the leader answer with a status so many times.
func (s *stack) answering(t *testing.T, path string, status, times int) {
	t.Helper()
	s.lead(t, s.bao.NodeNames[0])
	config := s.job.Config.(jobs.PeersConfig)
	config.Address = s.bao.Through(t, 0, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != path || times == 0 {
			return false
		}
		times--
		http.Error(w, `{"errors":[]}`, status)
		return true
	})
	s.job.Config = config
}

func TestOneIsRefusedUnlessItIsAllowed(t *testing.T) {
	s := newStack(t, 3, 1, false)
	refuses(t, s, run.CodeByHand, "allowSingle")
	s.wantMembers(t, 3)
	config := s.job.Config.(jobs.PeersConfig)
	config.AllowSingle = true
	s.job.Config = config
	finishes(t, s, "no peer is left above the wanted count")
	s.wantMembers(t, 1)
}

func TestNobodyGoesWhileThoseThatStayAreUnhealthy(t *testing.T) {
	s := newStack(t, 5, 3, false)
	s.lead(t, s.bao.NodeNames[0])
	s.bao.Stop(1)
	refuses(t, s, run.CodeFailed, "the peers that stay must be healthy")
	if got, _ := s.members(t); len(got) != 5 {
		t.Errorf("members %q", got)
	}
}

func TestWithoutTheRoleItSaysWhatToDo(t *testing.T) {
	s := newStack(t, 3, 1, true)
	if _, err := s.bao.Client(t, 0, s.root).Logical().Delete("auth/kubernetes/role/" + jobs.Peers); err != nil {
		t.Fatal(err)
	}
	refuses(t, s, run.CodeByHand, "let the configure Job finish")
	s.wantMembers(t, 3)
}

func TestAVolumeOfARemovedPeerIsTold(t *testing.T) {
	s := newStack(t, 1, 3, false)
	finishes(t, s, "no volume of theirs is left")
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data-" + jobs.OpenBaoName + "-2"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: new(string),
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
			Selector:  &metav1.LabelSelector{MatchLabels: map[string]string{"none": "none"}},
		},
	}
	if _, err := s.CoreV1().PersistentVolumeClaims(s.Namespace).Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	refuses(t, s, run.CodeByHand, "kubectl delete pvc -n "+s.Namespace+" data-banhbaoring-openbao-2")
}

func TestOpenBaoIsNotNeededWhereNoPodGoes(t *testing.T) {
	k := realtest.NewKubernetes(t)
	s := &stack{Kubernetes: k}
	s.job = realtest.Job{Name: jobs.Peers, Namespace: k.Namespace, TrustFile: "/nowhere", TokenFile: "/nowhere", Config: jobs.PeersConfig{
		Namespace: k.Namespace, Address: "https://127.0.0.1:1", StatefulSet: jobs.OpenBaoName, Replicas: 3,
	}}
	finishes(t, s, "not installed yet")
	s.statefulSet(t, 3)
	finishes(t, s, "no pod goes")
}

func TestAnOpenBaoThatWasNeverInitialisedMayShrink(t *testing.T) {
	k := realtest.NewKubernetes(t)
	s := &stack{Kubernetes: k, bao: realtest.NewOpenBao(t, realtest.OpenBaoOptions{Static: true})}
	s.statefulSet(t, 3)
	s.job = realtest.Job{Name: jobs.Peers, Namespace: k.Namespace, TrustFile: s.bao.TrustFile, TokenFile: "/nowhere", Config: jobs.PeersConfig{
		Namespace: k.Namespace, Address: s.bao.Peers[0], Peers: s.bao.Peers, StatefulSet: jobs.OpenBaoName, Replicas: 1, AllowSingle: true,
	}}
	finishes(t, s, "not initialised yet")
}

func TestKilledAnywhereTheNextRunFinishes(t *testing.T) {
	realtest.KillSideBySide(t, func(*testing.T) (realtest.Setup, realtest.Check) {
		var s *stack
		return func(t *testing.T) realtest.Job {
				s = newStack(t, 3, 1, true)
				s.lead(t, s.bao.NodeNames[2])
				return s.job
			}, func(t *testing.T, _ realtest.Job, o realtest.Outcome) string {
				verdict := realtest.Finished(t, o)
				s.wantMembers(t, 1)
				return verdict
			}
	})
}
