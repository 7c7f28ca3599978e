package fluxtest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/kustomize"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"
)

const root = "../../.."

var program string // the built command

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fluxtest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "banhbaoring")
	if out, err := exec.Command("go", "build", "-C", root, "-o", program, "./cmd/banhbaoring").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "fluxtest: building: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// command runs ours and returns what it printed.
func command(t *testing.T, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stderr.String())
	}
	return stdout.Bytes()
}

// specs are the examples that are specs.
func specs(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(filepath.Join(root, "examples"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "argocd" || entry.Name() == "flux") {
			return filepath.SkipDir
		}
		if err == nil && filepath.Ext(path) == ".yaml" {
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	return all
}

func documents(text []byte) []string {
	var all []string
	for _, document := range strings.Split("\n"+string(text), "\n---\n") {
		for _, line := range strings.Split(document, "\n") {
			if line != "" && !strings.HasPrefix(line, "#") {
				all = append(all, document)
				break
			}
		}
	}
	return all
}

func object(t *testing.T, document string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict([]byte(document), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func id(u *unstructured.Unstructured) string {
	return u.GetAPIVersion() + " " + u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName()
}

// build is what kustomize-controller makes of a Kustomization whose source
// lies in a folder.
func build(t *testing.T, source string, k kustomizev1.Kustomization) resmap.ResMap {
	t.Helper()
	content, err := yaml.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(source, k.Spec.Path)
	if _, err := kustomize.NewGenerator(source, *object(t, string(content))).WriteFile(dir); err != nil {
		t.Fatal(err)
	}
	built, err := kustomize.SecureBuild(source, dir, false)
	if err != nil {
		t.Fatalf("%s: %v", k.Name, err)
	}
	return built
}

// ours is a spec without the documents of other kinds, for which `flux` asks for a
// Kustomization of their own.
func ours(t *testing.T, spec string) string {
	t.Helper()
	text, err := os.ReadFile(spec)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	all := strings.Split(string(text), "\n---\n")
	for _, document := range all {
		if strings.Contains(document, "apiVersion: banhbaoring.io/") {
			kept = append(kept, document)
		}
	}
	if len(kept) == len(all) {
		return spec
	}
	path := filepath.Join(t.TempDir(), filepath.Base(spec))
	if err := os.WriteFile(path, []byte(strings.Join(kept, "\n---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// layout writes the folders of a spec and returns where, and the Kustomizations.
func layout(t *testing.T, spec string) (string, []kustomizev1.Kustomization) {
	t.Helper()
	dir := t.TempDir()
	command(t, "flux", "-f", spec, "-o", dir, "--source", "OCIRepository/keys")
	files, err := filepath.Glob(filepath.Join(dir, "kustomizations", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Kustomizations: %v", err)
	}
	var all []kustomizev1.Kustomization
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range documents(text) {
			var k kustomizev1.Kustomization
			if err := yaml.UnmarshalStrict([]byte(document), &k); err != nil {
				t.Fatalf("%v\n%s", err, document)
			}
			all = append(all, k)
		}
	}
	return dir, all
}

// together are the last stages, which wait for the one before them and not for
// each other.
var together = regexp.MustCompile("-(clients|tenants|applications|monitoring|exposure)$")

// Each Kustomization builds to the objects of its stage as the plain command
// prints them, and together they are all of them. Substitution changes nothing.
func TestStagesBuildToWhatIsRendered(t *testing.T) {
	marked := 0
	for _, spec := range specs(t) {
		t.Run(filepath.Base(spec), func(t *testing.T) {
			spec := ours(t, spec)
			want := map[string]*unstructured.Unstructured{}
			for _, document := range documents(command(t, "render", "-f", spec)) {
				u := object(t, document)
				want[id(u)] = u
			}
			dir, all := layout(t, spec)
			before := ""
			for i, k := range all {
				if i == 0 && len(k.Spec.DependsOn) != 0 || i > 0 && (len(k.Spec.DependsOn) != 1 || k.Spec.DependsOn[0].Name != before) {
					t.Errorf("%s depends on %v, and comes after %q", k.Name, k.Spec.DependsOn, before)
				}
				if !together.MatchString(k.Name) {
					before = k.Name
				}
				if last := i == len(all)-1; k.Spec.Wait == last || last != (len(k.Spec.HealthChecks) > 0) || k.Spec.Timeout == nil || !k.Spec.Prune {
					t.Errorf("%s: wait %v, %d health checks, timeout %v, prune %v", k.Name, k.Spec.Wait, len(k.Spec.HealthChecks), k.Spec.Timeout, k.Spec.Prune)
				}
				for _, r := range build(t, dir, k).Resources() {
					got := object(t, r.MustYaml())
					name := id(got)
					if stage := got.GetAnnotations()["banhbaoring.io/stage"]; !strings.HasSuffix(k.Name, "-"+stage) {
						t.Errorf("%s holds %s of stage %s", k.Name, name, stage)
					}
					if want[name] == nil || !reflect.DeepEqual(got.Object, want[name].Object) {
						t.Errorf("%s: %s differs from what is rendered, or is there twice", k.Name, name)
					}
					delete(want, name)
					if substituted(t, k, r) {
						marked++
					}
				}
			}
			if len(want) > 0 {
				t.Errorf("in no stage: %v", slices.Sorted(maps.Keys(want)))
			}
		})
	}
	if marked == 0 {
		t.Error("no object is marked: of substitution nothing was proven")
	}
}

// substituted gives an object to Flux's substitution, as a user turns it on and
// as strictly as it can be, and tells whether it was left alone because it is
// marked. It must come out as it went in.
func substituted(t *testing.T, k kustomizev1.Kustomization, r *resource.Resource) (marked bool) {
	t.Helper()
	k.Spec.PostBuild = &kustomizev1.PostBuild{Substitute: map[string]string{"domain": "substituted", "HOST_IP": "substituted"}}
	content, err := yaml.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	before := r.MustYaml()
	after, err := kustomize.SubstituteVariables(context.Background(), nil, *object(t, string(content)), r,
		kustomize.SubstituteWithDryRun(true), kustomize.SubstituteWithStrict(true))
	switch {
	case err != nil:
		t.Errorf("%s: %v", r.CurId(), err)
	case after == nil:
		if !strings.Contains(before, "${") {
			t.Errorf("%s is marked for nothing", r.CurId())
		}
		return true
	case after.MustYaml() != before:
		t.Errorf("%s was changed by substitution", r.CurId())
	}
	return false
}

// Without the mark, a strict substitution fails: the mark is what keeps it off.
func TestSubstitutionWouldFailWithoutTheMark(t *testing.T) {
	failed := 0
	dir, all := layout(t, filepath.Join(root, "examples", "production.yaml"))
	for _, k := range all {
		for _, r := range build(t, dir, k).Resources() {
			annotations := r.GetAnnotations()
			if annotations["kustomize.toolkit.fluxcd.io/substitute"] != "disabled" {
				continue
			}
			if _, err := envsubst.Eval(r.MustYaml(), func(string) (string, bool) { return "", false }); err != nil {
				failed++
			}
		}
	}
	if failed == 0 {
		t.Error("no marked object fails")
	}
}

func TestExamplesAreFluxs(t *testing.T) {
	for folder, kind := range map[string]string{"oci": "OCIRepository", "stream": "OCIRepository", "branch": "GitRepository", "repository": "GitRepository"} {
		text, err := os.ReadFile(filepath.Join(root, "examples", "flux", folder, "flux.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var source, kustomization bool
		for _, document := range documents(text) {
			var err error
			switch u := object(t, document); u.GetKind() {
			case "OCIRepository":
				err = yaml.UnmarshalStrict([]byte(document), &sourcev1.OCIRepository{})
				source = kind == u.GetKind() && u.GetName() == "keys"
			case "GitRepository":
				err = yaml.UnmarshalStrict([]byte(document), &sourcev1.GitRepository{})
				source = kind == u.GetKind() && u.GetName() == "keys"
			case "Kustomization":
				var k kustomizev1.Kustomization
				err = yaml.UnmarshalStrict([]byte(document), &k)
				kustomization = k.Spec.SourceRef.Kind == kind && k.Spec.SourceRef.Name == "keys"
				if folder != "stream" {
					follow(t, folder, kind, k)
				}
			default:
				t.Errorf("%s: unexpected %s", folder, u.GetKind())
			}
			if err != nil {
				t.Errorf("%s: %v", folder, err)
			}
		}
		if !source || !kustomization {
			t.Errorf("%s lacks its source %s or what points at it", folder, kind)
		}
	}
}

// follow builds what the example's Kustomization points at, where its program
// puts it: Kustomizations, which build too.
func follow(t *testing.T, folder, kind string, k kustomizev1.Kustomization) {
	t.Helper()
	dir := t.TempDir()
	out, path := dir, "."
	if folder == "repository" {
		out, path = filepath.Join(dir, "rendered"), "rendered"
	}
	command(t, "flux", "-f", filepath.Join(root, "examples", "quickstart.yaml"), "-o", out, "--source", kind+"/keys", "--path", path)
	stages := 0
	for _, r := range build(t, dir, k).Resources() {
		var stage kustomizev1.Kustomization
		if err := yaml.UnmarshalStrict([]byte(r.MustYaml()), &stage); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
		if stage.Spec.SourceRef.Kind != kind || stage.Namespace != k.Namespace {
			t.Errorf("%s: %s is of source %v", folder, stage.Name, stage.Spec.SourceRef)
		}
		if len(build(t, dir, stage).Resources()) == 0 {
			t.Errorf("%s: %s is empty", folder, stage.Name)
		}
		stages++
	}
	if stages < 5 {
		t.Errorf("%s: %d stages", folder, stages)
	}
}
