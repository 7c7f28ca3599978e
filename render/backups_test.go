package render_test

import (
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/render"
)

// backedUp is a cluster whose backups go to a destination.
func backedUp(name, spec string) string {
	return "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: " + name + ", namespace: " + name + "}\nspec:\n  domain: " + name + ".example.com\n  " + spec + "\n---\n"
}

func TestTwoClustersDoNotShareADestination(t *testing.T) {
	to := func(destination string) string { return "backup: {enabled: true, destination: {" + destination + "}}" }
	onDemand := func(cluster, destination string) string {
		return "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingBackup\nmetadata: {name: now, namespace: " + cluster + "}\nspec: {clusterRef: {name: " + cluster + "}, destination: {" + destination + "}}\n---\n"
	}
	for name, test := range map[string]struct {
		text    string
		refused bool
	}{
		"one place":           {backedUp("a", to("s3: {bucket: abc, prefix: p/}")) + backedUp("b", to("s3: {bucket: abc, prefix: p/, region: eu-west-1}")), true},
		"prefixes":            {backedUp("a", to("s3: {bucket: abc, prefix: a/}")) + backedUp("b", to("s3: {bucket: abc, prefix: b/}")), false},
		"a region's endpoint": {backedUp("a", to("s3: {bucket: abc, endpoint: 'https://s3.eu-west-1.amazonaws.com'}")) + backedUp("b", to("s3: {bucket: abc, region: eu-west-1}")), true},
		"letters and ports":   {backedUp("a", to("s3: {bucket: abc, endpoint: 'https://MINIO.corp'}")) + backedUp("b", to("s3: {bucket: abc, endpoint: 'https://minio.corp:443/'}")), true},
		"two ports":           {backedUp("a", to("s3: {bucket: abc, endpoint: 'https://minio.corp'}")) + backedUp("b", to("s3: {bucket: abc, endpoint: 'https://minio.corp:9000'}")), false},
		"two hosts":           {backedUp("a", to("s3: {bucket: abc, endpoint: 'https://minio.corp'}")) + backedUp("b", to("s3: {bucket: abc}")), false},
		"servers at Amazon":   {backedUp("a", to("s3: {bucket: abc, endpoint: 'https://a.elb.amazonaws.com'}")) + backedUp("b", to("s3: {bucket: abc, endpoint: 'https://b.elb.amazonaws.com'}")), false},
		"services":            {backedUp("a", to("s3: {bucket: abc}")) + backedUp("b", to("gcs: {bucket: abc}")), false},
		"another's backup":    {backedUp("a", to("s3: {bucket: abc}")) + backedUp("b", "plan: free") + onDemand("b", "s3: {bucket: abc}"), true},
		"a backup of its own": {backedUp("a", to("s3: {bucket: abc}")) + onDemand("a", "s3: {bucket: abc}"), false},
	} {
		_, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(test.text)})
		if !test.refused && err != nil || test.refused && (err == nil || !strings.Contains(err.Error(), "cluster a/a keeps its backups there already (spec.yaml:6:")) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestABackupOnDemandInALargePlanHasRecipients(t *testing.T) {
	text := backedUp("a", "plan: pro") + "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingBackup\nmetadata: {name: now, namespace: a}\nspec: {clusterRef: {name: a}, destination: {gcs: {bucket: abc}}}\n"
	_, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err == nil || !strings.Contains(err.Error(), "age-keygen -y identity.txt") {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAreNotBackedUpInTheClear(t *testing.T) {
	text := backedUp("a", "backup: {destination: {gcs: {bucket: abc}}, encryption: {mode: none}}") + "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingBackup\nmetadata: {name: now, namespace: a}\nspec: {clusterRef: {name: a}, components: [openbao, secrets]}\n"
	_, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err == nil || !strings.Contains(err.Error(), "spec.components[1]: must not be secrets: they are stored only encrypted") {
		t.Errorf("got %v", err)
	}
}
