package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/golden"
)

// misplaced are places in a spec where somebody puts a secret by mistake, and where a
// message says what stands there.
var misplaced = map[string]func(quoted, plain string) string{
	"a host":   func(q, _ string) string { return strings.Replace(hiddenSpec, "keys.example.com", q, 1) },
	"a choice": func(q, _ string) string { return hiddenSpec + "  plan: " + q + "\n" },
	"a reference": func(q, _ string) string {
		return hiddenSpec + "  database: {managed: false, connectionString: " + q + "}\n"
	},
	"a number": func(q, _ string) string { return hiddenSpec + "  openbao: {replicas: " + q + "}\n" },
	"a recipient": func(q, _ string) string {
		return hiddenSpec + backedUpTo + ", encryption: {recipients: [" + q + "]}}\n"
	},
	"a trusted key": func(q, _ string) string { return hiddenSpec + backedUpTo + ", trustedKeys: [" + q + "]}\n" },
	"a schedule":    func(q, _ string) string { return hiddenSpec + backedUpTo + ", schedule: " + q + "}\n" },
	"a name":        func(q, _ string) string { return strings.Replace(hiddenSpec, "name: prod", "name: "+q, 1) },
	"a namespace":   func(q, _ string) string { return strings.Replace(hiddenSpec, "namespace: keys", "namespace: "+q, 1) },
	"a Secret's name": func(q, _ string) string {
		return hiddenSpec + "  monitoring: {grafana: {adminPassword: {secretName: " + q + ", key: a}}}\n"
	},
	"a field": func(q, _ string) string { return hiddenSpec + "  ? " + q + "\n  : 1\n" },
	"a kind": func(q, _ string) string {
		return hiddenSpec + "---\napiVersion: banhbaoring.io/v1\nkind: " + q + "\nmetadata: {name: a}\n"
	},
	"an image": func(q, _ string) string { return hiddenSpec + "  api: {image: " + q + "}\n" },
	"an address": func(q, _ string) string {
		return hiddenSpec + "  openbao: {autoUnseal: {provider: awskms, keyId: a, region: eu-west-1, endpoint: " + q + "}}\n"
	},
	"a broken text":  func(_, p string) string { return hiddenSpec + "  x: {" + p + "\n" },
	"a broken patch": func(_, p string) string { return patchOf("ConfigMap", "{\n"+p) },
	"a merge patch": func(q, _ string) string {
		return patchOf("StatefulSet", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: x}\nspec: "+q)
	},
	"a patch's place": func(q, _ string) string {
		return patchOf("StatefulSet", `[{"op": "add", "path": "/spec/nope/x", "value": `+q+`}]`)
	},
	"a patched name": func(q, _ string) string {
		return patchOf("ConfigMap", `[{"op": "replace", "path": "/metadata/name", "value": `+q+`}]`)
	},
	"a patched map": func(q, _ string) string {
		return patchOf("ConfigMap", `[{"op": "add", "path": "/data", "value": `+q+`}]`)
	},
	"a patched count": func(q, _ string) string {
		return patchOf("StatefulSet", `[{"op": "replace", "path": "/spec/replicas", "value": `+q+`}]`)
	},
}

const backedUpTo = "  backup: {enabled: true, destination: {gcs: {bucket: abc}}"

func patchOf(kind, patch string) string {
	quoted, _ := json.Marshal(patch)
	return hiddenSpec + "  patches:\n  - target: {kind: " + kind + "}\n    patch: " + string(quoted) + "\n"
}

// Messages go into logs of CI, and to whoever sees an application in a GitOps engine:
// none repeats a secret of the corpus, wherever that was put.
func TestNoMessageRepeatsASecret(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(golden.Root(t), "diff", "testdata", "leaks.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var corpus []string
	if err := yaml.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	digit := regexp.MustCompile(`\d`)
	file := filepath.Join(t.TempDir(), "spec.yaml")
	for place, write := range misplaced {
		rendered := strings.Contains(place, "patch") || place == "an image"
		for i, secret := range corpus {
			if rendered && i%5 != len(place)%5 { // rendering takes a while
				continue
			}
			quoted, err := json.Marshal(secret)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(write(string(quoted), secret)), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, verb := range [][]string{{"validate", "-f", file}, {"diff", file, file + ".same"}} {
				if verb[0] == "diff" {
					if i%8 != 0 { // the same messages, by another way
						continue
					}
					if err := os.WriteFile(file+".same", []byte(hiddenSpec), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				var stdout, stderr bytes.Buffer
				code := execute(context.Background(), verb, nil, &stdout, &stderr)
				for _, word := range strings.FieldsFunc(secret, func(r rune) bool { return strings.ContainsRune(" \n=:@;?&'\"/", r) }) {
					if strings.Contains(word, "hunter2!") {
						word = "hunter2!"
					}
					if word != "hunter2!" && (len(word) < 12 || !digit.MatchString(word) || strings.HasPrefix(word, "age1")) {
						continue
					}
					word = word[:min(len(word), 24)]
					if at := strings.Index(stderr.String(), word); at >= 0 {
						t.Errorf("%s (exit code %d), secret %d in %s: …%s…", verb[0], code, i, place, stderr.String()[max(0, at-60):min(stderr.Len(), at+30)])
					}
				}
			}
		}
	}
}

// A patch that gives all objects one name is a fault in its place.
func TestAPatchThatKustomizeDoesNotForeseeIsAFault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(file, []byte(patchOf("ConfigMap", `[{"op": "replace", "path": "/metadata/name", "value": "one"}]`)), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := execute(context.Background(), []string{"validate", "-f", file}, nil, &stdout, &stderr); code != exitFault || !strings.Contains(stderr.String(), "spec.patches[0]: kustomize cannot apply it") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}
