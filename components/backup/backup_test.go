package backup_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/components/backup"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

const s3 = "destination: {s3: {bucket: backups, region: us-east-1, prefix: prod/, credentials: {secretName: s3}}}"

const recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

func TestBackup(t *testing.T) {
	for name, spec := range map[string]string{
		"clear":     "backup: {enabled: true, " + s3 + ", encryption: {mode: none}}",
		"minted":    "backup: {enabled: true, destination: {s3: {bucket: backups, endpoint: 'https://minio.corp:9000', credentials: {secretName: s3}, caCert: {secretName: corp-ca, key: ca.crt}}}}",
		"encrypted": "backup: {enabled: true, guard: required, " + s3 + ", encryption: {recipients: [" + recipient + "], identitySecret: {name: age, key: identity}}}",
		"gcs":       "backup: {enabled: true, guard: 'off', schedule: 30 4 * * 0, destination: {gcs: {bucket: backups}}}",
		"external":  "backup: {enabled: true, guard: 'off', " + s3 + "}\ndatabase: {managed: false, connectionString: {name: db, key: uri}}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, backup.Component(), name, spec) })
	}
}

const document = `---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingBackup
metadata: {name: pre-upgrade, namespace: keys}
spec:
  clusterRef: {name: test}
  components: [%s]
`

func objects(t *testing.T, spec, components string) (render.Manifests, error) {
	t.Helper()
	text := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: test, namespace: keys}\nspec:\n  domain: keys.example.com\n  " +
		spec + "\n" + strings.Replace(document, "%s", components, 1)
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return render.Render(in.Stacks[0], []render.Component{backup.Component()})
}

func find(t *testing.T, all render.Manifests, kind, prefix string) string {
	t.Helper()
	for _, u := range all {
		if u.GetKind() == kind && strings.HasPrefix(u.GetName(), prefix) {
			return u.GetName()
		}
	}
	t.Fatalf("no %s %s", kind, prefix)
	return ""
}

func TestABackupOnDemandIsKeyedByItsDocument(t *testing.T) {
	all, err := objects(t, "backup: {"+s3+"}", "openbao, database")
	if err != nil {
		t.Fatal(err)
	}
	find(t, all, "Job", "banhbaoring-backup-pre-upgrade-")
	receipt := func(all render.Manifests) string {
		for _, u := range all {
			if u.GetKind() == "ConfigMap" && strings.HasPrefix(u.GetName(), "banhbaoring-backup-pre-upgrade-") {
				config := u.Object["data"].(map[string]any)["config.json"].(string)
				_, rest, _ := strings.Cut(config, `"request": "`)
				return rest[:64]
			}
		}
		return ""
	}
	// Another image of the Jobs is another Job, and the same request.
	newer, err := objects(t, "jobs: {version: 9.9.9}\n  backup: {"+s3+"}", "openbao, database")
	if err != nil {
		t.Fatal(err)
	}
	if receipt(all) == "" || receipt(all) != receipt(newer) {
		t.Errorf("requests %s and %s", receipt(all), receipt(newer))
	}
	if a, b := find(t, all, "Job", "banhbaoring-backup-"), find(t, newer, "Job", "banhbaoring-backup-"); a == b {
		t.Error("a new image does not make a new Job")
	}
	changed, err := objects(t, "backup: {"+s3+"}", "openbao")
	if err != nil {
		t.Fatal(err)
	}
	if receipt(all) == receipt(changed) {
		t.Error("another document is the same request")
	}
}

// The API keys and passwords of tenants are of no use without OpenBao, nor is
// OpenBao without them.
func TestTheSecretsOfTenantsAreBackedUp(t *testing.T) {
	all, err := objects(t, "backup: {enabled: false, "+s3+", encryption: {recipients: ["+recipient+"]}}", "secrets]\n---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenant\n"+
		"metadata: {name: acme, namespace: keys}\nspec: {clusterRef: {name: test}, admin: {email: a@example.com}, apiKeys: [{name: sequencer}]}\n# [")
	if err != nil {
		t.Fatal(err)
	}
	text, err := all.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"banhbaoring-tenant-acme-admin", "banhbaoring-tenant-acme.sequencer"} {
		if n := strings.Count(string(text), name); n != 2 {
			t.Errorf("%s stands %d times, and not in the Role and in the configuration", name, n)
		}
	}
}

// What runs the database's programs has the database's Secret, the program and the
// socket, and nothing else that the Job has.
func TestTheDatabasesProgramsReachNoOtherSecret(t *testing.T) {
	all, err := objects(t, "backup: {enabled: true, "+s3+", encryption: {recipients: ["+recipient+"]}}", "openbao, database, secrets")
	if err != nil {
		t.Fatal(err)
	}
	pods := 0
	for _, u := range all {
		template, ok, _ := unstructured.NestedMap(u.Object, "spec", "template")
		if !ok {
			template, ok, _ = unstructured.NestedMap(u.Object, "spec", "jobTemplate", "spec", "template")
		}
		if !ok {
			continue
		}
		var pod corev1.PodTemplateSpec
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &pod); err != nil {
			t.Fatal(err)
		}
		pods++
		if a := pod.Spec.AutomountServiceAccountToken; a == nil || *a {
			t.Errorf("%s: every container has the service account's token", u.GetName())
		}
		for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			var mounts []string
			for _, m := range c.VolumeMounts {
				mounts = append(mounts, m.Name)
			}
			slices.Sort(mounts)
			want := map[string]string{"tools": "tools", "database": "database pipe tools trust", "backup": "account backup-keys bucket config pipe token trust"}[c.Name]
			if got := strings.Join(mounts, " "); got != want {
				t.Errorf("%s: container %s has %s, want %s", u.GetName(), c.Name, got, want)
			}
			if database := strings.Contains(c.Image, "postgres"); database != (c.Name == "database") {
				t.Errorf("%s: container %s runs %s", u.GetName(), c.Name, c.Image)
			}
			if len(c.EnvFrom) > 0 {
				t.Errorf("%s: container %s has an environment from elsewhere", u.GetName(), c.Name)
			}
		}
	}
	if pods != 3 {
		t.Errorf("%d pods", pods)
	}
}

// Of Secrets, the pod reads those that it backs up, by name, and changes none.
func TestTheBackupPodChangesNoSecret(t *testing.T) {
	all, err := objects(t, "backup: {enabled: true, "+s3+", encryption: {recipients: ["+recipient+"]}}", "openbao, database, secrets")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, u := range all {
		if kind := u.GetKind(); kind == "ClusterRole" || kind == "ClusterRoleBinding" {
			t.Errorf("it has rights in the whole cluster: %s", u.GetName())
		}
		if u.GetKind() != "Role" {
			continue
		}
		var role rbacv1.Role
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &role); err != nil {
			t.Fatal(err)
		}
		for _, r := range role.Rules {
			named := len(r.ResourceNames) > 0
			switch {
			case slices.Contains(r.Resources, "secrets"):
				found = true
				if !named || !slices.Equal(r.Verbs, []string{"get"}) || slices.Contains(r.ResourceNames, "banhbaoring-backup-keys") {
					t.Errorf("Secrets: %v of %v", r.Verbs, r.ResourceNames)
				}
			case !named && !slices.Equal(r.Verbs, []string{"create"}):
				t.Errorf("%v of any %v", r.Verbs, r.Resources)
			}
			if slices.Contains(r.Resources, "*") || slices.Contains(r.Verbs, "*") || slices.Contains(r.Verbs, "delete") {
				t.Errorf("%v of %v", r.Verbs, r.Resources)
			}
		}
	}
	if !found {
		t.Error("no rule is about Secrets")
	}
}
