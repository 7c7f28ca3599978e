package components_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	program "runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// fieldBases are specs that have a use for each field of the cluster between them.
var fieldBases = []string{`
domain: keys.example.com
openbao: {autoUnseal: {provider: static, key: {secretName: seal, key: key}, previousKeyId: old, previousKey: {secretName: old, key: key}}, tls: {issuer: letsencrypt}}
api: {migrations: {command: [migrate]}, oauth: {github: {clientId: {secretName: gh, key: id}, clientSecret: {secretName: gh, key: secret}}, google: {clientId: {secretName: go, key: id}, clientSecret: {secretName: go, key: secret}}}}
monitoring: {grafana: {adminPassword: {secretName: grafana, key: password}}, alerting: {slack: {webhookUrl: {secretName: slack, key: url}}, pagerduty: {routingKey: {secretName: pd, key: key}}}}
backup: {encryption: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p], identitySecret: {secretName: age, key: identity}}, destination: {s3: {bucket: backups, region: eu-west-1, credentials: {secretName: s3}}}}
billing: {stripe: {secretKeyRef: {secretName: stripe, key: key}, webhookSecretRef: {secretName: stripe, key: webhook}}}
email: {smtp: {host: smtp.example.com, username: {secretName: smtp, key: user}, password: {secretName: smtp, key: password}, caCert: {secretName: smtp, key: ca.crt}}}
networking: {proxy: {https: "http://proxy.example.com:3128", http: "http://proxy.example.com:3128", noProxy: [a.example.com], caCert: {secretName: proxy, key: ca.crt}}}
dashboard: {caCert: {secretName: hosts, key: ca.crt}}
imagePullSecrets: [{name: registry}]
`, `
domain: keys.example.com
plan: pro
openbao: {version: 2.6.2, autoUnseal: {provider: awskms, keyId: alias/unseal, region: eu-west-1, endpoint: "https://kms.example.com", caCert: {secretName: ca, key: ca.crt}, credentials: {accessKeyId: {secretName: aws, key: id}, secretAccessKey: {secretName: aws, key: secret}}}}
backup: {destination: {gcs: {bucket: backups, credentials: {secretName: gcs}}}, encryption: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}}
certificates: {certManager: true, issuer: {name: internal}}
secrets: {externalSecrets: {storeRef: {name: store}}}
networking: {mode: gateway, gatewayRef: {name: public}}
`, `
domain: keys.example.com
openbao: {autoUnseal: {provider: awskms, keyId: alias/unseal, region: eu-west-1}}
database: {managed: false, connectionString: {secretName: db, key: url}, caCert: {secretName: db-ca, key: ca.crt}}
redis: {managed: false, connectionString: {secretName: redis, key: url}, caCert: {secretName: redis-ca, key: ca.crt}}
monitoring: {mode: operator}
`, `
domain: keys.example.com
openbao: {autoUnseal: {provider: gcpkms, project: p, location: global, keyRing: r, cryptoKey: k, credentials: {serviceAccountKey: {secretName: gcp, key: sa.json}}}}
`, `
domain: keys.example.com
openbao: {autoUnseal: {provider: azurekv, tenantId: t, vaultName: v, keyName: k, credentials: {clientId: {secretName: az, key: id}, clientSecret: {secretName: az, key: secret}}}}
`, `
domain: keys.example.com
openbao: {autoUnseal: {provider: transit, address: "https://vault.example.com:8200", keyName: k, token: {secretName: t, key: token}, caCert: {secretName: ca, key: ca.crt}}}
patches: [{target: {kind: ConfigMap, name: banhbaoring-api}, patch: "[{op: add, path: /data/A, value: b}]"}]
`}

// modes are specs in which each switch stands in its other positions, one or two at a time.
var modes = map[string]string{
	"the least":          "plan: free",
	"the most":           "plan: enterprise",
	"a database outside": "database: {managed: false, connectionString: {secretName: db, key: url}}",
	"no Redis":           "redis: {managed: false, connectionString: {secretName: redis, key: url}}",
	"CloudNativePG":      "database: {engine: cloudnativepg, replicas: 3}",
	"Redis as a cluster": "redis: {mode: cluster}",
	"no monitoring":      "monitoring: {enabled: false}",
	"no Grafana":         "monitoring: {grafana: {enabled: false}}",
	"no dashboard":       "dashboard: {replicas: 0}",
	"autoscaling":        "api: {autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 8}}",
	"no encryption":      "backup: {destination: {s3: {bucket: abc, region: eu-west-1}}, encryption: {mode: none}}",
	"no backups":         "backup: {enabled: false}",
	"nothing published":  "networking: {openbao: {expose: \"off\"}}",
	"a mesh":             "networking: {mesh: linkerd}",
	"a proxy":            "networking: {proxy: {https: \"http://proxy.example.com:3128\"}}\nopenbao: {autoUnseal: {provider: awskms, keyId: alias/a, region: eu-west-1}}\nbackup: {destination: {s3: {bucket: abc, region: eu-west-1}}}",
	"OpenShift":          "platform: openshift",
	"an old Kubernetes":  "kubeVersion: \"1.29\"",
	"mail in the clear":  "email: {smtp: {host: smtp.example.com, tls: none}}",
	"a certificate":      "openbao: {tls: {secretName: tls}}",
	"images with tags": `
api: {image: "registry.example.com/api:1.2.3"}
dashboard: {image: "registry.example.com/dashboard:1.2.3"}
database: {image: "registry.example.com/postgres:18.1", exporter: {image: "registry.example.com/exporter:1.2.3"}}
redis: {image: "registry.example.com/redis:8.1", exporter: {image: "registry.example.com/exporter:1.2.3"}}
monitoring: {prometheus: {image: "registry.example.com/prometheus:v3.1.0"}, grafana: {image: "registry.example.com/grafana:13.0.0"}, alerting: {image: "registry.example.com/alertmanager:v0.30.0"}}
jobs: {image: "registry.example.com/jobs:0.1.0"}
`,
}

// sides stand beside each base: one of each kind, with all that it can have.
var sides = []string{`
kind: BanhBaoRingTenant
metadata: {name: acme, namespace: keys}
spec:
  clusterRef: {name: test}
  quotas: {keys: 100000}
  allowOverPlan: true
  admin: {email: ops@acme.example, password: {secretName: acme, key: password}}
  apiKeys: [{name: sequencer, role: signer}]
  settings: {allowedIPRanges: [10.0.0.0/8], webhooks: [{url: "https://hooks.acme.example", events: [key.created], secret: {secretName: hook, key: secret}, caCert: {secretName: hook-ca, key: ca.crt}}]}
`, `
kind: BanhBaoRingBackup
metadata: {name: now, namespace: keys}
spec: {clusterRef: {name: test}, components: [openbao], destination: {s3: {bucket: elsewhere, region: eu-west-1, endpoint: "https://s3.example.com", credentials: {secretName: s3}, caCert: {secretName: s3, key: ca.crt}}}}
`, `
kind: BanhBaoRingRestore
metadata: {name: night, namespace: keys}
spec: {clusterRef: {name: test}, source: {gcs: {bucket: backups, prefix: a/20260102t020000z/, credentials: {secretName: gcs}}}}
`}

// fieldsOf are the fields that each kind has.
var fieldsOf = map[string]reflect.Type{
	v1.KindCluster: reflect.TypeFor[v1.BanhBaoRingClusterSpec](),
	v1.KindTenant:  reflect.TypeFor[v1.BanhBaoRingTenantSpec](),
	v1.KindBackup:  reflect.TypeFor[v1.BanhBaoRingBackupSpec](),
	v1.KindRestore: reflect.TypeFor[v1.BanhBaoRingRestoreSpec](),
}

// fieldBase is an input, and what is said and built of it.
type fieldBase struct {
	name      string
	documents []map[string]any // the cluster first
	stack     *render.Stack
	said      string
	built     map[string][]runtime.Object
	written   func() string
}

// newFieldBase is a cluster of a spec, with other documents beside it.
func newFieldBase(t *testing.T, name, spec string, beside ...string) *fieldBase {
	t.Helper()
	b := &fieldBase{name: name}
	texts := append([]string{"kind: BanhBaoRingCluster\nmetadata: {name: test, namespace: keys}\n"}, beside...)
	for i, text := range texts {
		var d map[string]any
		if err := yaml.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		if d["apiVersion"] = "banhbaoring.io/v1"; i == 0 {
			var fields map[string]any
			if err := yaml.Unmarshal([]byte(spec), &fields); err != nil {
				t.Fatal(err)
			}
			if fields["domain"] == nil {
				fields["domain"] = "keys.example.com"
			}
			d["spec"] = fields
		}
		b.documents = append(b.documents, d)
	}
	var faults strict.Faults
	if b.stack, b.said, faults = loadDocuments(t, b.documents); faults != nil {
		t.Fatalf("%s is refused: %v", name, faults)
	}
	b.built = map[string][]runtime.Object{}
	for _, c := range components.All() {
		if c.Enabled == nil || c.Enabled(b.stack) {
			objects, err := c.Build(b.stack)
			if err != nil {
				t.Fatalf("%s is refused: %v", name, err)
			}
			b.built[c.Name] = objects
		}
	}
	b.written = sync.OnceValue(func() string { return writeStack(t, b.stack) })
	return b
}

func loadDocuments(t *testing.T, documents []map[string]any) (*render.Stack, string, strict.Faults) {
	t.Helper()
	var data []byte
	for _, d := range documents {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		data = append(append(data, text...), '\n')
	}
	in, err := render.Load(render.Source{Name: "spec.json", Data: data})
	var faults strict.Faults
	if errors.As(err, &faults) {
		return nil, "", faults
	}
	var said strings.Builder
	for _, w := range in.Warnings { // their columns move with every field
		fmt.Fprintln(&said, w.Path, w.Message)
	}
	return in.Stacks[0], said.String(), nil
}

func writeStack(t *testing.T, s *render.Stack) string {
	objects, err := render.Render(s, components.All())
	if err != nil {
		return err.Error()
	}
	text, err := objects.YAML()
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// answer is what a changed field brings.
type answer int

const (
	silence answer = iota
	refusal        // of this value, as no such value may be
	effect         // something changes, or is said of the field
)

// answer sets one field of a document anew. What a component builds shows most changes;
// all that is written shows the rest.
func (b *fieldBase) answer(t *testing.T, document int, path []string, value any) answer {
	t.Helper()
	documents := slices.Clone(b.documents)
	documents[document] = with(documents[document], append([]string{"spec"}, path...), value).(map[string]any)
	s, said, faults := loadDocuments(t, documents)
	own := strings.ReplaceAll("spec."+strings.Join(path, "."), ".0", "[0]")
	ofValue := slices.ContainsFunc(faults, func(f strict.Fault) bool {
		unused := strings.Contains(f.Message, "is not used") || strings.Contains(f.Message, "must not be given")
		return strings.HasPrefix(f.Path, own) && !unused
	})
	switch {
	case ofValue:
		return refusal
	case faults != nil, said != b.said:
		return effect
	}
	all := components.All()
	slices.SortStableFunc(all, func(one, other render.Component) int { // the likeliest first
		return cmp.Compare(slices.Index(path, other.Name), slices.Index(path, one.Name))
	})
	for _, c := range all {
		if on := c.Enabled == nil || c.Enabled(s); on != (b.built[c.Name] != nil) {
			return effect
		} else if !on {
			continue
		}
		objects, err := c.Build(s)
		if err != nil {
			return refusal
		}
		if !equality.Semantic.DeepEqual(objects, b.built[c.Name]) {
			return effect
		}
	}
	if writeStack(t, s) != b.written() {
		return effect
	}
	return silence
}

// permissions let others do what they may want to, and change nothing until they do.
var permissions = []string{"networking.privateTargets"}

// trial is a base, and a field of one of its documents that is set anew.
type trial struct {
	*fieldBase
	document int
	path     []string
	of       reflect.Type
}

func (f trial) String() string {
	return fmt.Sprint(f.documents[f.document]["kind"], " spec.", strings.Join(f.path, "."))
}

// run tries values until one has an effect. It is refusal where none may be given.
func (f trial) run(t *testing.T) answer {
	best := refusal
	for _, value := range otherValues(f.of, valueAt(f.documents[f.document]["spec"], f.path)) {
		switch got := f.answer(t, f.document, f.path, value); {
		case got == effect, got == refusal && f.of.Kind() == reflect.Bool: // of two values one is the default
			return effect
		case got == silence:
			best = silence
		}
	}
	return best
}

// Each field that can be written has an effect, or it is said that it has none: in one of
// the bases at least, and whatever the switches beside it say.
func TestEveryFieldDoesSomethingOrSaysSo(t *testing.T) {
	var bases []*fieldBase
	for i, text := range fieldBases {
		var beside []string
		if i == 0 {
			beside = sides
		}
		bases = append(bases, newFieldBase(t, fmt.Sprintf("base %d", i), text, beside...))
	}
	var trials [][]trial // of each, one has to have an effect
	for i, d := range bases[0].documents {
		eachField(fieldsOf[d["kind"].(string)], nil, func(path []string, of reflect.Type) {
			several := []trial{{bases[0], i, path, of}}
			if i == 0 {
				for _, b := range bases[1:] {
					several = append(several, trial{b, 0, path, of})
				}
			}
			trials = append(trials, several)
		})
	}
	if len(trials) < 200 {
		t.Errorf("%d fields only", len(trials))
	}
	for name, text := range modes {
		b := newFieldBase(t, name, text)
		turned := b.documents[0]["spec"].(map[string]any)
		eachField(fieldsOf[v1.KindCluster], nil, func(path []string, of reflect.Type) {
			if slices.Contains(permissions, strings.Join(path, ".")) {
				return
			}
			if turned[path[0]] != nil && path[0] != "domain" || path[0] == "networking" {
				trials = append(trials, []trial{{b, 0, path, of}})
			}
		})
	}
	var workers errgroup.Group
	workers.SetLimit(program.GOMAXPROCS(0))
	for _, several := range trials {
		workers.Go(func() error {
			quiet := ""
			for _, f := range several {
				switch f.run(t) {
				case effect:
					return nil
				case silence:
					quiet = f.name
				}
			}
			if quiet != "" {
				t.Errorf("%s: neither output, error nor warning changes with it (%s)", several[0], quiet)
			}
			return nil
		})
	}
	_ = workers.Wait()
}

// eachField visits the fields that hold no others of ours.
func eachField(kind reflect.Type, path []string, visit func([]string, reflect.Type)) {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	ours := strings.HasPrefix(kind.PkgPath(), "github.com/banhbaoring/")
	switch {
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Struct && strings.HasPrefix(kind.Elem().PkgPath(), "github.com/banhbaoring/"):
		eachField(kind.Elem(), append(slices.Clone(path), "0"), visit)
	case kind.Kind() != reflect.Struct || !ours:
		visit(path, kind)
	default:
		for i := range kind.NumField() {
			f := kind.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" && options == "inline" {
				eachField(f.Type, path, visit)
			} else {
				eachField(f.Type, append(slices.Clone(path), name), visit)
			}
		}
	}
}

// otherValues are values of a type that may be written in the place of one.
func otherValues(kind reflect.Type, was any) []any {
	var values []any
	switch kind {
	case reflect.TypeFor[corev1.ResourceRequirements]():
		return []any{map[string]any{"requests": map[string]any{"cpu": "77m"}}}
	case reflect.TypeFor[resource.Quantity]():
		return []any{"77Gi"}
	case reflect.TypeFor[corev1.Affinity]():
		return []any{map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{
			"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{map[string]any{"key": "a", "operator": "Exists"}}}}}}}}
	case reflect.TypeFor[[]corev1.Toleration]():
		return []any{[]any{map[string]any{"key": "a", "operator": "Exists"}}}
	}
	switch kind.Kind() {
	case reflect.Bool:
		values = []any{true, false}
	case reflect.Int32, reflect.Int64:
		values = []any{3, 5, 4, 6, 77}
	case reflect.Map:
		values = []any{map[string]any{"example.com/a": "b"}, map[string]any{"configure": "again"}}
	case reflect.Slice:
		if kind.Elem().Kind() == reflect.Int32 {
			return []any{[]any{7443}}
		}
		values = []any{[]any{"other"}, []any{"10.9.0.0/16"}, []any{"age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"}, []any{"bWFkZSB1cA==", "bWFkZSB1cA==", "bWFkZSB1cA=="}}
	case reflect.String:
		values = []any{
			"other", "other.example.com", "2.7.1", "2.6.1", "17", "7.4", "v9.9.9", "3h", "0 5 * * *", "a/", "/a",
			"https://other.example.com:8443", "http://other.example.com:8443", strings.Repeat("a", 64), "sha256:" + strings.Repeat("a", 64),
			"registry.example.com/other:1.2.3", "us-east-1", "1.29",
			"pro", "cluster", "cloudnativepg", "operator", "required", "implicit", "gateway", "istio", "openshift", "ClusterIssuer", "ClusterSecretStore",
		}
	}
	return slices.DeleteFunc(values, func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(was) })
}

// valueAt is the value at a path, nil where there is none.
func valueAt(v any, path []string) any {
	for _, name := range path {
		switch parent := v.(type) {
		case map[string]any:
			v = parent[name]
		case []any:
			if len(parent) == 0 {
				return nil
			}
			v = parent[0]
		default:
			return nil
		}
	}
	return v
}

// with is a copy of v that holds value at a path.
func with(v any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	if path[0] == "0" {
		list, _ := v.([]any)
		var first any
		if len(list) > 0 {
			first = list[0]
		}
		return []any{with(first, path[1:], value)}
	}
	text, _ := json.Marshal(v)
	whole := map[string]any{}
	_ = json.Unmarshal(text, &whole)
	if whole == nil {
		whole = map[string]any{}
	}
	whole[path[0]] = with(whole[path[0]], path[1:], value)
	return whole
}
