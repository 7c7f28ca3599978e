package database_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/components/database"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestDatabase(t *testing.T) {
	for name, spec := range map[string]string{
		"starter": "",
		"pro":     "plan: pro",
		"given": `
database:
  version: "16.4"
  replicas: 3
  image: registry.example.com/postgres
  exporter: {image: registry.example.com/exporter, version: v1}
  storage: {size: 100Gi, storageClass: fast}
  resources: {limits: {memory: 4Gi}}
  nodeSelector: {disk: ssd}
  affinity: {nodeAffinity: {}}
imagePullSecrets: [{name: pull}]`,
		"cloudnativepg": "database: {engine: cloudnativepg, replicas: 3}",
		"cloudnativepggiven": `
database:
  engine: cloudnativepg
  version: "17"
  storage: {size: 100Gi, storageClass: fast}
  nodeSelector: {disk: ssd}
  tolerations: [{key: db, operator: Exists}]
  affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
imagePullSecrets: [{name: pull}]`,
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, database.Component(), name, spec) })
	}
}

func TestAnExternalDatabaseRendersNothing(t *testing.T) {
	spec := "database: {managed: false, connectionString: {secretName: db, key: url}}"
	if objects := golden.Render(t, database.Component(), spec); len(objects) > 0 {
		t.Errorf("rendered %d objects", len(objects))
	}
}

// A change of what the pods read must replace them; nothing else may.
func TestAConfigurationThatChangesRollsThePods(t *testing.T) {
	hash := func(spec string) string {
		for _, u := range golden.Render(t, database.Component(), spec) {
			if u.GetKind() == "StatefulSet" {
				template := u.Object["spec"].(map[string]any)["template"].(map[string]any)
				return template["metadata"].(map[string]any)["annotations"].(map[string]any)["banhbaoring.io/config"].(string)
			}
		}
		t.Fatal("no StatefulSet")
		return ""
	}
	base := hash("")
	if base == "" {
		t.Fatal("no hash")
	}
	if hash("database: {replicas: 3}") != base {
		t.Error("another standby restarts the primary")
	}
	if hash("database: {storage: {size: 100Gi}}") == base {
		t.Error("what is kept for standbys changes without a restart")
	}
}

func TestScriptsAreSound(t *testing.T) {
	scripts, err := filepath.Glob("base/files/*.sh")
	if err != nil || len(scripts) != 4 {
		t.Fatalf("%v %v", scripts, err)
	}
	for _, script := range scripts {
		if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("sh -n %s: %v\n%s", script, err, out)
		}
	}
	if shellcheck, err := exec.LookPath("shellcheck"); err == nil {
		if out, err := exec.Command(shellcheck, append([]string{"--shell=sh", "--external-sources", "--source-path=SCRIPTDIR"}, scripts...)...).CombinedOutput(); err != nil {
			t.Errorf("shellcheck: %v\n%s", err, out)
		}
	}
}

// Every title that a message sends its reader to is in the documentation.
func TestMessagesReferToWhatIsDocumented(t *testing.T) {
	script, err := os.ReadFile("base/files/prepare.sh")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(golden.Root(t), "docs", "database.md"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(script), `docs/database.md, \"`)
	for _, part := range parts[1:] {
		title, _, _ := strings.Cut(part, `\"`)
		if !strings.Contains(string(page), "\n## "+title+"\n") {
			t.Errorf("docs/database.md has no %q", title)
		}
	}
	if len(parts) != 3 {
		t.Errorf("%d references", len(parts)-1)
	}
}
