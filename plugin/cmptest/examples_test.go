package cmptest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/util/lua"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// documents are files of examples/argocd.
func documents(t testing.TB, names ...string) []string {
	t.Helper()
	var all []string
	for _, name := range names {
		all = append(all, example(t, filepath.Join("argocd", name)))
	}
	return all
}

func strictly[T any](t testing.TB, name string) *T {
	t.Helper()
	into := new(T)
	if err := yaml.UnmarshalStrict([]byte(documents(t, name)[0]), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return into
}

// environment is what Argo CD makes of an application's parameters.
func environment(t testing.TB, namesAndValues ...string) []string {
	t.Helper()
	var parameters v1alpha1.ApplicationSourcePluginParameters
	for pair := range slices.Chunk(namesAndValues, 2) {
		parameters = append(parameters, v1alpha1.ApplicationSourcePluginParameter{Name: pair[0], String_: &pair[1]})
	}
	environ, err := parameters.Environ()
	if err != nil {
		t.Fatal(err)
	}
	return environ
}

func TestExamplesAreArgoCDs(t *testing.T) {
	app := strictly[v1alpha1.Application](t, "application.yaml")
	set := strictly[v1alpha1.ApplicationSet](t, "applicationset.yaml")
	project := strictly[v1alpha1.AppProject](t, "appproject.yaml")
	if err := project.ValidateProject(); err != nil {
		t.Error(err)
	}
	for name, spec := range map[string]v1alpha1.ApplicationSpec{"application": app.Spec, "applicationset": set.Spec.Template.Spec} {
		if spec.Project != project.Name {
			t.Errorf("%s is of project %q", name, spec.Project)
		}
		if !project.IsSourcePermitted(*spec.Source) {
			t.Errorf("%s: the project does not permit its source", name)
		}
		ok, err := project.IsDestinationPermitted(spec.Destination, func(string) ([]*v1alpha1.Cluster, error) { return nil, nil })
		if err != nil || !ok {
			t.Errorf("%s: the project does not permit its destination: %v", name, err)
		}
		if a := spec.SyncPolicy.Automated; a == nil || a.AllowEmpty {
			t.Errorf("%s allows an empty result, which would delete everything", name)
		}
	}
	if kinds := map[string]string{"Application": app.Kind, "ApplicationSet": set.Kind, "AppProject": project.Kind}; kinds["Application"] != "Application" || kinds["ApplicationSet"] != "ApplicationSet" || kinds["AppProject"] != "AppProject" {
		t.Errorf("kinds are %v", kinds)
	}
	if !set.Spec.SyncPolicy.PreserveResourcesOnDeletion {
		t.Error("a folder that disappears takes its stack along")
	}
	// What the application's parameters say is what the renderer takes.
	parameters := app.Spec.Source.Plugin.Parameters
	var given []string
	for _, p := range parameters {
		given = append(given, p.Name, *p.String_)
	}
	dir := repository(t, map[string]string{"one.yaml": example(t, "quickstart.yaml")})
	if _, err := generate(within(t, time.Minute), client(t), dir, ".", environment(t, given...)...); err != nil {
		t.Error(err)
	}
}

// specs are the examples that are specs.
func specs(t testing.TB) []string {
	t.Helper()
	dir := filepath.Join(root, "examples")
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "argocd" || entry.Name() == "flux") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".yaml" {
			path, err = filepath.Rel(dir, path)
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	return all
}

// rendered are an example's objects, in the given namespace.
func rendered(t testing.TB, name, namespace string) []*unstructured.Unstructured {
	t.Helper()
	specs := objects(t, strings.Split(example(t, name), "\n---\n"))
	for _, u := range specs {
		u.SetNamespace(namespace)
	}
	dir := repository(t, map[string]string{"one.yaml": stream(t, specs)})
	out := render(t, dir)
	return objects(t, strings.Split(strings.TrimPrefix(out, "---\n"), "\n---\n"))
}

// The project permits every kind that an example renders, and no other.
func TestProjectPermitsTheLeast(t *testing.T) {
	project := strictly[v1alpha1.AppProject](t, "appproject.yaml")
	used := map[schema.GroupKind]bool{}
	for _, name := range specs(t) {
		for _, u := range rendered(t, name, "banhbaoring") {
			kind := u.GroupVersionKind().GroupKind()
			namespaced := u.GetKind() != "Namespace" && !strings.HasPrefix(u.GetKind(), "ClusterRole") && !strings.HasPrefix(u.GetKind(), "ValidatingAdmissionPolicy")
			if !project.IsGroupKindPermitted(kind, namespaced) {
				t.Errorf("%s: %s is not permitted", name, kind)
			}
			used[kind] = true
		}
	}
	for _, permitted := range append(project.Spec.ClusterResourceWhitelist, project.Spec.NamespaceResourceWhitelist...) {
		if !used[schema.GroupKind(permitted)] {
			t.Errorf("%s is permitted, and no example needs it", permitted)
		}
	}
}

func TestHealthOfOurKinds(t *testing.T) {
	overrides := map[string]v1alpha1.ResourceOverride{}
	cm := strictly[corev1.ConfigMap](t, "install/health.yaml")
	for key, script := range cm.Data {
		kind, ok := strings.CutPrefix(key, "resource.customizations.health.banhbaoring.io_")
		if !ok {
			t.Errorf("%s is no health check of ours", key)
		}
		overrides["banhbaoring.io/"+kind] = v1alpha1.ResourceOverride{HealthLua: script}
	}
	// The phases that the CustomResourceDefinitions describe.
	phases := map[string]map[string]string{
		"BanhBaoRingCluster": {"Pending": "Progressing", "Initializing": "Progressing", "Running": "Healthy", "Degraded": "Degraded", "Failed": "Degraded"},
		"BanhBaoRingTenant":  {"Pending": "Progressing", "Active": "Healthy", "Suspended": "Suspended", "Deleted": "Healthy"},
		"BanhBaoRingBackup":  {"Pending": "Progressing", "Running": "Progressing", "Completed": "Healthy", "Failed": "Degraded"},
		"BanhBaoRingRestore": {"Pending": "Progressing", "Stopping": "Progressing", "Restoring": "Progressing", "Starting": "Progressing", "Completed": "Healthy", "Failed": "Degraded"},
	}
	out, err := exec.Command(program, "crds").Output()
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range phases {
		want["something else"] = "Unknown"
		want[""] = "Healthy"
		for phase, want := range want {
			u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "banhbaoring.io/v1", "kind": kind}}
			if phase != "" {
				u.Object["status"] = map[string]any{"phase": phase}
			}
			got, err := lua.ResourceHealthOverrides(overrides).GetResourceHealth(u)
			if err != nil || got == nil || string(got.Status) != want {
				t.Errorf("%s in phase %q: %v %v, want %s", kind, phase, got, err, want)
			}
			if want != "Unknown" && phase != "" && !strings.Contains(string(out), phase) {
				t.Errorf("the definitions know no phase %s", phase)
			}
		}
	}
	if len(overrides) != len(phases) {
		t.Errorf("%d health checks", len(overrides))
	}
}

// module is where Argo CD's own manifests lie.
func module(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-cd/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestSidecarFitsTheStockRepoServer builds examples/argocd/install with the
// remote files that it names replaced by the same ones from here.
func TestSidecarFitsTheStockRepoServer(t *testing.T) {
	text := documents(t, "install/kustomization.yaml")[0]
	const install = "https://raw.githubusercontent.com/argoproj/argo-cd/v2.14.21/manifests/install.yaml"
	const component = "https://github.com/banhbaoring/banhbaoring//plugin/sidecar?ref=v"
	if !strings.Contains(text, install) || !strings.Contains(text, component+strings.TrimPrefix(config.Spec.Version, "v")) {
		t.Fatalf("the example does not name %s and %s%s:\n%s", install, component, config.Spec.Version, text)
	}
	dir := t.TempDir()
	copyFile(t, filepath.Join(module(t), "manifests", "install.yaml"), filepath.Join(dir, "install", "stock.yaml"))
	for _, name := range []string{"kustomization.yaml", "repo-server.yaml"} {
		copyFile(t, filepath.Join(root, "plugin", "sidecar", name), filepath.Join(dir, "sidecar", name))
	}
	copyFile(t, filepath.Join(root, "examples", "argocd", "install", "health.yaml"), filepath.Join(dir, "install", "health.yaml"))
	text = strings.NewReplacer(install, "stock.yaml", component+strings.TrimPrefix(config.Spec.Version, "v"), "../sidecar").Replace(text)
	if err := os.WriteFile(filepath.Join(dir, "install", "kustomization.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, "install"))
	if err != nil {
		t.Fatal(err)
	}
	var server appsv1.Deployment
	for _, r := range built.Resources() {
		if r.GetKind() == "Deployment" && r.GetName() == "argocd-repo-server" {
			if err := yaml.UnmarshalStrict([]byte(r.MustYaml()), &server); err != nil {
				t.Fatal(err)
			}
		}
	}
	pod := server.Spec.Template.Spec
	sidecar := pod.Containers[slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == "banhbaoring" })]
	if len(pod.Containers) != 2 {
		t.Errorf("%d containers", len(pod.Containers))
	}
	if want := "ghcr.io/banhbaoring/banhbaoring:" + strings.TrimPrefix(config.Spec.Version, "v"); sidecar.Image != want {
		t.Errorf("runs %s, want %s", sidecar.Image, want)
	}
	if sidecar.Command[0] != "/var/run/argocd/argocd-cmp-server" {
		t.Errorf("runs %v", sidecar.Command)
	}
	s := sidecar.SecurityContext
	if s == nil || *s.RunAsUser != 999 || !*s.RunAsNonRoot || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem ||
		s.Capabilities.Drop[0] != "ALL" || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("is not restricted: %+v", s)
	}
	mounts := map[string]string{}
	for _, m := range sidecar.VolumeMounts {
		if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("there is no volume %s", m.Name)
		}
		mounts[m.MountPath] = m.Name
	}
	// The stock server's own init container puts the plugin server where the
	// sidecar looks for it, and both sides know the sockets' folder.
	copyutil := pod.InitContainers[slices.IndexFunc(pod.InitContainers, func(c corev1.Container) bool { return c.Name == "copyutil" })]
	for _, m := range append(copyutil.VolumeMounts, pod.Containers[slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == "argocd-repo-server" })].VolumeMounts...) {
		if (m.Name == "var-files" || m.Name == "plugins") && m.SubPath == "" && mounts[m.MountPath] != m.Name {
			t.Errorf("%s is mounted at %s by the stock server, and not by the sidecar", m.Name, m.MountPath)
		}
	}
	if !strings.Contains(strings.Join(append(copyutil.Command, copyutil.Args...), " "), "/var/run/argocd/argocd-cmp-server") {
		t.Errorf("the stock server no longer provides the plugin server: %v", copyutil.Args)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
