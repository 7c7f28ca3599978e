package plugin_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/plugin"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

const spec = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: one, namespace: keys}
spec:
  domain: keys.example.com
  openbao:
    replicas: 3
    plugin: {version: 1.0.0, sha256: "%"}
`

func document(sha string) render.Source {
	return render.Source{Name: "one.yaml", Data: []byte(strings.Replace(spec, "%", sha, 1))}
}

var one = document(strings.Repeat("a", 64))

// load is what an environment makes of documents.
func load(t *testing.T, environ []string, sources ...render.Source) (*render.Input, error) {
	t.Helper()
	app, err := plugin.FromEnvironment(environ)
	if err != nil {
		return nil, err
	}
	return render.LoadWith(app.Overrides, sources...)
}

func TestPluginFileIsThatOfThisVersion(t *testing.T) {
	text, err := os.ReadFile("plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Spec struct {
			Version    string
			Parameters struct{ Static []plugin.Announcement }
			Discover   map[string]any
			Generate   struct{ Command []string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file.Spec.Version != "v"+v1.Version {
		t.Errorf("spec.version is %s and the renderer's is %s: Argo CD would use cached manifests", file.Spec.Version, v1.Version)
	}
	if file.Spec.Discover != nil {
		t.Error("discovery is on")
	}
	if diff := cmp.Diff(plugin.Static(), file.Spec.Parameters.Static); diff != "" {
		t.Errorf("the static parameters differ (-program +file):\n%s", diff)
	}
	for _, word := range file.Spec.Generate.Command {
		if strings.Contains(word, "sh") || strings.ContainsAny(word, "$|;&") {
			t.Errorf("%q smells of a shell", word)
		}
	}
}

func TestParametersReachTheSpec(t *testing.T) {
	in, err := load(t, []string{
		"ARGOCD_APP_NAME=prod",
		`ARGOCD_APP_PARAMETERS=[{"name":"keys/one/plan","string":"enterprise"},{"name":"replicas","string":"5"},{"name":"plan","string":"pro"},{"name":"domain","string":""},{"name":"api.version","string":"2.0"},{"name":"openbao.plugin.version","string":"1.1.0"}]`,
		"PARAM_REPLICAS=7", // the same parameters, as Argo CD repeats them: not read twice
		"ARGOCD_ENV_REDIS_VERSION=7.2",
		"ARGOCD_ENV_API_VERSION=1.0",
	}, one)
	if err != nil {
		t.Fatal(err)
	}
	s := in.Stacks[0].Cluster.Spec
	if s.Plan != v1.PlanEnterprise {
		t.Errorf("plan is %s: the parameter that names the cluster must win", s.Plan)
	}
	if *s.OpenBao.Replicas != 5 {
		t.Errorf("replicas is %d", *s.OpenBao.Replicas)
	}
	if s.Domain != "keys.example.com" {
		t.Errorf("an empty parameter changed the domain to %q", s.Domain)
	}
	if s.API.Version != "2.0" || s.Redis.Version != "7.2" {
		t.Errorf("versions are %q and %q", s.API.Version, s.Redis.Version)
	}
	if p := s.OpenBao.Plugin; p.Version != "1.1.0" || p.SHA256 == "" {
		t.Errorf("the field beside an overridden one is lost: %+v", p)
	}
}

func TestEveryParameterChangesItsField(t *testing.T) {
	values := map[string]string{"domain": "other.example.com", "plan": "pro", "replicas": "7", "database.version": "16", "openbao.version": "2.6.4"}
	for _, p := range plugin.Parameters {
		value := values[p.Name]
		if value == "" {
			value = "9.8.7"
		}
		for _, environ := range [][]string{
			{`ARGOCD_APP_PARAMETERS=[{"name":"` + p.Name + `","string":"` + value + `"}]`},
			{"PARAM_" + strings.ToUpper(strings.ReplaceAll(p.Name, ".", "_")) + "=" + value},
			{"ARGOCD_ENV_" + strings.ToUpper(strings.ReplaceAll(p.Name, ".", "_")) + "=" + value},
		} {
			in, err := load(t, environ, one)
			if err != nil {
				t.Errorf("%v: %v", environ, err)
				continue
			}
			announced, err := plugin.Dynamic(in.Stacks)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, a := range announced {
				found = found || a.Name == "keys/one/"+p.Name && a.String == value
			}
			if !found {
				t.Errorf("%v: %s is not announced as %s", environ, p.Name, value)
			}
		}
	}
}

func TestFaultyParametersAreNamed(t *testing.T) {
	for environ, want := range map[string]string{
		`ARGOCD_APP_PARAMETERS=[{"name":"replicas","string":"4"}]`:                               "parameter replicas: spec.replicas: must be 1, 3, 5 or 7 (got 4)",
		`ARGOCD_APP_PARAMETERS=[{"name":"replicas","string":"four"}]`:                            `parameter replicas: spec.replicas: must be a whole number (got "four")`,
		`ARGOCD_APP_PARAMETERS=[{"name":"plan","string":"gold"}]`:                                `parameter plan: spec.plan: must be`,
		`ARGOCD_APP_PARAMETERS=[{"name":"openbao.verison","string":"2.6.2"}]`:                    "parameter openbao.verison: is not known\nhint: the nearest is parameter openbao.version",
		`ARGOCD_APP_PARAMETERS=[{"name":"plan","array":["pro"]}]`:                                "parameter plan: must be a string, and no array or map",
		`ARGOCD_APP_PARAMETERS=[{"name":"plan","map":{"a":"b"}}]`:                                "parameter plan: must be a string, and no array or map",
		`ARGOCD_APP_PARAMETERS=[{"name":"plan","string":"pro"},{"name":"plan","string":"free"}]`: "parameter plan: is given twice",
		`ARGOCD_APP_PARAMETERS=[{"name":"keys/two/plan","string":"pro"}]`:                        "parameter keys/two/plan: there is no cluster keys/two",
		`ARGOCD_APP_PARAMETERS={`:     "ARGOCD_APP_PARAMETERS: is not a list of parameters",
		`ARGOCD_ENV_DOMIAN=x.y`:       "ARGOCD_ENV_DOMIAN: is not known\nhint: the nearest is ARGOCD_ENV_DOMAIN",
		`PARAM_PLAN=gold`:             "PARAM_PLAN: spec.plan: must be",
		`ARGOCD_ENV_DOMAIN=not a dns`: "ARGOCD_ENV_DOMAIN: spec.domain: ",
	} {
		_, err := load(t, []string{environ}, one)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", environ, err, want)
		}
	}
}

// An application's destination is where what names no namespace belongs.
func TestTheDestinationIsTheApplications(t *testing.T) {
	bare := render.Source{Name: "one.yaml", Data: []byte(strings.Replace(string(one.Data), ", namespace: keys", "", 1))}
	for _, destination := range []string{"team-a", "team-b"} { // two applications of one folder
		app, err := plugin.FromEnvironment([]string{"ARGOCD_APP_NAME=prod", "ARGOCD_APP_NAMESPACE=" + destination})
		if err != nil || app.Namespace != destination {
			t.Fatalf("%q, %v", app.Namespace, err)
		}
		in, err := render.LoadInto(app.Namespace, app.Overrides, bare)
		if err != nil || in.Stacks[0].Cluster.Namespace != destination {
			t.Errorf("%s: %v, %v", destination, in, err)
		}
	}
}

// A domain that is set for all clusters would give two of them the same hosts.
func TestADomainIsForOneCluster(t *testing.T) {
	two := render.Source{Name: "two.yaml", Data: []byte(strings.Replace(string(one.Data), "namespace: keys", "namespace: other", 1))}
	_, err := load(t, []string{"ARGOCD_ENV_DOMAIN=x.example.com"}, one, two)
	if err == nil || !strings.Contains(err.Error(), "ARGOCD_ENV_DOMAIN: would be the domain of 2 clusters") {
		t.Errorf("got %v", err)
	}
	in, err := load(t, []string{"ARGOCD_ENV_PLAN=pro", `ARGOCD_APP_PARAMETERS=[{"name":"other/one/domain","string":"x.example.com"}]`}, one, two)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range in.Stacks {
		if want := map[string]string{"keys": "keys.example.com", "other": "x.example.com"}[s.Cluster.Namespace]; s.Cluster.Spec.Domain != want || s.Cluster.Spec.Plan != v1.PlanPro {
			t.Errorf("%s has domain %s and plan %s", s.Cluster.Namespace, s.Cluster.Spec.Domain, s.Cluster.Spec.Plan)
		}
	}
}

func TestErrorsFitAScreenAndNameTheApplication(t *testing.T) {
	app := plugin.Application{Name: "prod", Path: "clusters/eu"}
	var faults strict.Faults
	for i := range 100 {
		faults = append(faults, strict.Fault{Position: strict.Position{File: "a.yaml", Line: i + 1, Column: 1}, Message: strings.Repeat("long ", 1000), Hint: "shorten it"})
	}
	text := app.Explain(faults).Error()
	lines := strings.Split(text, "\n")
	if len(lines) > 20 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if len([]rune(line)) > 240 {
			t.Errorf("a line of %d characters", len([]rune(line)))
		}
	}
	if lines[0] != "application prod: 100 faults in clusters/eu" {
		t.Errorf("begins with %s", lines[0])
	}
	if last := lines[len(lines)-1]; last != "and 91 more: `banhbaoring validate -f clusters/eu` tells all" {
		t.Errorf("ends with %s", last)
	}
	if app.Explain(nil) != nil {
		t.Error("no error was explained")
	}
}
