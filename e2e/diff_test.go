//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/diff"
	manifests "github.com/banhbaoring/banhbaoring/render"
)

// noPods lets nothing run in a namespace: objects are compared there, not tried.
const noPods = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: nothing-runs}\nspec: {hard: {pods: '0', persistentvolumeclaims: '0'}}\n"

// production is the spec that is changed, in a namespace of its own.
func production(t *testing.T, ns string) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../examples/production.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := yaml.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	set(spec, "metadata.namespace", ns)
	return spec
}

// install applies a stack for real, of which nothing runs.
func install(t *testing.T, ns, text string) {
	t.Helper()
	namespace(t, ns)
	kubectl(t, "", "create", "namespace", ns)
	kubectl(t, noPods, "apply", "-n", ns, "-f", "-")
	kubectl(t, text, "apply", "--server-side", "--force-conflicts", "-f", "-")
	t.Cleanup(func() { // what is cluster-wide does not go with the namespace
		kubectl(t, "", "delete", "clusterrole,clusterrolebinding", "banhbaoring-"+ns+"-token-review", "--ignore-not-found")
	})
}

// field is a part of the spec and values that it may take.
type field struct {
	path   string
	values []any
}

var fields = []field{
	{"domain", []any{"keys.example.org", "other.example.com"}},
	{"plan", []any{"starter", "pro", "enterprise"}},
	{"openbao.replicas", []any{1, 5, 7}}, {"openbao.allowSingle", []any{true}},
	{"openbao.version", []any{"2.4.0", "2.5.5", "2.6.2", "2.7.0"}},
	{"openbao.storage.size", []any{"60Gi", "10Gi"}}, {"openbao.storage.storageClass", []any{"slow"}},
	{"openbao.resources.limits.memory", []any{"3Gi", "2048Mi"}},
	{"openbao.autoUnseal.keyId", []any{"alias/other"}}, {"openbao.autoUnseal.region", []any{"eu-west-1"}},
	{"openbao.plugin.version", []any{"1.1.0"}}, {"openbao.minReadySeconds", []any{0, 30}},
	{"openbao.podLabels", []any{map[string]any{"team": "keys"}}},
	{"openbao.serviceAccountAnnotations", []any{map[string]any{"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}}},
	{"openbao.nodeSelector", []any{map[string]any{"disk": "fast"}}},
	{"api.replicas", []any{1, 3, 5}}, {"api.version", []any{"1.0.1", "2.0.0"}}, {"api.resources.requests.cpu", []any{"500m", "0.25"}},
	{"api.autoscaling.enabled", []any{false}}, {"api.autoscaling.maxReplicas", []any{5, 20}},
	{"dashboard.replicas", []any{1, 4}}, {"dashboard.version", []any{"1.2.0"}},
	{"database.version", []any{"15", "17"}}, {"database.replicas", []any{1, 3}}, {"database.storage.size", []any{"30Gi"}},
	{"redis.replicas", []any{4, 6}}, {"redis.mode", []any{"standalone"}}, {"redis.storage.size", []any{"8Gi"}},
	{"monitoring.enabled", []any{false}}, {"monitoring.prometheus.retention", []any{"7d", "30d"}}, {"monitoring.prometheus.storage.size", []any{"80Gi"}},
	{"monitoring.grafana.enabled", []any{false}}, {"monitoring.alerting.enabled", []any{false}},
	{"jobs.version", []any{"0.2.0"}}, {"imageRegistry", []any{"mirror.example.com"}},
	{"networking.trustedProxies", []any{[]any{"10.0.0.0/8"}}},
	{"rerun", []any{map[string]any{"configure": "2"}, map[string]any{"init": "2"}}},
	{"patches", []any{
		patch("apps/v1", "StatefulSet", "banhbaoring-openbao", "{podManagementPolicy: OrderedReady}"),
		patch("apps/v1", "StatefulSet", "banhbaoring-postgres", "{serviceName: other}"),
		patch("apps/v1", "StatefulSet", "banhbaoring-redis", "{updateStrategy: {type: OnDelete}, revisionHistoryLimit: 3}"),
		patch("apps/v1", "Deployment", "banhbaoring-api", "{selector: {matchLabels: {more: labels}}, template: {metadata: {labels: {more: labels}}}}"),
		patch("apps/v1", "Deployment", "banhbaoring-dashboard", "{strategy: {type: Recreate, rollingUpdate: null}}"),
		patch("v1", "Service", "banhbaoring-api", "{clusterIP: None}"), patch("v1", "Service", "banhbaoring-api", "{type: NodePort}"),
		patch("policy/v1", "PodDisruptionBudget", "banhbaoring-openbao", "{maxUnavailable: 2}"),
		patch("apps/v1", "Deployment", "banhbaoring-api", "{template: {spec: {hostNetwork: true}}}"),
		patch("apps/v1", "Deployment", "banhbaoring-api", "{minReadySeconds: 7, progressDeadlineSeconds: 900}"),
	}},
}

func patch(apiVersion, kind, name, spec string) []any {
	return []any{map[string]any{"patch": fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s}\nspec: %s\n", apiVersion, kind, name, spec)}}
}

// set sets a field, of which the parents are made where they are missing.
func set(tree map[string]any, path string, value any) {
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		child, ok := tree[name].(map[string]any)
		if !ok {
			child = map[string]any{}
			tree[name] = child
		}
		tree = child
	}
	tree[names[len(names)-1]] = value
}

// TestClassesAreNoLowerThanWhatTheServerDoes changes a spec at random, and
// compares each object's class with what the API server says of its update.
func TestClassesAreNoLowerThanWhatTheServerDoes(t *testing.T) {
	const ns, wanted = "e2e-diff-random", 200
	random := rand.New(rand.NewPCG(9, 9))
	spec := production(t, ns)
	base, err := objectsOf(spec)
	if err != nil {
		t.Fatal(err)
	}
	text, err := base.YAML()
	if err != nil {
		t.Fatal(err)
	}
	install(t, ns, string(text))
	server := newServer(t)
	rejected, restarted, done := 0, 0, 0
	for tried := 0; done < wanted; tried++ {
		if tried > 10*wanted {
			t.Fatalf("only %d of %d changes are valid", done, tried)
		}
		changed, what := production(t, ns), []string{}
		for range 1 + random.IntN(3) {
			f := fields[random.IntN(len(fields))]
			value := f.values[random.IntN(len(f.values))]
			set(changed, "spec."+f.path, value)
			what = append(what, fmt.Sprintf("%s=%v", f.path, value))
		}
		head, err := objectsOf(changed)
		if err != nil {
			continue // the spec is refused before any diff
		}
		done++
		r, refused := server.judge(t, strings.Join(what, " "), base, head)
		rejected, restarted = rejected+refused, restarted+r
	}
	if rejected < 10 || restarted < 100 {
		t.Errorf("%d changes rejected and %d restarts: too few to say anything", rejected, restarted)
	}
	t.Logf("%d changes: %d updates rejected, %d pod templates changed", done, rejected, restarted)
}

func objectsOf(spec map[string]any) (manifests.Manifests, error) {
	text, err := yaml.Marshal(spec)
	if err != nil {
		return nil, err
	}
	in, err := manifests.Load(manifests.Source{Name: "spec.yaml", Data: text})
	if err != nil {
		return nil, err
	}
	return manifests.Render(in.Stacks[0], components.All())
}

// server is an API server that is asked what it would do.
type server struct {
	client dynamic.Interface
	mapper meta.RESTMapper
}

func newServer(t *testing.T) *server {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := restmapper.GetAPIGroupResources(found)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &server{client, restmapper.NewDiscoveryRESTMapper(groups)}
}

func (s *server) of(t *testing.T, u *unstructured.Unstructured) dynamic.ResourceInterface {
	t.Helper()
	mapping, err := s.mapper.RESTMapping(u.GroupVersionKind().GroupKind(), u.GroupVersionKind().Version)
	if err != nil {
		t.Fatal(err)
	}
	if u.GetNamespace() == "" {
		return s.client.Resource(mapping.Resource)
	}
	return s.client.Resource(mapping.Resource).Namespace(u.GetNamespace())
}

// judge updates each object that both sides have, in a dry run.
func (s *server) judge(t *testing.T, what string, base, head manifests.Manifests) (restarted, rejected int) {
	t.Helper()
	report, err := diff.Compare(diff.Side{Objects: base}, diff.Side{Objects: head}, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	classes := map[diff.ID]diff.Class{}
	for _, o := range report.Objects {
		classes[diff.ID{Group: o.Group, Kind: o.Kind, Namespace: o.Namespace, Name: o.HeadName}] = o.Class
	}
	before := map[diff.ID]*unstructured.Unstructured{}
	for _, u := range base {
		before[id(u)] = u
	}
	for _, u := range head {
		old := before[id(u)]
		if old == nil || reflect.DeepEqual(old.Object, u.Object) {
			continue
		}
		class, reported := classes[id(u)]
		if !reported {
			t.Errorf("%s: %v differs and is not reported", what, id(u))
			continue
		}
		live, err := s.of(t, u).Get(context.Background(), u.GetName(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		now, err := s.of(t, u).Apply(context.Background(), u.GetName(), u,
			metav1.ApplyOptions{DryRun: []string{metav1.DryRunAll}, Force: true, FieldManager: "kubectl"})
		least := diff.Cosmetic
		switch {
		case apierrors.IsInvalid(err):
			least = diff.Recreate
			rejected++
		case err != nil:
			t.Fatalf("%s: %v: %v", what, id(u), err)
		case !reflect.DeepEqual(template(live), template(now)):
			least = diff.Restart
			restarted++
		case live.GetGeneration() != now.GetGeneration():
			least = diff.Reload
		}
		if !class.AtLeast(least) {
			t.Errorf("%s: %v is %s, and the server makes it %s at least (%v)", what, id(u), class, least, err)
		}
	}
	return restarted, rejected
}

func id(u *unstructured.Unstructured) diff.ID {
	return diff.ID{Group: u.GroupVersionKind().Group, Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
}

func template(u *unstructured.Unstructured) any {
	value, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "template")
	return value
}

// TestLiveDiff compares a stack that is applied with its spec, and with another:
// nothing is written, whatever the API server says.
func TestLiveDiff(t *testing.T) {
	const ns = "e2e-diff-live"
	spec := production(t, ns)
	file := filepath.Join(t.TempDir(), "spec.yaml")
	write := func() {
		text, err := yaml.Marshal(spec)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write()
	if out, code := live(t, file); code != 1 || !strings.Contains(out, "+ Namespace "+ns) {
		t.Fatalf("before the first sync: exit %d\n%s", code, out)
	}
	install(t, ns, render(t, "-f", file))
	if out, code := live(t, file); code != 0 {
		t.Fatalf("what is applied differs from itself: exit %d\n%s", code, out)
	}
	versions := func() string {
		return kubectl(t, "", "get", "statefulset,deployment,configmap,service,networkpolicy,role", "-n", ns, "-o", "jsonpath={range .items[*]}{.metadata.uid} {.metadata.generation}{\"\\n\"}{end}")
	}
	before := versions()
	set(spec, "spec.openbao.storage.size", "60Gi")
	set(spec, "spec.api.version", "1.0.1")
	set(spec, "spec.monitoring.grafana", map[string]any{"enabled": false}) // with its other fields, which are not used then
	write()
	out, code := live(t, file)
	for _, want := range []string{
		"irreversible: volume-template", "recreate: rejected", "spec.volumeClaimTemplates[data].spec.resources.requests.storage: 50Gi → 60Gi",
		"+ ghcr.io/banhbaoring/api:1.0.1", "- Deployment banhbaoring-grafana",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q", want)
		}
	}
	if code != 1 || t.Failed() {
		t.Errorf("exit %d\n%s", code, out)
	}
	if after := versions(); after != before {
		t.Errorf("the diff wrote to the cluster:\n%s\n%s", before, after)
	}
}

func live(t *testing.T, file string) (string, int) {
	t.Helper()
	cmd := exec.Command(program, "diff", "--live", file)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}
