package components_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

// eachExample runs a test on what is rendered of each example.
func eachExample(t *testing.T, test func(t *testing.T, s *render.Stack, objects render.Manifests)) {
	for _, name := range golden.Examples(t) {
		t.Run(name, func(t *testing.T) {
			s := load(t, readExample(t, name))
			test(t, s, renderAll(t, s))
		})
	}
}

func readExample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.Root(t), "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func load(t testing.TB, text string) *render.Stack {
	t.Helper()
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return in.Stacks[0]
}

func renderAll(t testing.TB, s *render.Stack) render.Manifests {
	t.Helper()
	objects, err := render.Render(s, components.All())
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func id(u *unstructured.Unstructured) string { return u.GetKind() + "/" + u.GetName() }

func TestNamesAreDNSLabels(t *testing.T) {
	// RBAC's own names may hold more than a host's.
	path := regexp.MustCompile(`^[a-z0-9]([-a-z0-9:]*[a-z0-9])?$`)
	check := func(t *testing.T, objects render.Manifests) {
		for _, u := range objects {
			faults := validation.IsDNS1123Label(u.GetName())
			if strings.HasSuffix(u.GetKind(), "Role") || strings.HasSuffix(u.GetKind(), "Binding") {
				faults = nil
				if !path.MatchString(u.GetName()) || len(u.GetName()) > validation.DNS1123LabelMaxLength {
					faults = []string{"is no name"}
				}
			}
			for _, fault := range faults {
				t.Errorf("%s: %s", id(u), fault)
			}
			for key, value := range u.GetLabels() {
				for _, fault := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
					t.Errorf("%s: label %s=%s: %s", id(u), key, value, fault)
				}
			}
		}
	}
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) { check(t, objects) })
	t.Run("longest", func(t *testing.T) {
		long := func(n int) string { return strings.Repeat("a", n) }
		longest := 0
		for n := 1; n <= 70; n++ {
			text := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: " + long(n) + ", namespace: " + long(n) + "}\nspec: {domain: keys.example.com}\n"
			in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
			if err != nil {
				break
			}
			longest = n
			check(t, renderAll(t, in.Stacks[0]))
		}
		if longest < 20 {
			t.Errorf("names of %d characters only are accepted", longest)
		}
	})
}

func TestEveryObjectHasItsStageAndWave(t *testing.T) {
	eachExample(t, func(t *testing.T, s *render.Stack, objects render.Manifests) {
		last := render.Foundation
		for _, u := range objects {
			annotations := u.GetAnnotations()
			stage, err := render.ParseStage(annotations[render.StageAnnotation])
			if err != nil {
				t.Errorf("%s: %v", id(u), err)
			}
			if wave := annotations["argocd.argoproj.io/sync-wave"]; wave != strconv.Itoa(stage.Wave()) {
				t.Errorf("%s of stage %s has wave %q", id(u), stage, wave)
			}
			if stage < last {
				t.Errorf("%s stands behind objects of a later stage", id(u))
			}
			last = stage
			elsewhere := u.GetLabels()[jobs.LabelStack] != "" // by which it is known whose it is
			if elsewhere && (u.GetLabels()[jobs.LabelStack] != s.Cluster.Namespace || u.GetNamespace() == s.Cluster.Namespace || stage != render.Clients) {
				t.Errorf("%s in namespace %q is labelled as that of stack %q, and of stage %s", id(u), u.GetNamespace(), u.GetLabels()[jobs.LabelStack], stage)
			}
			if u.GetNamespace() != s.Cluster.Namespace && !elsewhere && !slices.Contains([]string{"Namespace", "ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}, u.GetKind()) {
				t.Errorf("%s is in namespace %q", id(u), u.GetNamespace())
			}
			if _, ok := u.Object["status"]; ok {
				t.Errorf("%s has a status", id(u))
			}
		}
	})
}

func TestIdentitiesAreUnique(t *testing.T) {
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		seen := map[string]bool{}
		for _, u := range objects {
			if seen[u.GetNamespace()+id(u)] {
				t.Errorf("%s stands twice", id(u))
			}
			seen[u.GetNamespace()+id(u)] = true
		}
	})
}

// walk visits every map in v.
func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			walk(v[key], visit)
		}
	case []any:
		for _, item := range v {
			walk(item, visit)
		}
	}
}

func TestNoSecretIsRendered(t *testing.T) {
	secretive := regexp.MustCompile(`(?i)password|token|key|secret|credential`)
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		for _, u := range objects {
			if u.GetKind() == "Secret" {
				t.Errorf("%s is rendered", id(u))
			}
			walk(u.Object, func(m map[string]any) {
				name, _ := m["name"].(string)
				file := strings.HasSuffix(name, "__FILE") || strings.HasSuffix(name, "_DIR") // names what is mounted
				if _, literal := m["value"]; literal && secretive.MatchString(name) && !file {
					t.Errorf("%s: %s has a value of its own", id(u), name)
				}
				for key := range m {
					if key == "stringData" {
						t.Errorf("%s has stringData", id(u))
					}
				}
			})
		}
	})
}

func TestOutputReadsBackAsTheSameObjects(t *testing.T) {
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		text, err := objects.YAML()
		if err != nil {
			t.Fatal(err)
		}
		documents := strings.Split(strings.TrimPrefix(string(text), "---\n"), "\n---\n")
		if len(documents) != len(objects) {
			t.Fatalf("%d objects are %d documents", len(objects), len(documents))
		}
		for i, document := range documents {
			var got, want any
			if err := yaml.Unmarshal([]byte(document), &got); err != nil {
				t.Fatalf("%v in\n%s", err, document)
			}
			encoded, err := json.Marshal(objects[i].Object)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(encoded, &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s:\n%s", id(objects[i]), cmp.Diff(want, got))
			}
		}
	})
}

// A stage may only need what earlier stages and itself contain.
func TestPodsReferToWhatIsThereByThen(t *testing.T) {
	eachExample(t, func(t *testing.T, s *render.Stack, objects render.Manifests) {
		there := map[string]render.Stage{"ConfigMap/kube-root-ca.crt": render.Foundation} // Kubernetes makes it
		provide := func(kind, name string, stage render.Stage) {
			if first, ok := there[kind+"/"+name]; !ok || stage < first {
				there[kind+"/"+name] = stage
			}
		}
		for _, u := range objects {
			provide(u.GetKind(), u.GetName(), stageOf(t, u))
			if u.GetKind() == "Certificate" {
				name, _, _ := unstructured.NestedString(u.Object, "spec", "secretName")
				provide("Secret", name, stageOf(t, u))
			}
			if u.GetKind() == "ConfigMap" && strings.HasPrefix(u.GetName(), "banhbaoring-secrets-") {
				for _, name := range minted(t, u) {
					provide("Secret", name, stageOf(t, u))
				}
			}
		}
		shards, err := jobs.TenantShards(s.Tenants)
		if err != nil {
			t.Fatal(err)
		}
		for i := range shards { // the tenants Job makes them
			provide("Secret", jobs.TenantsShardSecret(i), render.Tenants)
		}
		provide("ConfigMap", "kube-root-ca.crt", render.Foundation) // Kubernetes makes it in every namespace
		for _, name := range givenSecrets(t, s) {
			provide("Secret", name, render.Foundation)
		}
		for _, u := range objects {
			for _, ref := range references(u) {
				if stage, ok := there[ref]; !ok {
					t.Errorf("%s refers to %s, which nobody makes", id(u), ref)
				} else if stage > stageOf(t, u) {
					t.Errorf("%s of stage %s refers to %s of stage %s", id(u), stageOf(t, u), ref, stage)
				}
			}
		}
	})
}

func stageOf(t *testing.T, u *unstructured.Unstructured) render.Stage {
	t.Helper()
	stage, err := render.ParseStage(u.GetAnnotations()[render.StageAnnotation])
	if err != nil {
		t.Fatal(err)
	}
	return stage
}

// minted are the Secrets that the secrets Job makes.
func minted(t *testing.T, config *unstructured.Unstructured) []string {
	t.Helper()
	text, _, _ := unstructured.NestedString(config.Object, "data", jobs.ConfigFile)
	var c jobs.SecretsConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	names := append([]string{jobs.SecretTrust}, c.Reserve...)
	for _, m := range c.Mint {
		names = append(names, m.Name)
	}
	for _, certificate := range c.Certificates {
		names = append(names, certificate.Secret)
	}
	return names
}

// givenSecrets are the Secrets that the user names.
func givenSecrets(t *testing.T, s *render.Stack) []string {
	t.Helper()
	var names []string
	walk(s.Document().Value(), func(m map[string]any) {
		for _, key := range []string{"secretName", "name"} { // either names a Secret
			if name, ok := m[key].(string); ok {
				names = append(names, name)
			}
		}
	})
	for _, secret := range s.Cluster.Spec.ImagePullSecrets {
		names = append(names, secret.Name)
	}
	for _, b := range s.Backups {
		for _, secret := range v1.ProvidedSecrets(b) {
			names = append(names, secret.Name)
		}
	}
	return names
}

// references are what the pods of an object need.
func references(u *unstructured.Unstructured) []string {
	var refs []string
	add := func(kind string, name any) {
		if name, ok := name.(string); ok {
			refs = append(refs, kind+"/"+name)
		}
	}
	pod, ok, _ := unstructured.NestedMap(u.Object, "spec", "template", "spec")
	if u.GetKind() == "CronJob" {
		pod, ok, _ = unstructured.NestedMap(u.Object, "spec", "jobTemplate", "spec", "template", "spec")
	}
	if !ok {
		return nil
	}
	add("ServiceAccount", pod["serviceAccountName"])
	if pullSecrets, ok := pod["imagePullSecrets"].([]any); ok {
		for _, secret := range pullSecrets {
			add("Secret", secret.(map[string]any)["name"])
		}
	}
	walk(pod, func(m map[string]any) {
		for field, kind := range map[string]string{
			"configMap": "ConfigMap", "configMapRef": "ConfigMap", "configMapKeyRef": "ConfigMap",
			"secret": "Secret", "secretRef": "Secret", "secretKeyRef": "Secret",
		} {
			if ref, ok := m[field].(map[string]any); ok && ref["optional"] != true {
				add(kind, ref["name"])
				add(kind, ref["secretName"])
			}
		}
	})
	return refs
}

func TestChartVersionIsNowhere(t *testing.T) {
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		for _, u := range objects {
			walk(u.Object, func(m map[string]any) {
				if v, ok := m["helm.sh/chart"]; ok {
					t.Errorf("%s: helm.sh/chart: %v", id(u), v)
				}
			})
		}
	})
}
