package cmptest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/cmpserver/apiclient"
	"github.com/argoproj/argo-cd/v2/util/cmp"
	"github.com/golang/protobuf/ptypes/empty"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// logged is what the server has logged.
type logged struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// repository is a folder of files, by path.
func repository(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func example(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// generate sends a repository to the server, as the repo-server does.
func generate(ctx context.Context, c apiclient.ConfigManagementPluginServiceClient, dir, app string, env ...string) ([]string, error) {
	stream, err := c.GenerateManifest(ctx)
	if err != nil {
		return nil, err
	}
	if err := cmp.SendRepoStream(ctx, filepath.Join(dir, app), dir, stream, env, nil); err != nil {
		return nil, err
	}
	response, err := stream.CloseAndRecv()
	if err != nil {
		return nil, err
	}
	return response.Manifests, nil
}

func objects(t testing.TB, manifests []string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, text := range manifests {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

// stream is the text of objects, a document each.
func stream(t testing.TB, objects []*unstructured.Unstructured) string {
	t.Helper()
	var out strings.Builder
	for _, u := range objects {
		text, err := yaml.Marshal(u.Object)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return out.String()
}

// render is what the plain command prints in a folder.
func render(t testing.TB, dir string) string {
	t.Helper()
	cmd := exec.Command(program, "render", "-f", ".")
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return stdout.String()
}

func TestSocketIsNamedAsApplicationsNameThePlugin(t *testing.T) {
	if want := "/banhbaoring-v"; !strings.Contains(config.Address(), want) {
		t.Errorf("%s does not hold %s", config.Address(), want)
	}
	for _, document := range documents(t, "application.yaml", "applicationset.yaml") {
		want := strings.TrimSuffix(filepath.Base(config.Address()), ".sock")
		if !strings.Contains(document, "name: "+want+"\n") {
			t.Errorf("an example does not name the plugin %s:\n%s", want, document)
		}
	}
}

func TestNothingIsDiscovered(t *testing.T) {
	c := client(t)
	checked, err := c.CheckPluginConfiguration(within(t, time.Minute), &empty.Empty{})
	if err != nil || checked.IsDiscoveryConfigured || checked.ProvideGitCreds {
		t.Errorf("got %v %v", checked, err)
	}
	dir := repository(t, map[string]string{"keys/one.yaml": example(t, "minimal.yaml")})
	ctx := within(t, time.Minute)
	stream, err := c.MatchRepository(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmp.SendRepoStream(ctx, filepath.Join(dir, "keys"), dir, stream, nil, nil); err != nil {
		t.Fatal(err)
	}
	matched, err := stream.CloseAndRecv()
	if err != nil || matched.IsSupported || matched.IsDiscoveryEnabled {
		t.Errorf("got %v %v", matched, err)
	}
}

func TestParametersAreAnnounced(t *testing.T) {
	dir := repository(t, map[string]string{"keys/one.yaml": example(t, "production.yaml")})
	ctx := within(t, time.Minute)
	stream, err := client(t).GetParametersAnnouncement(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmp.SendRepoStream(ctx, filepath.Join(dir, "keys"), dir, stream, []string{"ARGOCD_APP_NAME=keys", "ARGOCD_APP_PARAMETERS=null"}, nil); err != nil {
		t.Fatal(err)
	}
	response, err := stream.CloseAndRecv()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, a := range response.ParameterAnnouncements {
		got[a.Name] = a.String_ + " " + a.ItemType
	}
	for name, want := range map[string]string{
		"plan":                                   " string",
		"replicas":                               " number",
		"openbao.version":                        " string",
		"banhbaoring-system/production/domain":   "keys.mycompany.com string",
		"banhbaoring-system/production/replicas": "3 number",
	} {
		if got[name] != want {
			t.Errorf("%s is announced as %q, want %q", name, got[name], want)
		}
	}
}

func TestTheServerMakesWhatTheCommandPrints(t *testing.T) {
	mine := "# not ours\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine, namespace: keys}\n"
	dir := repository(t, map[string]string{
		".git/HEAD":                    "ref: refs/heads/main\n", // for the command, which is told of no repository
		"unrelated.yaml":               "no: manifest",
		"keys/eu/one.yaml":             example(t, "production.yaml"),
		"keys/mine.yaml":               mine,
		"keys/more/kustomization.yaml": "resources: [../../base]\nnamePrefix: eu-\n",
		"base/kustomization.yaml":      "resources: [map.yaml]\n",
		"base/map.yaml":                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: built, namespace: keys}\n",
	})
	manifests, err := generate(within(t, time.Minute), client(t), dir, "keys", "ARGOCD_APP_NAME=keys", "ARGOCD_APP_SOURCE_PATH=keys")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range objects(t, manifests) {
		got = append(got, u.GetKind()+"/"+u.GetName())
	}
	var want []string
	for _, document := range strings.Split(strings.TrimPrefix(render(t, filepath.Join(dir, "keys")), "---\n"), "\n---\n") {
		u := objects(t, []string{document})[0]
		want = append(want, u.GetKind()+"/"+u.GetName())
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	all := strings.Join(got, " ")
	for _, name := range []string{"ConfigMap/mine", "ConfigMap/eu-built", "StatefulSet/banhbaoring-openbao"} {
		if !strings.Contains(all, name) {
			t.Errorf("there is no %s", name)
		}
	}
	if strings.Contains(all, "BanhBaoRingCluster") || strings.Contains(all, "Kustomization/") {
		t.Error("a document that is no manifest was passed on")
	}
}

// The environment is what Argo CD itself makes of an application's parameters.
func TestParametersOfAnApplicationChangeTheManifests(t *testing.T) {
	dir := repository(t, map[string]string{"one.yaml": example(t, "minimal.yaml")})
	manifests, err := generate(within(t, time.Minute), client(t), dir, ".", environment(t, "openbao.version", "2.6.9", "replicas", "5")...)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range objects(t, manifests) {
		if u.GetKind() != "StatefulSet" || u.GetName() != "banhbaoring-openbao" {
			continue
		}
		replicas, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
		text, _ := yaml.Marshal(u.Object)
		if f, ok, _ := unstructured.NestedFloat64(u.Object, "spec", "replicas"); ok {
			replicas = int64(f)
		}
		if replicas != 5 || !strings.Contains(string(text), "openbao:2.6.9") {
			t.Errorf("%d replicas of\n%s", replicas, text)
		}
		return
	}
	t.Error("there is no OpenBao")
}

func TestConcurrentRequestsDoNotMeet(t *testing.T) {
	c := client(t)
	ctx := within(t, 5*time.Minute)
	var group sync.WaitGroup
	for i := range 12 {
		domain := fmt.Sprintf("keys-%d.example.com", i)
		dir := repository(t, map[string]string{"one.yaml": strings.Replace(example(t, "minimal.yaml"), "keys.example.com", domain, 1)})
		group.Add(1)
		go func() {
			defer group.Done()
			manifests, err := generate(ctx, c, dir, ".")
			all := strings.Join(manifests, "\n")
			if err != nil || !strings.Contains(all, "vault."+domain) || strings.Count(all, ".example.com") != strings.Count(all, domain) {
				t.Errorf("%s: %v, %d manifests", domain, err, len(manifests))
			}
		}()
	}
	group.Wait()
}

// many are so many clusters that rendering them outlasts a short deadline.
func many(t testing.TB) string {
	var text strings.Builder
	for i := range 300 {
		text.WriteString(strings.Replace(example(t, "production.yaml"), "banhbaoring-system", fmt.Sprintf("ns-%d", i), 1))
		text.WriteString("---\n")
	}
	return text.String()
}

func TestADeadlineEndsTheCommand(t *testing.T) {
	dir := repository(t, map[string]string{"many.yaml": many(t)})
	manifests, err := generate(within(t, time.Second), client(t), dir, ".", "ARGOCD_APP_NAME=slow")
	if err == nil {
		t.Fatalf("%d manifests came within the deadline", len(manifests))
	}
	for range 200 {
		if len(running(t)) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if left := running(t); len(left) > 0 {
		t.Errorf("the command still runs: %v", left)
	}
	small := repository(t, map[string]string{"one.yaml": example(t, "minimal.yaml")})
	if _, err := generate(within(t, time.Minute), client(t), small, "."); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// running are the processes of the command.
func running(t testing.TB) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil || len(links) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	return slices.DeleteFunc(links, func(link string) bool {
		target, err := os.Readlink(link)
		return err != nil || target != program
	})
}

func TestBrokenInputIsExplained(t *testing.T) {
	faulty := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: x}\nspec:\n"
	for i := range 100 {
		faulty += fmt.Sprintf("  wrong%d: 1\n", i)
	}
	for name, c := range map[string]struct {
		files map[string]string
		env   []string
		want  []string
	}{
		"faults": {files: map[string]string{"keys/one.yaml": faulty}, want: []string{"faults in apps/keys", "one.yaml:5:3: spec.wrong0: unknown field", "more: `banhbaoring validate -f apps/keys` tells all"}},
		"syntax": {files: map[string]string{"keys/one.yaml": "a: [\n"}, want: []string{"one.yaml:1:1: syntax error"}},
		"empty":  {files: map[string]string{"keys/README.md": ""}, want: []string{"holds no YAML or JSON files"}},
		"others": {files: map[string]string{"keys/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}, want: []string{"there is no BanhBaoRingCluster"}},
		"parameter": {files: map[string]string{"keys/one.yaml": example(t, "minimal.yaml")}, env: environment(t, "replicas", "4"),
			want: []string{"parameter replicas: spec.replicas: must be 1, 3, 5 or 7 (got 4)"}},
	} {
		t.Run(name, func(t *testing.T) {
			manifests, err := generate(within(t, time.Minute), client(t), repository(t, c.files), "keys",
				append(c.env, "ARGOCD_APP_NAME=prod", "ARGOCD_APP_SOURCE_PATH=apps/keys")...)
			if err == nil {
				t.Fatalf("it was taken for %d manifests: Argo CD would prune the rest", len(manifests))
			}
			for _, want := range append(c.want, "error: application prod: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			}
			if lines := strings.Count(err.Error(), "\n") + 1; lines > 20 {
				t.Errorf("%d lines do not fit a screen", lines)
			}
		})
	}
}

// entry is one of a tar's.
type entry struct {
	header tar.Header
	body   string
}

// send sends a tar that no repo-server would make.
func send(ctx context.Context, c apiclient.ConfigManagementPluginServiceClient, path string, entries ...entry) error {
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	writer := tar.NewWriter(compressed)
	for _, e := range entries {
		e.header.Size = int64(len(e.body))
		if e.header.Mode == 0 {
			e.header.Mode = 0o644
		}
		if err := writer.WriteHeader(&e.header); err != nil {
			return err
		}
		if _, err := writer.Write([]byte(e.body)); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(archive.Bytes())
	stream, err := c.GenerateManifest(ctx)
	if err != nil {
		return err
	}
	err = stream.Send(&apiclient.AppStreamRequest{Request: &apiclient.AppStreamRequest_Metadata{Metadata: &apiclient.ManifestRequestMetadata{
		AppName: "hostile", AppRelPath: path, Checksum: hex.EncodeToString(sum[:]), Size_: int64(archive.Len()),
	}}})
	if err != nil {
		return err
	}
	if err := stream.Send(cmp.AppFileRequest(archive.Bytes())); err != nil {
		return err
	}
	_, err = stream.CloseAndRecv()
	return err
}

func TestHostileTarsAreRefused(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.yaml")
	if err := os.WriteFile(secret, []byte("hunter2: hunter2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	spec := entry{tar.Header{Name: "keys/one.yaml"}, example(t, "minimal.yaml")}
	folder := entry{tar.Header{Name: "keys", Typeflag: tar.TypeDir, Mode: 0o755}, ""}
	link := func(name, target string) entry {
		return entry{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}, ""}
	}
	for name, c := range map[string]struct {
		path    string
		entries []entry
	}{
		"path that climbs":            {"keys", []entry{folder, spec, {tar.Header{Name: "../../../../../../../.." + outside + "/planted.yaml"}, "x: y\n"}}},
		"link to a file outside":      {"keys", []entry{folder, spec, link("keys/secret.yaml", secret)}},
		"link that climbs":            {"keys", []entry{folder, spec, link("keys/secret.yaml", "../../../../../../../.."+secret)}},
		"write through a linked path": {"keys", []entry{folder, spec, link("keys/out", outside), {tar.Header{Name: "keys/out/planted.yaml"}, "x: y\n"}}},
		"application outside":         {"../../../../../../../.." + outside, []entry{folder, spec}},
		"device":                      {"keys", []entry{folder, {tar.Header{Name: "keys/one.yaml", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			err := send(within(t, time.Minute), client(t), c.path, c.entries...)
			if err == nil {
				t.Error("was accepted")
			} else if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("tells what lies outside: %v", err)
			}
			if found, _ := filepath.Glob(filepath.Join(outside, "planted*")); len(found) > 0 {
				t.Errorf("wrote %v", found)
			}
		})
	}
	t.Run("and a harmless one is not", func(t *testing.T) {
		if err := send(within(t, time.Minute), client(t), "keys", folder, spec); err != nil {
			t.Error(err)
		}
	})
}
