//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// examples are the spec files that users start from; what is for an engine is
// no spec.
func examples(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir("../examples", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "argocd" || entry.Name() == "flux") {
			return filepath.SkipDir
		}
		if err == nil && filepath.Ext(path) == ".yaml" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	return files
}

// TestAPIServerAcceptsEveryExample shows that nothing of what is rendered is
// unknown to the server, or warned of.
func TestAPIServerAcceptsEveryExample(t *testing.T) {
	installDefinitions(t)
	for _, ns := range []string{"banhbaoring", "banhbaoring-system"} {
		namespace(t, ns)
	}
	for _, ns := range []string{"rollup", "bridge"} { // clients', which are there before
		namespace(t, ns)
		kubectl(t, "", "create", "namespace", ns)
	}
	for _, file := range examples(t) {
		t.Run(strings.TrimPrefix(file, "../examples/"), func(t *testing.T) {
			t.Parallel()
			requireAccepted(t, render(t, "-f", file))
		})
	}
}

// requireAccepted applies a stack as a strict server-side dry run, in its own
// namespace as rendered, which enforces restricted pod security. A warning of the
// server's is a failure too.
func requireAccepted(t *testing.T, manifests string) {
	t.Helper()
	// The namespace comes first. It is made for real, once for all
	// examples that share it.
	first, _, _ := strings.Cut(strings.TrimPrefix(manifests, "---\n"), "\n---\n")
	if !strings.Contains(first, "kind: Namespace") || !strings.Contains(first, "pod-security.kubernetes.io/enforce: restricted") {
		t.Fatalf("no restricted namespace comes first:\n%s", first)
	}
	kubectl(t, first, "apply", "--server-side", "--force-conflicts", "-f", "-")
	stdout, stderr, err := try(manifests, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-") // what is cluster-wide may be another test's
	if err != nil || stderr != "" {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if applied, documents := strings.Count(stdout, "\n"), strings.Count(manifests, "---\n"); applied != documents {
		t.Errorf("%d documents, %d applied:\n%s", documents, applied, stdout)
	}
}

// TestRestrictedPodSecurityIsEnforced shows that the dry run above would fail:
// the same namespace warns of, and refuses, a pod that is not restricted.
func TestRestrictedPodSecurityIsEnforced(t *testing.T) {
	namespace(t, "banhbaoring")
	kubectl(t, render(t, "-f", "../examples/minimal.yaml", "--stage", "foundation"), "apply", "--server-side", "--force-conflicts", "-f", "-")
	manifests := strings.ReplaceAll(render(t, "-f", "../examples/minimal.yaml"), "readOnlyRootFilesystem: true", "privileged: true")
	_, stderr, _ := try(manifests, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
	if !strings.Contains(stderr, `would violate PodSecurity "restricted:latest"`) && !strings.Contains(stderr, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true") {
		t.Fatalf("a privileged pod was not noticed:\n%s", stderr)
	}
}

// TestDefinitionsAcceptWhatLoads applies the CRDs, and then each example as the
// custom resource that it is.
func TestDefinitionsAcceptWhatLoads(t *testing.T) {
	installDefinitions(t) // an example holds a document of another project's kind
	definitions, err := exec.Command(program, "crds").Output()
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, string(definitions), "apply", "--server-side", "-f", "-")
	t.Cleanup(func() { kubectl(t, string(definitions), "delete", "-f", "-") })
	// kubectl wait fails on one that has no conditions yet.
	eventually(t, time.Minute, "definitions", func() error {
		_, stderr, err := try("", "wait", "--for=condition=Established", "--timeout=5s", "crd/banhbaoringclusters.banhbaoring.io",
			"crd/banhbaoringtenants.banhbaoring.io", "crd/banhbaoringbackups.banhbaoring.io", "crd/banhbaoringrestores.banhbaoring.io")
		if err != nil {
			return fmt.Errorf("%w: %s", err, stderr)
		}
		return nil
	})

	for _, file := range examples(t) {
		document, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, ns := range regexp.MustCompile(`(?m)^  namespace: (\S+)`).FindAllStringSubmatch(string(document), -1) {
			_, _, _ = try("", "create", "namespace", ns[1]) // it may exist
		}
		if _, stderr, err := try(string(document), "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"); err != nil {
			t.Errorf("%s: %v\n%s", file, err, stderr)
		}
	}

	cluster := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: x, namespace: default}\nspec: "
	restore := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingRestore\nmetadata: {name: x, namespace: default}\nspec: "
	for document, want := range map[string]string{
		cluster + `{}`:                                        "spec.domain: Required value",
		cluster + `{domain: a.b, replicas: 4}`:                "spec.replicas: Unsupported value",
		cluster + `{domain: a.b, plan: gold}`:                 "spec.plan: Unsupported value",
		cluster + `{domain: a.b, opnebao: {}}`:                ".spec.opnebao: field not declared in schema",
		cluster + `{domain: a.b, database: {managed: false}}`: "connectionString is required when managed is false",
		restore + `{clusterRef: {name: x}}`:                   "give exactly one of backupRef and source",
	} {
		_, stderr, err := try(document, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
		if err == nil || !strings.Contains(stderr, want) {
			t.Errorf("%s\ngot %v %s\nwant %s", document, err, stderr, want)
		}
	}
}

// installDefinitions installs the definitions of other projects' kinds.
func installDefinitions(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("./definitions").CombinedOutput(); err != nil {
		t.Fatalf("definitions: %v\n%s", err, out)
	}
}
