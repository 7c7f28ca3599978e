//go:build integration

package apply

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

const testNamespace = "apply-integration"

// server is the API server that KUBECONFIG names, and what was told.
type server struct {
	*Applier
	told strings.Builder
}

func newServer(t *testing.T) *server {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{}
	if s.Applier, err = New(config, func(format string, args ...any) { fmt.Fprintf(&s.told, format+"\n", args...) }); err != nil {
		t.Fatal(err)
	}
	s.Interval = 200 * time.Millisecond
	namespaces, err := s.of(parsed(t, `{apiVersion: v1, kind: Namespace}`).GroupVersionKind(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.Background(), testNamespace, metav1.DeleteOptions{}); err != nil {
			t.Log(err)
		}
	})
	return s
}

// there is an object as the cluster has it, nil where it has none.
func (s *server) there(t *testing.T, u *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	live, err := s.get(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// ourObject is an object as a render makes it.
func ourObject(t *testing.T, stage, text string) *unstructured.Unstructured {
	t.Helper()
	u := parsed(t, text)
	if u.GetKind() != "Namespace" {
		u.SetNamespace(testNamespace)
	}
	u.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "banhbaoring", "app.kubernetes.io/part-of": "banhbaoring", "app.kubernetes.io/component": "work"})
	annotations := map[string]string{}
	if u.GetKind() == "Namespace" {
		annotations = v1.NeverPruned()
	}
	annotations[render.StageAnnotation] = stage
	u.SetAnnotations(annotations)
	return u
}

func jobObject(t *testing.T, name, script string) *unstructured.Unstructured {
	t.Helper()
	return ourObject(t, "guard", `{apiVersion: batch/v1, kind: Job, metadata: {name: `+name+`}, spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, terminationGracePeriodSeconds: 0,
		containers: [{name: work, image: "docker.io/library/busybox:1", imagePullPolicy: IfNotPresent, terminationMessagePolicy: FallbackToLogsOnError, command: [sh, -c, "`+script+`"]}]}}}}`)
}

func configMap(t *testing.T, stage, name, data string) *unstructured.Unstructured {
	t.Helper()
	return ourObject(t, stage, `{apiVersion: v1, kind: ConfigMap, metadata: {name: `+name+`}, data: `+data+`}`)
}

func timed(name string, objects ...*unstructured.Unstructured) Stage {
	return Stage{Name: name, Objects: objects, Timeout: time.Minute, Waits: true}
}

func TestAgainstAnAPIServer(t *testing.T) {
	s := newServer(t)
	foundation := timed("foundation", configMap(t, "foundation", "settings", `{a: "1"}`), ourObject(t, "foundation", `{apiVersion: v1, kind: Namespace, metadata: {name: `+testNamespace+`}}`))
	good := timed("guard", jobObject(t, "work-1", "true"))
	last := timed("openbao", configMap(t, "openbao", "last", `{}`))
	mustApply := func(want string, stages ...Stage) {
		t.Helper()
		outcome, err := s.Apply(t.Context(), testNamespace, stages, true)
		if err != nil || outcome.String() != want {
			t.Fatalf("%s, want %s: %v\n%s", outcome, want, err, s.told.String())
		}
	}

	// From nothing: the namespace before what lives in it, the Job done before
	// the stage behind it.
	mustApply("4 created, 0 configured, 0 unchanged, 0 pruned", foundation, good, last)
	if conditionOf(s.there(t, good.Objects[0]), "Complete") != "True" {
		t.Error("the Job had not completed")
	}
	if told := s.told.String(); strings.Index(told, "guard: ready") > strings.Index(told, "openbao: 1 created") {
		t.Errorf("the order: %s", told)
	}
	mustApply("0 created, 0 configured, 4 unchanged, 0 pruned", foundation, good, last)

	// What is refused changes nothing of its stage.
	invalid := timed("openbao", configMap(t, "openbao", "beside", `{}`), ourObject(t, "openbao", `{apiVersion: v1, kind: Service, metadata: {name: none}, spec: {ports: [{port: 0}]}}`))
	_, err := s.Apply(t.Context(), testNamespace, []Stage{foundation, good, invalid}, true)
	if err == nil || !strings.Contains(err.Error(), "stage openbao is refused, and nothing of it was applied:\nService none: ") {
		t.Errorf("refused: %v", err)
	}
	if s.there(t, invalid.Objects[0]) != nil {
		t.Error("something of the refused stage was applied")
	}

	// A Job that fails stops what comes behind it, with its own words; one that
	// takes its place is not held up by it.
	next := timed("openbao", configMap(t, "openbao", "next", `{}`))
	bad := timed("guard", jobObject(t, "work-2", "echo broken on purpose; exit 3"))
	_, err = s.Apply(t.Context(), testNamespace, []Stage{foundation, bad, next}, true)
	for _, want := range []string{"stage guard is failed: later stages were not applied", "Job work-2: gave up after 1 failed pods", "container work ended with exit code 3", "broken on purpose"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("there is no %q in: %v", want, err)
		}
	}
	if s.there(t, next.Objects[0]) != nil {
		t.Error("the stage behind was applied")
	}

	// Time is limited, and so is patience: who interrupts is told what is left.
	slow := timed("guard", jobObject(t, "work-3", "sleep 600"))
	slow.Timeout = 2 * time.Second
	if _, err = s.Apply(t.Context(), testNamespace, []Stage{foundation, slow, next}, true); err == nil || !strings.Contains(err.Error(), "stage guard is not ready after 2s") {
		t.Errorf("the limit: %v", err)
	}
	slow.Timeout = time.Minute
	interrupted, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	if _, err = s.Apply(interrupted, testNamespace, []Stage{foundation, slow, next}, true); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("interrupted: %v", err)
	}

	// What is gone from the render goes, and what is protected or not ours stays.
	kept, mine := configMap(t, "data", "receipt", `{}`), configMap(t, "data", "of-the-user", `{}`)
	annotations := v1.NeverPruned()
	annotations[render.StageAnnotation] = "data"
	kept.SetAnnotations(annotations)
	mine.SetLabels(nil)
	mustApply("4 created, 0 configured, 1 unchanged, 4 pruned", timed("foundation", foundation.Objects[1], kept, mine), timed("guard", jobObject(t, "work-4", "true")), next)
	for _, u := range []*unstructured.Unstructured{foundation.Objects[0], last.Objects[0], bad.Objects[0], slow.Objects[0]} {
		if s.there(t, u) != nil {
			t.Errorf("%s %s is there still", u.GetKind(), u.GetName())
		}
	}
	mustApply("0 created, 0 configured, 2 unchanged, 1 pruned", timed("foundation", foundation.Objects[1]), next)
	for _, u := range []*unstructured.Unstructured{kept, mine} {
		if s.there(t, u) == nil {
			t.Errorf("%s was pruned", u.GetName())
		}
	}

	// A field that kubectl applied and the render no longer has goes.
	resource, err := s.of(kept.GroupVersionKind(), testNamespace)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resource.Apply(t.Context(), "of-kubectl", configMap(t, "foundation", "of-kubectl", `{a: "1", b: "2"}`), metav1.ApplyOptions{FieldManager: kubectl}); err != nil {
		t.Fatal(err)
	}
	mustApply("0 created, 1 configured, 2 unchanged, 0 pruned", timed("foundation", foundation.Objects[1], configMap(t, "foundation", "of-kubectl", `{a: "1"}`)), next)
	data, _, _ := unstructured.NestedStringMap(s.there(t, configMap(t, "", "of-kubectl", `{}`)).Object, "data")
	if len(data) != 1 {
		t.Errorf("data: %v", data)
	}

	// Uninstalling leaves the namespace and what is protected.
	if _, err := s.Uninstall(t.Context(), testNamespace, foundation.Objects[1:]); err != nil {
		t.Fatal(err)
	}
	if s.there(t, next.Objects[0]) != nil || s.there(t, kept) == nil {
		t.Error("uninstalling took what it should leave, or left what it should take")
	}
}
