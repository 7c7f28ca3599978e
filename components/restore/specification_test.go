package restore_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/components/backup"
	"github.com/banhbaoring/banhbaoring/components/restore"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

// configOf decodes the configuration of the Job whose name begins so.
func configOf[T any](t *testing.T, all render.Manifests, name string) (config T) {
	t.Helper()
	for _, u := range all {
		text, ok, _ := unstructured.NestedString(u.Object, "data", jobs.ConfigFile)
		if !ok || !strings.HasPrefix(u.GetName(), name) {
			continue
		}
		if err := json.Unmarshal([]byte(text), &config); err != nil {
			t.Fatal(err)
		}
		return config
	}
	t.Fatalf("no Job %s has a configuration", name)
	return config
}

// The restore of the specification looks where its backup was written, with the same
// credentials, although it names none: both documents are word for word as there,
// with the restore's other way to name a backup taken in.
func TestTheSourceOfTheSpecificationIsWhereItsBackupIs(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(golden.Root(t), "api", "v1", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const cluster = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: production, namespace: banhbaoring-system}
spec:
  domain: keys.example.com
  backup: {destination: {s3: {bucket: other, region: us-east-1}}, encryption: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p], identitySecret: {name: age, key: identity}}}
`
	named := read("spec-2.4.yaml")
	sourced := strings.NewReplacer(
		"  backupRef:\n    name: pre-upgrade-backup\n", "",
		"  # source:\n  #   s3:\n  #     bucket:", "  source:\n    s3:\n      bucket:",
		"  #     prefix:", "      prefix:",
	).Replace(named)
	if !strings.Contains(sourced, "\n  source:\n") || strings.Contains(sourced, "backupRef:\n") {
		t.Fatalf("the specification has another form:\n%s", sourced)
	}
	for how, document := range map[string]string{"backupRef": named, "source": sourced} {
		t.Run(how, func(t *testing.T) {
			in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(cluster + "---\n" + read("spec-2.3.yaml") + "---\n" + document)})
			if err != nil {
				t.Fatal(err)
			}
			all, err := render.Render(in.Stacks[0], []render.Component{backup.Component(), restore.Component()})
			if err != nil {
				t.Fatal(err)
			}
			wrote := configOf[jobs.BackupConfig](t, all, "banhbaoring-backup-pre-upgrade-backup")
			reads := configOf[jobs.RestoreConfig](t, all, "banhbaoring-restore-restore-from-backup")
			place := &reads.Source
			if how == "source" {
				place = reads.Folder
			} else if reads.Backup != wrote.Name {
				t.Errorf("backup %s is looked for, and %s was written", reads.Backup, wrote.Name)
			}
			if diff := cmp.Diff(&wrote.Destination, place); diff != "" {
				t.Errorf("it looks elsewhere:\n%s", diff)
			}
			for _, id := range []string{"banhbaoring-backup-pre-upgrade-backup", "banhbaoring-restore-restore-from-backup"} {
				if !mountsBucket(all, id) {
					t.Errorf("%s has no credentials of the bucket", id)
				}
			}
		})
	}
}

// mountsBucket reports whether the Job whose name begins so has the Secret of the
// specification's bucket.
func mountsBucket(all render.Manifests, name string) bool {
	for _, u := range all {
		volumes, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "volumes")
		for _, v := range volumes {
			secret, _, _ := unstructured.NestedString(v.(map[string]any), "secret", "secretName")
			if u.GetKind() == "Job" && strings.HasPrefix(u.GetName(), name) && secret == "s3-credentials" {
				return true
			}
		}
	}
	return false
}
