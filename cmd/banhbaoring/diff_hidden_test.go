package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/diff"
)

const hiddenSpec = "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: prod, namespace: keys}\nspec:\n  domain: keys.example.com\n"

const binding = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everything}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default, namespace: keys}]
`

// What a pull request would rather not have seen has its class and its rule,
// wherever it is put.
func TestWhatIsHiddenFromADiffIsSeen(t *testing.T) {
	indented := strings.ReplaceAll(binding, "\n", "\n  ")
	patched := func(kind, name, patch string) string {
		return hiddenSpec + "  patches:\n  - target: {kind: " + kind + ", name: " + name + "}\n    patch: |\n      " + strings.ReplaceAll(patch, "\n", "\n      ") + "\n"
	}
	one, two := lockOf(t, strings.Repeat("a", 64)), lockOf(t, strings.Repeat("b", 64))
	for name, c := range map[string]struct {
		base, head map[string]string
		rule       string
		class      diff.Class
	}{
		"a List":         {head: map[string]string{"l.yaml": "apiVersion: v1\nkind: List\nitems:\n- " + indented}, rule: "binding", class: diff.Privilege},
		"a typed list":   {head: map[string]string{"l.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBindingList\nitems:\n- " + indented}, rule: "binding", class: diff.Privilege},
		"a bare item":    {head: map[string]string{"l.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBindingList\nitems:\n- " + strings.SplitN(indented, "\n  ", 3)[2]}, rule: "binding", class: diff.Privilege},
		"any other word": {head: map[string]string{"l.yaml": "apiVersion: example.com/v1\nkind: Things\nitems:\n- " + indented}, rule: "binding", class: diff.Privilege},
		"a list in a list": {head: map[string]string{"l.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - " +
			strings.ReplaceAll(indented, "\n", "\n  ")}, rule: "binding", class: diff.Privilege},
		"a lock of images": {base: map[string]string{"images.lock.yaml": one}, head: map[string]string{"images.lock.yaml": two}, rule: "pods", class: diff.Restart},
		"a lock that goes": {base: map[string]string{"images.lock.yaml": one}, rule: "pods", class: diff.Restart},
		"a volume of an image": {head: map[string]string{"spec.yaml": patched("StatefulSet", "banhbaoring-openbao",
			"- {op: add, path: /spec/template/spec/volumes/-, value: {name: more, image: {reference: evil.example.com/x:1}}}")}, rule: "image-source", class: diff.Restart},
		"a sidecar": {head: map[string]string{"spec.yaml": patched("StatefulSet", "banhbaoring-openbao",
			"- {op: add, path: /spec/template/spec/containers/-, value: {name: more, image: evil.example.com/x:1}}")}, rule: "image-source", class: diff.Restart},
		"a workload that gets the stack's keys": {head: map[string]string{"w.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mine, namespace: keys}\nspec: {template: {spec: {containers: [{name: a, image: a}], volumes: [{name: v, secret: {secretName: banhbaoring-openbao-keys}}]}}}\n"},
			rule: "stack-secrets", class: diff.Privilege},
		"a workload that has the stack's account, in no namespace that is written": {head: map[string]string{"w.yaml": "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: mine}\nspec: {template: {spec: {serviceAccountName: banhbaoring-configure, containers: [{name: a, image: a}]}}}\n"},
			rule: "stack-secrets", class: diff.Privilege},
		"a workload of another namespace": {head: map[string]string{"w.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mine, namespace: theirs}\nspec: {template: {spec: {containers: [{name: a, image: a}], volumes: [{name: v, secret: {secretName: theirs}}]}}}\n"},
			rule: "new", class: diff.Reload},
		"a patch of the guardrails' list": {
			base: map[string]string{"spec.yaml": hiddenSpec + "  guardrails: true\n"},
			head: map[string]string{"spec.yaml": patched("ValidatingAdmissionPolicy", "banhbaoring-keys-images", "- {op: replace, path: /spec/variables/0/expression, value: '[\"evil.example.com/x:1\"]'}") + "  guardrails: true\n"},
			rule: "guardrails-changed", class: diff.Privilege},
		"a patch that deletes the Namespace": {head: map[string]string{"spec.yaml": patched("Namespace", "keys",
			"$patch: delete\napiVersion: v1\nkind: Namespace\nmetadata: {name: keys}")}, rule: "data-gone", class: diff.Irreversible},
		"a kustomization that deletes the claim's owner": {
			base: map[string]string{"kustomization.yaml": "resources: [spec.yaml, claim.yaml]\n", "claim.yaml": claim},
			head: map[string]string{"kustomization.yaml": "resources: [spec.yaml, claim.yaml]\npatches:\n- patch: |\n    $patch: delete\n    apiVersion: v1\n    kind: PersistentVolumeClaim\n    metadata: {name: mine, namespace: keys}\n", "claim.yaml": claim},
			rule: "data-gone", class: diff.Irreversible},
	} {
		t.Run(name, func(t *testing.T) {
			base, head := folderOf(t, c.base), folderOf(t, c.head)
			var stdout, stderr bytes.Buffer
			code := execute(context.Background(), []string{"diff", base, head, "--format", "json"}, nil, &stdout, &stderr)
			var r diff.Report
			if err := json.Unmarshal(stdout.Bytes(), &r); code != exitDiffers || err != nil {
				t.Fatalf("exit code %d: %s", code, stderr.String())
			}
			if r.Worst != c.class || !strings.Contains(stdout.String(), `"rule": "`+c.rule+`"`) {
				t.Errorf("is %s, want %s by %s", r.Worst, c.class, c.rule)
			}
		})
	}
}

const claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: mine, namespace: keys}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"

// folderOf is a folder with files beside a spec, or in its place.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("spec.yaml", hiddenSpec)
	for name, text := range files {
		write(name, text)
	}
	return dir
}

// lockOf is a lock of all images of the spec to one digest.
func lockOf(t *testing.T, digest string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := execute(context.Background(), []string{"images", "-f", folderOf(t, nil)}, nil, &stdout, &stderr); code != exitDone {
		t.Fatal(stderr.String())
	}
	lock := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingImageLock\nimages:\n"
	for image := range strings.Lines(stdout.String()) {
		lock += "  \"" + strings.TrimSpace(image) + "\": sha256:" + digest + "\n"
	}
	return lock
}

// A lock is for everything that runs: an image that a patch brings in must be in it,
// be it one whose files a volume holds.
func TestALockHoldsTheImagesOfVolumes(t *testing.T) {
	dir := folderOf(t, map[string]string{"images.lock.yaml": lockOf(t, strings.Repeat("a", 64)), "spec.yaml": hiddenSpec +
		"  patches:\n  - target: {kind: StatefulSet, name: banhbaoring-openbao}\n    patch: \"[{op: add, path: /spec/template/spec/volumes/-, value: {name: more, image: {reference: 'evil.example.com/x:1'}}}]\"\n"})
	var stdout, stderr bytes.Buffer
	if code := execute(context.Background(), []string{"render", "-f", dir}, nil, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "must hold evil.example.com/x:1, which is rendered") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}
