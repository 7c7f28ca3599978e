package signer_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/components/signer"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

func TestGolden(t *testing.T) {
	for name, spec := range map[string]string{
		"default": "signer: {enabled: true}",
		"one-pod": "plan: free\nsigner: {enabled: true}",
		"full":    "imagePullSecrets: [{name: registry}]\nreplicas: 5\nsigner: {replicas: 3, version: 1.2.0, nodeSelector: {pool: keys}, resources: {requests: {cpu: 500m, memory: 1Gi}}}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, signer.Component(), name, spec) })
	}
}

func TestWhereNothingIsSaidThereIsNone(t *testing.T) {
	if objects := golden.Render(t, signer.Component(), ""); len(objects) > 0 {
		t.Errorf("%d objects", len(objects))
	}
}

// The signer is a program of another module: it must know the flags that it is given,
// and listen where its Service sends to.
func TestTheProgramKnowsItsFlags(t *testing.T) {
	flags := string(golden.Read(t, "controlplane/cmd/controlplane/root.go"))
	defaults := string(golden.Read(t, "controlplane/signer/config.go"))
	deployment := typed[appsv1.Deployment](t, golden.Render(t, signer.Component(), "signer: {enabled: true}"), "Deployment")
	args := deployment.Spec.Template.Spec.Containers[0].Args
	if args[0] != "signer" || !strings.Contains(flags, `Use: "signer"`) {
		t.Errorf("the program has no command %s", args[0])
	}
	for _, arg := range args[1:] {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if !regexp.MustCompile(`f\.\w+\(&c\.\w+, "` + name + `"`).MatchString(flags) {
			t.Errorf("the program has no flag %s", name)
		}
	}
	ports := 0
	for _, port := range deployment.Spec.Template.Spec.Containers[0].Ports {
		ports++
		if !regexp.MustCompile(`Listen\w+: ":` + strconv.Itoa(int(port.ContainerPort)) + `"`).MatchString(defaults) {
			t.Errorf("the program does not listen on %d", port.ContainerPort)
		}
	}
	if ports != 3 {
		t.Errorf("%d ports", ports)
	}
	if !strings.Contains(defaults, `Role: "`+jobs.Signer+`"`) || !strings.Contains(defaults, `EngineMount: "`+jobs.PluginName+`"`) ||
		!strings.Contains(defaults, `Namespaces: "`+jobs.TenantNamespace("")+`"`) {
		t.Error("the program looks for another role, mount or namespace")
	}
}

// Its default version is that of the program beside it.
func TestTheDefaultVersionIsTheProgramsOwn(t *testing.T) {
	found := regexp.MustCompile(`Version = "([^"]+)"`).FindSubmatch(golden.Read(t, "controlplane/signer/version.go"))
	spec := golden.Stack(t, "signer: {enabled: true}").Cluster.Spec.Signer
	if found == nil || spec.Version != string(found[1]) || !strings.HasSuffix(spec.Image, "/api:"+string(found[1])) {
		t.Errorf("version %s, image %s, and the program is %s", spec.Version, spec.Image, found)
	}
}

// Its policy in OpenBao is the one that stands beside the program.
func TestItsRightsAreThoseOfTheProgram(t *testing.T) {
	if string(golden.Read(t, "controlplane/signer/policy.hcl")) != string(golden.Read(t, "jobs/configure/policies/signer.hcl")) {
		t.Error("jobs/configure/policies/signer.hcl differs from controlplane/signer/policy.hcl")
	}
}

func typed[T any](t *testing.T, objects render.Manifests, kind string) *T {
	t.Helper()
	for _, u := range objects {
		if u.GetKind() == kind {
			var o T
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &o); err != nil {
				t.Fatal(err)
			}
			return &o
		}
	}
	t.Fatalf("there is no %s", kind)
	return nil
}
