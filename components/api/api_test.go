package api_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/components/api"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

func TestGolden(t *testing.T) {
	for name, spec := range map[string]string{
		"default": "",
		"one-pod": "plan: free",
		"external-data": `
database: {managed: false, connectionString: {secretName: external-db, key: url}}
redis: {managed: false, connectionString: {secretName: external-redis, key: url}}`,
		"full": `
imagePullSecrets: [{name: registry}]
plan: pro
api:
  version: 1.2.0
  autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 12, targetCPU: 60}
  migrations: {command: [/app/api, migrate, up]}
  nodeSelector: {pool: control}
  tolerations: [{key: control, operator: Exists}]
  affinity: {nodeAffinity: {}}
  oauth:
    github: {clientId: {name: oauth, key: github-id}, clientSecret: {name: oauth, key: github-secret}}
    google: {clientId: {name: oauth, key: google-id}, clientSecret: {name: oauth, key: google-secret}}
billing: {stripe: {enabled: true, secretKeyRef: {name: stripe, key: secret-key}, webhookSecretRef: {name: stripe, key: webhook-secret}}}`,
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, api.Component(), name, spec) })
	}
}

func TestTenantsAreMounted(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(golden.Root(t), "examples", "tenants", "many.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	in, err := render.Load(render.Source{Name: "many.yaml", Data: text})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := render.Render(in.Stacks[0], []render.Component{api.Component()})
	if err != nil {
		t.Fatal(err)
	}
	out, err := objects.YAML()
	if err != nil {
		t.Fatal(err)
	}
	golden.Assert(t, filepath.Join("api", "tenants"), out)
}

// find is the object of a kind whose name begins like that.
func find(t *testing.T, objects render.Manifests, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, u := range objects {
		if u.GetKind() == kind && strings.HasPrefix(u.GetName(), name) {
			return u
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

func checksum(t *testing.T, spec string) string {
	t.Helper()
	deployment := find(t, golden.Render(t, api.Component(), spec), "Deployment", "banhbaoring-api")
	value, _, _ := unstructured.NestedString(deployment.Object, "spec", "template", "metadata", "annotations", render.ConfigAnnotation)
	return value
}

func TestAnotherConfigRollsThePods(t *testing.T) {
	before := checksum(t, "")
	if before == "" {
		t.Fatal("there is no checksum")
	}
	for name, spec := range map[string]string{
		"of the spec": "redis: {mode: cluster}",
		"of a patch":  `patches: [{patch: '[{"op": "add", "path": "/data/X", "value": "1"}]', target: {kind: ConfigMap, name: banhbaoring-api}}]`,
	} {
		if checksum(t, spec) == before {
			t.Errorf("a change %s leaves the checksum as it is", name)
		}
	}
	if checksum(t, "dashboard: {replicas: 5}") != before {
		t.Error("a change elsewhere changes the checksum")
	}
}

func TestEachVersionMigratesOnce(t *testing.T) {
	job := func(spec string) string {
		return find(t, golden.Render(t, api.Component(), "api:\n  migrations: {command: [migrate]}\n"+spec), "Job", "banhbaoring-migrate-").GetName()
	}
	before := job("")
	if again := job("  replicas: 7"); again != before {
		t.Errorf("more pods make another Job: %s became %s", before, again)
	}
	if bumped := job("  version: 1.0.1"); bumped == before {
		t.Error("another version makes no other Job")
	}
}
