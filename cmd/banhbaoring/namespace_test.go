package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/golden"
)

const unplacedCluster = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: prod}
spec: {domain: keys.example.com, openbao: {autoUnseal: {provider: static}}}
`

// Whatever applies the manifests has no say in their namespace: a cluster that names
// none is told of where it goes, by each verb that expands it.
func TestADocumentWithoutNamespaceIsToldWhereItGoes(t *testing.T) {
	const warning = "metadata.namespace: should be given: the stack is in namespace banhbaoring, whatever namespace the manifests are applied with"
	list := "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(unplacedCluster), "\n", "\n  ") + "\n"
	dir := t.TempDir()
	file := filepath.Join(dir, "cluster.yaml")
	if err := os.WriteFile(file, []byte(unplacedCluster), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args  []string
		stdin string
	}{
		"render":      {[]string{"render", "-f", file}, ""},
		"validate":    {[]string{"validate", "-f", file}, ""},
		"flux":        {[]string{"flux", "-f", file, "-o", filepath.Join(dir, "dist")}, ""},
		"flux -":      {[]string{"flux", "-f", "-"}, unplacedCluster},
		"post-render": {[]string{"post-render"}, unplacedCluster},
		"krm":         {[]string{"krm"}, list},
	} {
		t.Run(name, func(t *testing.T) {
			for text, want := range map[bool]int{true: 1, false: 0} {
				args, stdin := c.args, c.stdin
				if !text { // with a namespace, nothing is said
					stdin = strings.Replace(stdin, "{name: prod}", "{name: prod, namespace: keys}", 1)
					if err := os.WriteFile(file, []byte(strings.Replace(unplacedCluster, "{name: prod}", "{name: prod, namespace: keys}", 1)), 0o600); err != nil {
						t.Fatal(err)
					}
				} else if err := os.WriteFile(file, []byte(unplacedCluster), 0o600); err != nil {
					t.Fatal(err)
				}
				var stdout, stderr bytes.Buffer
				if code := execute(context.Background(), args, strings.NewReader(stdin), &stdout, &stderr); code != exitDone {
					t.Fatalf("exit code %d: %s", code, stderr.String())
				}
				if got := strings.Count(stderr.String(), warning); got != want {
					t.Errorf("without a namespace: %t: it is said %d times: %s", text, got, stderr.String())
				}
			}
		})
	}
}

// Argo CD says where an application goes: that counts, and nothing is warned of.
func TestAnApplicationsDestinationIsTheNamespace(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cluster.yaml"), []byte(unplacedCluster), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("ARGOCD_APP_NAME", "prod")
	for destination, warns := range map[string]bool{"keys-eu": false, "": true} {
		t.Setenv("ARGOCD_APP_NAMESPACE", destination)
		var stdout, stderr bytes.Buffer
		if code := execute(context.Background(), []string{"cmp", "generate"}, nil, &stdout, &stderr); code != exitDone {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		want := "\n  namespace: banhbaoring\n"
		if destination != "" {
			want = "\n  namespace: " + destination + "\n"
		}
		if got := strings.Contains(stderr.String(), "metadata.namespace: should be given"); got != warns || !strings.Contains(stdout.String(), want) {
			t.Errorf("destination %q: warned %t", destination, got)
		}
	}
}

// What a newcomer copies first says where it goes.
func TestTheFirstExampleNamesItsNamespace(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(golden.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, first, _ := strings.Cut(string(text), "```yaml\n")
	first, _, _ = strings.Cut(first, "```")
	if !strings.Contains(first, "kind: BanhBaoRingCluster") || !strings.Contains(first, "\n  namespace: ") {
		t.Errorf("the first example is\n%s", first)
	}
}
