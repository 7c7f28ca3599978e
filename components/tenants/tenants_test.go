package tenants_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/components/tenants"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

func TestNoTenants(t *testing.T) {
	golden.Component(t, tenants.Component(), "none", "")
}

func TestNoNamespacesNoJob(t *testing.T) {
	if objects := golden.Render(t, tenants.Component(), "openbao: {version: 2.2.0}"); len(objects) > 0 {
		t.Errorf("OpenBao 2.2 has no namespaces, and there are %d objects", len(objects))
	}
}

func TestTenantsOfExamples(t *testing.T) {
	for _, name := range []string{"one", "many", "suspended", "restricted", "keys"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(golden.Root(t), "examples", "tenants", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			out, err := rendered(t, string(text)).YAML()
			if err != nil {
				t.Fatal(err)
			}
			golden.Assert(t, filepath.Join("tenants", name), out)
		})
	}
}

func rendered(t testing.TB, text string) render.Manifests {
	t.Helper()
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := render.Render(in.Stacks[0], []render.Component{tenants.Component()})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// stack is a cluster with n tenants; more is added to the spec of each.
func stack(n int, more string) string {
	var text strings.Builder
	text.WriteString("apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: test}\nspec: {domain: keys.example.com}\n")
	for i := range n {
		fmt.Fprintf(&text, "---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenant\nmetadata: {name: tenant-%04d}\nspec:\n  clusterRef: {name: test}\n  admin: {email: admin@example.com}\n%s", i, more)
	}
	return text.String()
}

func kinds(objects render.Manifests, kind string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, u := range objects {
		if u.GetKind() == kind {
			found = append(found, u)
		}
	}
	return found
}

func TestManyTenantsFillSeveralConfigMapsAndRoles(t *testing.T) {
	long := strings.Repeat("n", 1000)
	objects := rendered(t, stack(2100, "  displayName: "+long+"\n"))
	shards := 0
	for _, c := range kinds(objects, "ConfigMap") {
		data, _, _ := unstructured.NestedString(c.Object, "data", "tenants.json")
		if data == "" {
			continue
		}
		shards++
		if len(data) >= 900<<10 {
			t.Errorf("%s holds %d bytes", c.GetName(), len(data))
		}
		if strings.HasSuffix(c.GetName(), fmt.Sprintf("-%d", shards-1)) {
			t.Errorf("%s is not named by its content", c.GetName())
		}
	}
	if shards != 3 {
		t.Errorf("there are %d shards", shards)
	}
	for _, r := range kinds(objects, "Role") {
		text, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 250<<10 {
			t.Errorf("Role %s has %d bytes", r.GetName(), len(text))
		}
	}
}

// Two stacks deliver into one namespace with rights of their own, which are over their own
// clients' Secrets and ConfigMaps and no others.
func TestTheRightsInAClientsNamespaceAreOverItsClientsAlone(t *testing.T) {
	const keys = `
  plan: enterprise
  keys:
  - name: a
    type: evm
    policy: {}
    clients:
    - {name: one, auth: mtls, namespace: rollup, deliver: true}
    - {name: two, auth: apiKey, namespace: bridge, deliver: true}
    - {name: three, auth: mtls, namespace: rollup}
`
	text := strings.Replace(stack(1, keys[1:]), "spec: {domain", "spec: {signer: {enabled: true}, domain", 1)
	names := map[string]bool{}
	for _, namespace := range []string{"keys", "other"} {
		objects := rendered(t, strings.ReplaceAll(text, "metadata: {", "metadata: {namespace: "+namespace+", "))
		got := map[string]string{}
		for _, r := range kinds(objects, "Role") {
			if r.GetNamespace() == namespace {
				continue
			}
			rules, err := json.Marshal(r.Object["rules"])
			if err != nil {
				t.Fatal(err)
			}
			got[r.GetNamespace()] = string(rules)
			names[r.GetNamespace()+"/"+r.GetName()] = true
		}
		want := func(client string) string {
			return `[{"apiGroups":[""],"resources":["configmaps","secrets"],"verbs":["create"]},` +
				`{"apiGroups":[""],"resourceNames":["banhbaoring-tenant-tenant-0000.client.` + client + `"],"resources":["configmaps","secrets"],"verbs":["get","update"]}]`
		}
		if d := cmp.Diff(map[string]string{"rollup": want("one"), "bridge": want("two")}, got); d != "" {
			t.Error(d)
		}
		for _, b := range kinds(objects, "RoleBinding") {
			subjects, _, _ := unstructured.NestedSlice(b.Object, "subjects")
			if d := cmp.Diff([]any{map[string]any{"kind": "ServiceAccount", "name": "banhbaoring-tenants", "namespace": namespace}}, subjects); d != "" {
				t.Errorf("%s: %s", b.GetName(), d)
			}
		}
	}
	if len(names) != 4 {
		t.Errorf("two stacks have %d Roles in two namespaces: %v", len(names), names)
	}
}

func TestOneTenantMoreMakesAnotherJob(t *testing.T) {
	job := func(n int) string { return kinds(rendered(t, stack(n, "")), "Job")[0].GetName() }
	two, again := job(2), job(2)
	if job(1) == two {
		t.Error("the Job's name is the same")
	}
	if two != again {
		t.Error("the Job's name changes by itself")
	}
}

// What the API reads is what docs say.
func TestShardsMeetTheirSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(golden.Root(t), "docs", "tenants.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range golden.Files(t, "examples/tenants") {
		text, err := os.ReadFile(filepath.Join(golden.Root(t), "examples", "tenants", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range kinds(rendered(t, string(text)), "ConfigMap") {
			data, _, _ := unstructured.NestedString(c.Object, "data", "tenants.json")
			if data == "" {
				continue
			}
			seen++
			list, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(list); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if seen != 6 {
		t.Errorf("%d shards were seen", seen)
	}
}
