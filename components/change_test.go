package components_test

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

const before = `
openbao:
  version: 2.6.2
  replicas: 3
  storage: {size: 10Gi} # a claim's size cannot change; a plan has its own
  autoUnseal: {provider: awskms, keyId: alias/unseal, region: us-east-1}
  plugin: {version: 1.0.0}
jobs: {version: 0.1.0}
# Nor do other claims and what is run of a plan change.
database: {storage: {size: 10Gi}}
redis: {mode: standalone, storage: {size: 1Gi}}
monitoring: {prometheus: {storage: {size: 10Gi}}}
`

var allJobs = []string{"configure", "init", "peers", "secrets", "tenants"}

// changes are changes of the spec, and the Jobs that they run anew.
var changes = map[string]struct {
	after string
	jobs  []string
	rolls bool // whether OpenBao's pods are replaced
}{
	"nothing":         {before, nil, false},
	"openbao version": {strings.Replace(before, "2.6.2", "2.7.1", 1), nil, true},
	"plugin version":  {strings.Replace(before, "1.0.0", "1.1.0", 1), []string{"configure", "tenants"}, true},
	"plugin sha256":   {strings.Replace(before, "{version: 1.0.0}", "{version: 1.0.0, sha256: "+strings.Repeat("a", 64)+"}", 1), []string{"configure"}, true},
	"jobs version":    {strings.Replace(before, "0.1.0", "0.2.0", 1), allJobs, true},
	"replicas":        {strings.Replace(before, "replicas: 3", "replicas: 5", 1), []string{"configure", "init", "peers"}, true},
	"seal":            {strings.Replace(before, "us-east-1", "eu-central-1", 1), nil, true},
	"rerun":           {before + "rerun: {peers: again}\n", []string{"peers"}, false},
	"domain of trust": {before + "networking: {trustedProxies: [10.0.0.0/8]}\n", nil, true},
	"plan":            {before + "plan: pro\n", nil, true},
	"patch of a Job": {before + `
patches:
- patch: |
    apiVersion: batch/v1
    kind: Job
    metadata: {name: banhbaoring-init}
    spec: {backoffLimit: 7}
`, []string{"init"}, false},
	"patch of a Job's config": {before + `
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: banhbaoring-secrets}
    data: {more: text}
`, []string{"secrets"}, false},
	"patch of all Jobs": {before + `
patches:
- target: {kind: Job}
  patch: |
    - {op: add, path: /spec/activeDeadlineSeconds, value: 3600}
`, allJobs, false},
	"patch of a Job's labels": {before + `
patches:
- target: {kind: Job}
  patch: |
    - {op: add, path: /metadata/labels/team, value: keys}
`, nil, false},
}

func TestChangesAreSafeToSync(t *testing.T) {
	old := byIdentity(renderAll(t, golden.Stack(t, before)))
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			current := byIdentity(renderAll(t, golden.Stack(t, change.after)))
			for identity, u := range old {
				if now := current[identity]; now != nil {
					sameImmutableFields(t, u, now)
				}
			}
			if got := newJobs(old, current); !slices.Equal(got, change.jobs) {
				t.Errorf("new Jobs: %v, want %v", got, change.jobs)
			}
			const set = "StatefulSet/banhbaoring-openbao"
			template := []string{"spec", "template"}
			if rolls := !reflect.DeepEqual(at(old[set], template), at(current[set], template)); rolls != change.rolls {
				t.Errorf("pods are replaced: %v, want %v", rolls, change.rolls)
			}
		})
	}
}

func byIdentity(objects render.Manifests) map[string]*unstructured.Unstructured {
	all := map[string]*unstructured.Unstructured{}
	for _, u := range objects {
		all[id(u)] = u
	}
	return all
}

// immutable are the fields that the API server lets nobody change.
var immutable = map[string][][]string{
	"StatefulSet":        {{"spec", "selector"}, {"spec", "serviceName"}, {"spec", "podManagementPolicy"}, {"spec", "volumeClaimTemplates"}},
	"Job":                {{"spec", "template"}, {"spec", "selector"}, {"spec", "completionMode"}},
	"RoleBinding":        {{"roleRef"}},
	"ClusterRoleBinding": {{"roleRef"}},
	"Service":            {{"spec", "clusterIP"}, {"spec", "selector"}},
}

func sameImmutableFields(t *testing.T, old, current *unstructured.Unstructured) {
	t.Helper()
	for _, path := range immutable[old.GetKind()] {
		if diff := cmp.Diff(at(old, path), at(current, path)); diff != "" {
			t.Errorf("%s: %s changes:\n%s", id(old), strings.Join(path, "."), diff)
		}
	}
}

func at(u *unstructured.Unstructured, path []string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(u.Object, path...)
	return value
}

var hashed = regexp.MustCompile(`^(Job|ConfigMap)/banhbaoring-([a-z-]+)-[0-9a-f]{10}$`)

// newJobs are the bases of the Jobs whose name is new. The ConfigMap of a Job
// has its name, so that it is new as well.
func newJobs(old, current map[string]*unstructured.Unstructured) []string {
	renamed := map[string]int{}
	for identity := range current {
		if m := hashed.FindStringSubmatch(identity); m != nil && old[identity] == nil {
			if strings.HasSuffix(m[2], "-"+render.Exposure.String()) { // the CronJob's own ConfigMap, which follows the Job's
				continue
			}
			renamed[m[2]]++
		}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(renamed)) {
		if renamed[name] != 2 {
			name += " (the Job or its ConfigMap only)"
		}
		names = append(names, name)
	}
	return names
}

func TestEveryJobNamesItsContent(t *testing.T) {
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		count := 0
		for _, u := range objects {
			if u.GetKind() != "Job" {
				continue
			}
			count++
			if !hashed.MatchString(id(u)) {
				t.Errorf("%s has no hash", id(u))
			}
			if !slices.Contains(references(u), "ConfigMap/"+u.GetName()) {
				t.Errorf("%s does not mount its ConfigMap", id(u))
			}
		}
		if count < len(allJobs) {
			t.Errorf("%d Jobs", count)
		}
	})
}

// Whole numbers stay whole on the way through the chart's values.
func TestLargeNumbersStayWhole(t *testing.T) {
	spec := `
openbao: {tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 100000000}]}
jobs: {tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 100000000}]}
patches:
- patch: |
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: banhbaoring-openbao}
    spec: {revisionHistoryLimit: 100000000}
`
	text, err := renderAll(t, golden.Stack(t, spec)).YAML()
	if err != nil {
		t.Fatal(err)
	}
	n, all := strings.Count(string(text), "tolerationSeconds: 100000000\n"), strings.Count(string(text), "tolerationSeconds:")
	if n < 6 || n != all {
		t.Errorf("%d of %d tolerations", n, all)
	}
	if strings.Contains(string(text), "1e+08") || !strings.Contains(string(text), "revisionHistoryLimit: 100000000\n") {
		t.Error("a number is written with an exponent")
	}
}
