package restore_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/components/api"
	"github.com/banhbaoring/banhbaoring/components/configure"
	"github.com/banhbaoring/banhbaoring/components/dashboard"
	"github.com/banhbaoring/banhbaoring/components/initialize"
	"github.com/banhbaoring/banhbaoring/components/restore"
	"github.com/banhbaoring/banhbaoring/components/signer"
	"github.com/banhbaoring/banhbaoring/components/tenants"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

const (
	s3        = "{s3: {bucket: backups, region: us-east-1, prefix: prod/, credentials: {secretName: s3}}}"
	encrypted = "backup: {destination: " + s3 + ", encryption: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p], identitySecret: {name: age, key: identity}}}"
)

const tenant = "---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenant\nmetadata: {name: acme, namespace: keys}\nspec: {clusterRef: {name: test}, admin: {email: a@example.com}, apiKeys: [{name: sequencer}]}\n"

func document(spec string) string {
	return "---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingRestore\nmetadata: {name: after-outage, namespace: keys}\nspec:\n  clusterRef: {name: test}\n  " + spec + "\n"
}

func stack(t *testing.T, spec string, documents ...string) *render.Stack {
	t.Helper()
	text := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: test, namespace: keys}\nspec:\n  domain: keys.example.com\n  " +
		spec + "\n" + strings.Join(documents, "")
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return in.Stacks[0]
}

func objects(t *testing.T, s *render.Stack, c render.Component) render.Manifests {
	t.Helper()
	all, err := render.Render(s, []render.Component{c})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRestore(t *testing.T) {
	backup := "---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingBackup\nmetadata: {name: pre-upgrade, namespace: keys}\nspec:\n  clusterRef: {name: test}\n  components: [openbao]\n  destination: {s3: {bucket: manual, prefix: one/, credentials: {secretName: manual}}}\n"
	for name, s := range map[string]*render.Stack{
		"cluster":  stack(t, encrypted, document("backupRef: {name: 20260102t020000z}")),
		"backup":   stack(t, "openbao: {autoUnseal: {provider: static}}", backup, document("backupRef: {name: pre-upgrade}\n  components: [openbao]\n  options: {force: true, stopApplications: false}")),
		"source":   stack(t, "replicas: 3\n  database: {managed: false, connectionString: {name: db, key: uri}}", document("source: {gcs: {bucket: old, prefix: prod/20260102t020000z/}}")),
		"spec":     stack(t, encrypted+"\n  plan: pro", document("source: {s3: {bucket: backups, prefix: manual/pre-upgrade-2025-01-10/}}\n  components: [openbao, database]\n  options: {dangerouslyAcceptUnverified: true}")),
		"tenants":  stack(t, encrypted, tenant, document("backupRef: {name: nightly}\n  components: [secrets]")),
		"provided": stack(t, encrypted+"\n  api: {oauth: {github: {clientId: {name: github, key: id}, clientSecret: {name: github, key: secret}}}}", document("backupRef: {name: nightly}\n  components: [secrets]")),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := objects(t, s, restore.Component()).YAML()
			if err != nil {
				t.Fatal(err)
			}
			golden.Assert(t, filepath.Join("restore", name), text)
		})
	}
}

// A restore stops the applications: what renders them must not have a say in how
// many there are.
func TestTheApplicationsAreLeftToTheRestore(t *testing.T) {
	for _, c := range []render.Component{api.Component(), dashboard.Component(), signer.Component()} {
		seen := false
		for restores, want := range map[string]bool{"": true, document("backupRef: {name: nightly}"): false} {
			s := stack(t, encrypted+"\n  signer: {enabled: true}\n  api: {autoscaling: {enabled: false}}", restores)
			for _, u := range objects(t, s, c) {
				if u.GetKind() != "Deployment" {
					continue
				}
				seen = true
				if _, has := u.Object["spec"].(map[string]any)["replicas"]; has != want {
					t.Errorf("%s has replicas: %v, want %v", u.GetName(), has, want)
				}
			}
		}
		if !seen {
			t.Errorf("%s has no Deployment", c.Name)
		}
	}
}

// The Jobs around a restore know of it, and so run again.
func TestOtherJobsRunAgain(t *testing.T) {
	name := func(s *render.Stack, c render.Component) string {
		for _, u := range objects(t, s, c) {
			if u.GetKind() == "Job" {
				return u.GetName()
			}
		}
		t.Fatal("no Job")
		return ""
	}
	for _, c := range []render.Component{initialize.Component(), configure.Component(), tenants.Component()} {
		if a, b := name(stack(t, encrypted), c), name(stack(t, encrypted, document("backupRef: {name: nightly}")), c); a == b {
			t.Errorf("Job %s is the same with a restore", a)
		}
	}
}
