//go:build e2e

package cmptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/common"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/util/argo"
	argodiff "github.com/argoproj/argo-cd/v2/util/argo/diff"
	"github.com/argoproj/argo-cd/v2/util/argo/normalizers"
	"github.com/argoproj/gitops-engine/pkg/diff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kubectl runs kubectl on the cluster that KUBECONFIG names.
func kubectl(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("kubectl", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

// TestNothingIsOutOfSyncForever applies each example for real, as Argo CD does,
// reads it back when the controllers have seen it, and lets Argo CD compare.
// The application has the cluster's own name, and is tracked by label: the worst
// case, in which what controllers derive from our objects looks like a part of
// the application. No pod may start, so that nothing is bound to a node.
func TestNothingIsOutOfSyncForever(t *testing.T) {
	if out, err := exec.Command(root + "/e2e/definitions").CombinedOutput(); err != nil {
		t.Fatalf("definitions: %v\n%s", err, out)
	}
	for i, name := range specs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := fmt.Sprintf("argo-diff-%d", i)
			targets := rendered(t, name, namespace)
			app := instance(targets)
			for _, u := range targets {
				if err := argo.NewResourceTracking().SetAppInstance(u, common.LabelKeyAppInstance, app, "", argo.TrackingMethodLabel, ""); err != nil {
					t.Fatal(err)
				}
			}
			kubectl(t, "", "delete", "namespace", namespace, "--ignore-not-found", "--timeout=5m") // of an earlier run
			for _, ns := range outside(targets, namespace) {
				kubectl(t, "", "delete", "namespace", ns, "--ignore-not-found", "--timeout=5m")
				kubectl(t, "", "create", "namespace", ns)
				t.Cleanup(func() { kubectl(t, "", "delete", "namespace", ns, "--wait=false") })
			}
			t.Cleanup(func() {
				kubectl(t, "", "annotate", "namespace", namespace, "banhbaoring.io/delete="+namespace) // as guardrails want it
				kubectl(t, stream(t, clusterWide(targets)), "delete", "--ignore-not-found", "--wait=false", "-f", "-")
			})
			kubectl(t, stream(t, clusterWide(targets)), "apply", "--server-side", "-f", "-", "--field-manager", common.ArgoCDSSAManager)
			kubectl(t, "", "wait", "--for=create", "--timeout=30s", "--namespace", namespace, "serviceaccount/default") // it can be written to
			kubectl(t, "", "create", "quota", "no-pods", "--namespace", namespace, "--hard", "pods=0")
			kubectl(t, stream(t, targets), "apply", "--server-side", "-f", "-", "--field-manager", common.ArgoCDSSAManager)
			time.Sleep(5 * time.Second) // for the controllers
			lives := live(t, targets)
			compare(t, "applied by the server", lives, targets)
			compare(t, "applied by the client", withLastApplied(t, lives, targets), targets)
			unpruned(t, namespace, app, targets)
		})
	}
}

// outside are the namespaces beside the stack's own: clients', which are there before.
func outside(objects []*unstructured.Unstructured, namespace string) []string {
	var names []string
	for _, u := range objects {
		if ns := u.GetNamespace(); ns != "" && ns != namespace && !slices.Contains(names, ns) {
			names = append(names, ns)
		}
	}
	return names
}

// instance is the cluster's name.
func instance(objects []*unstructured.Unstructured) string {
	for _, u := range objects {
		if u.GetKind() == "Namespace" {
			return u.GetLabels()[common.LabelKeyAppInstance]
		}
	}
	return ""
}

func clusterWide(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, u := range objects {
		if u.GetNamespace() == "" {
			found = append(found, u)
		}
	}
	return found
}

// live are the objects as the API server has them, in the order of the targets.
func live(t testing.TB, targets []*unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	var list unstructured.UnstructuredList
	if err := json.Unmarshal([]byte(kubectl(t, stream(t, targets), "get", "-f", "-", "-o", "json", "--show-managed-fields")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != len(targets) {
		t.Fatalf("%d objects live, %d were applied", len(list.Items), len(targets))
	}
	byName := map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		u := &list.Items[i]
		byName[u.GroupVersionKind().GroupKind().String()+u.GetNamespace()+"/"+u.GetName()] = u
	}
	var lives []*unstructured.Unstructured
	for _, u := range targets {
		lives = append(lives, byName[u.GroupVersionKind().GroupKind().String()+u.GetNamespace()+"/"+u.GetName()])
	}
	return lives
}

// withLastApplied are the objects as an apply by the client leaves them.
func withLastApplied(t testing.TB, lives, targets []*unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for i, u := range lives {
		text, err := json.Marshal(targets[i].Object)
		if err != nil {
			t.Fatal(err)
		}
		u = u.DeepCopy()
		annotations := u.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(text)
		u.SetAnnotations(annotations)
		all = append(all, u)
	}
	return all
}

// compare demands that Argo CD finds no difference, and that it finds one that
// there is.
func compare(t testing.TB, how string, lives, targets []*unstructured.Unstructured) {
	t.Helper()
	for i, result := range differences(t, lives, targets) {
		if result.Modified {
			t.Errorf("%s: %s %s is out of sync:\nlives     %s\npredicted %s", how, targets[i].GetKind(), targets[i].GetName(), result.NormalizedLive, result.PredictedLive)
		}
	}
	for i, u := range targets {
		if u.GetKind() == "ConfigMap" {
			drifted := u.DeepCopy()
			if err := unstructured.SetNestedField(drifted.Object, "drift", "data", "drift"); err != nil {
				t.Fatal(err)
			}
			if !differences(t, lives[i:i+1], []*unstructured.Unstructured{drifted})[0].Modified {
				t.Errorf("%s: a drift of %s is not found", how, u.GetName())
			}
			break
		}
	}
}

func differences(t testing.TB, lives, targets []*unstructured.Unstructured) []diff.DiffResult {
	t.Helper()
	config, err := argodiff.NewDiffConfigBuilder().
		WithDiffSettings(nil, map[string]v1alpha1.ResourceOverride{}, false, normalizers.IgnoreNormalizerOpts{}).
		WithTracking(common.LabelKeyAppInstance, string(argo.TrackingMethodLabel)).
		WithNoCache().
		Build()
	if err != nil {
		t.Fatal(err)
	}
	results, err := argodiff.StateDiffs(lives, targets, config)
	if err != nil {
		t.Fatal(err)
	}
	return results.Diffs
}

// unpruned demands that what Argo CD takes for a part of the application,
// though Git does not have it, is marked: it would be pruned.
func unpruned(t testing.TB, namespace, app string, targets []*unstructured.Unstructured) {
	t.Helper()
	ours := map[string]bool{}
	claims := 0
	for _, u := range targets {
		ours[u.GetKind()+"/"+u.GetName()] = true
		templates, _, _ := unstructured.NestedSlice(u.Object, "spec", "volumeClaimTemplates")
		claims += len(templates)
	}
	var list unstructured.UnstructuredList
	text := kubectl(t, "", "get", "--namespace", namespace, "persistentvolumeclaims,secrets,configmaps,serviceaccounts,leases", "-o", "json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, u := range list.Items {
		if u.GetLabels()[common.LabelKeyAppInstance] != app || len(u.GetOwnerReferences()) > 0 || ours[u.GetKind()+"/"+u.GetName()] {
			continue
		}
		if u.GetKind() == "PersistentVolumeClaim" {
			found++
		}
		annotations := u.GetAnnotations()
		if !strings.Contains(annotations["argocd.argoproj.io/sync-options"], "Prune=false") || annotations["argocd.argoproj.io/compare-options"] != "IgnoreExtraneous" {
			t.Errorf("Argo CD would prune %s %s, which is marked with %v", u.GetKind(), u.GetName(), annotations)
		}
	}
	if claims > 0 && found == 0 {
		t.Errorf("none of %d claims was made: nothing was proven", claims)
	}
}
