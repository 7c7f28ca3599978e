package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Application is what Argo CD's environment says of the application.
type Application struct {
	Name string
	// Namespace is the application's destination, where what names no namespace
	// belongs.
	Namespace string
	// Path is where its folder lies in the repository.
	Path      string
	Overrides []render.Override
}

// Root is the folder that holds the repository, of which the working folder is
// the application's; empty where that cannot be told.
func (a Application) Root(working string) string {
	dir, err := filepath.EvalSymlinks(working)
	if err != nil || a.Path == "" || !filepath.IsLocal(a.Path) {
		return ""
	}
	if below := filepath.Clean(a.Path); below != "." {
		root, ok := strings.CutSuffix(dir, string(filepath.Separator)+below)
		if !ok {
			return ""
		}
		return root
	}
	return dir
}

// The variables that Argo CD sets. Source:
// github.com/argoproj/argo-cd/v2 reposerver/repository/repository.go and
// pkg/apis/application/v1alpha1/types.go.
const (
	envName       = "ARGOCD_APP_NAME"
	envNamespace  = "ARGOCD_APP_NAMESPACE"
	envPath       = "ARGOCD_APP_SOURCE_PATH"
	envParameters = "ARGOCD_APP_PARAMETERS"
	prefixParam   = "PARAM_"
	prefixEnv     = "ARGOCD_ENV_"
)

// FromEnvironment reads an environment of NAME=value entries. What a parameter
// says goes before what the plugin's environment (ARGOCD_ENV_…) says. The
// application is returned together with an error, so that it can be named.
func FromEnvironment(environ []string) (Application, error) {
	env := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	app := Application{Name: env[envName], Namespace: env[envNamespace], Path: env[envPath]}
	given, faults := fromVariables(env, prefixEnv)
	// Argo CD writes PARAM_… of the same parameters.
	parameters, found := fromVariables(env, prefixParam)
	if text := env[envParameters]; text != "" {
		parameters, found = fromJSON(text)
	}
	given, faults = append(given, parameters...), append(faults, found...)
	app.Overrides = given
	return app, faults.Err()
}

// fromVariables reads the variables whose names begin with prefix.
func fromVariables(env map[string]string, prefix string) ([]render.Override, strict.Faults) {
	known := map[string]Parameter{}
	for _, p := range Parameters {
		known[prefix+variable(p.Name)] = p
	}
	var overrides []render.Override
	var faults strict.Faults
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, prefix) || env[name] == "" {
			continue
		}
		p, ok := known[name]
		if !ok {
			faults = append(faults, unknown(name, slices.Sorted(maps.Keys(known))))
			continue
		}
		overrides = append(overrides, render.Override{Name: name, Spec: p.fields(env[name])})
	}
	return overrides, faults
}

// fromJSON reads ARGOCD_APP_PARAMETERS. A value that is empty is not given: the
// user interface leaves those behind.
func fromJSON(text string) ([]render.Override, strict.Faults) {
	var parameters []struct {
		Name   string            `json:"name"`
		String *string           `json:"string"`
		Array  []string          `json:"array"`
		Map    map[string]string `json:"map"`
	}
	if err := json.Unmarshal([]byte(text), &parameters); err != nil {
		return nil, strict.Faults{fault(envParameters, "is not a list of parameters: "+err.Error())}
	}
	var overrides []render.Override
	var faults strict.Faults
	seen := map[string]bool{}
	for _, given := range parameters {
		at := "parameter " + given.Name
		p, cluster, ok := find(given.Name)
		switch {
		case !ok:
			faults = append(faults, unknown(at, names("parameter ")))
		case seen[given.Name]:
			faults = append(faults, fault(at, "is given twice"))
		case given.Array != nil || given.Map != nil:
			faults = append(faults, fault(at, "must be a string, and no array or map"))
		case given.String != nil && *given.String != "":
			overrides = append(overrides, render.Override{Name: at, Cluster: cluster, Spec: p.fields(*given.String)})
		}
		seen[given.Name] = true
	}
	// What names its cluster goes before what is for all.
	slices.SortStableFunc(overrides, func(a, b render.Override) int { return min(len(a.Cluster), 1) - min(len(b.Cluster), 1) })
	return overrides, faults
}

// find splits <namespace>/<name>/<parameter>, or <parameter> alone.
func find(name string) (p Parameter, cluster string, ok bool) {
	if i := strings.LastIndex(name, "/"); i >= 0 {
		cluster, name = name[:i], name[i+1:]
	}
	i := slices.IndexFunc(Parameters, func(p Parameter) bool { return p.Name == name })
	if i < 0 || cluster != "" && strings.Count(cluster, "/") != 1 {
		return Parameter{}, "", false
	}
	return Parameters[i], cluster, true
}

var notInVariables = regexp.MustCompile(`[^A-Z0-9_]`)

// variable is a parameter's name as Argo CD writes it in the environment.
func variable(name string) string {
	return notInVariables.ReplaceAllString(strings.ToUpper(name), "_")
}

func names(prefix string) []string {
	all := make([]string, len(Parameters))
	for i, p := range Parameters {
		all[i] = prefix + p.Name
	}
	return all
}

func unknown(name string, known []string) strict.Fault {
	nearest := slices.MinFunc(known, func(a, b string) int {
		return levenshtein.Distance(name, a, nil) - levenshtein.Distance(name, b, nil)
	})
	f := fault(name, "is not known")
	f.Hint = fmt.Sprintf("the nearest is %s", nearest)
	return f
}

func fault(at, message string) strict.Fault {
	return strict.Fault{Position: strict.Position{File: at}, Message: message}
}

// FromData reads parameters from the data of a ConfigMap, where messages call
// the values by the prefix and their key.
func FromData(prefix string, data map[string]string) ([]render.Override, error) {
	var overrides []render.Override
	var faults strict.Faults
	for _, name := range slices.Sorted(maps.Keys(data)) {
		p, cluster, ok := find(name)
		if !ok {
			faults = append(faults, unknown(prefix+"."+name, names(prefix+".")))
			continue
		}
		overrides = append(overrides, render.Override{Name: prefix + "." + name, Cluster: cluster, Spec: p.fields(data[name])})
	}
	return overrides, faults.Err()
}
