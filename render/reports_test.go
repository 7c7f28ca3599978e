package render_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

const (
	aCluster = "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: prod, namespace: keys}\nspec: {domain: keys.example.com}\n"
	acme     = "{apiVersion: banhbaoring.io/v1, kind: BanhBaoRingTenant, metadata: {name: acme, namespace: keys}, spec: {clusterRef: {name: prod}, admin: {email: a@example.com}}}"
	globex   = "{apiVersion: banhbaoring.io/v1, kind: BanhBaoRingTenant, metadata: {name: globex, namespace: keys}, spec: {clusterRef: {name: prod}, admin: {email: a@example.com}}}"
)

func source(text string) render.Source { return render.Source{Name: "a.yaml", Data: []byte(text)} }

// What a list holds counts as if it stood by itself.
func TestListsAreUnpacked(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		tenants string
		foreign string
	}{
		"documents":        {aCluster + "---\n" + acme + "\n---\n" + globex, "acme globex", ""},
		"a List":           {aCluster + "---\napiVersion: v1\nkind: List\nitems:\n- " + acme + "\n- " + globex, "acme globex", ""},
		"a List of all":    {"apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(aCluster), "\n", "\n  ") + "\n- " + acme, "acme", ""},
		"JSON":             {aCluster + "---\n" + `{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "banhbaoring.io/v1", "kind": "BanhBaoRingTenant", "metadata": {"name": "acme", "namespace": "keys"}, "spec": {"clusterRef": {"name": "prod"}, "admin": {"email": "a@example.com"}}}]}`, "acme", ""},
		"a list of ours":   {aCluster + "---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenantList\nitems:\n- " + acme + "\n- " + strings.Replace(globex, "apiVersion: banhbaoring.io/v1, kind: BanhBaoRingTenant, ", "", 1), "acme globex", ""},
		"lists in lists":   {aCluster + "---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: [{apiVersion: banhbaoring.io/v1, kind: BanhBaoRingTenantList, items: [" + acme + "]}]}\n- " + globex, "acme globex", ""},
		"an anchor":        {aCluster + "---\napiVersion: v1\nkind: List\nitems:\n- &a " + acme + "\n- {<<: *a, metadata: {name: globex, namespace: keys}}", "acme globex", ""},
		"others beside":    {aCluster + "---\napiVersion: v1\nkind: List\nitems:\n- " + acme + "\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {b: \"1\"}}", "acme", "---\napiVersion: v1\ndata:\n  b: \"1\"\nkind: ConfigMap\nmetadata:\n  name: a\n"},
		"none of ours":     {aCluster + "---\n# as it is\napiVersion: v1\nkind: List\nitems: [ {apiVersion: v1, kind: ConfigMap, metadata: {name: a}} ]\n", "", "---\n# as it is\napiVersion: v1\nkind: List\nitems: [ {apiVersion: v1, kind: ConfigMap, metadata: {name: a}} ]\n"},
		"somebody's list":  {aCluster + "---\napiVersion: example.com/v1\nkind: ThingList\nitms: []\n", "", "---\napiVersion: example.com/v1\nkind: ThingList\nitms: []\n"},
		"an empty list":    {aCluster + "---\napiVersion: v1\nkind: List\nitems: []\n", "", "---\napiVersion: v1\nkind: List\nitems: []\n"},
		"no items of ours": {aCluster + "---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenantList\nitems:\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := render.Load(source(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var tenants []string
			for _, tenant := range in.Stacks[0].Tenants {
				tenants = append(tenants, tenant.Name)
			}
			if got := strings.Join(tenants, " "); got != c.tenants {
				t.Errorf("tenants %q, want %q", got, c.tenants)
			}
			var foreign strings.Builder
			for _, d := range in.Foreign {
				foreign.Write(d.Text())
			}
			if diff := cmp.Diff(c.foreign, foreign.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What cannot be taken is refused, at its place.
func TestFaultsHaveTheirPlace(t *testing.T) {
	other := strings.NewReplacer("name: prod", "name: green", "namespace: keys", "namespace: green")
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"a fault in a list": {aCluster + "---\napiVersion: v1\nkind: List\nitems:\n- " + strings.Replace(acme, "clusterRef", "clustrRef", 1), []string{
			`a.yaml:9:108: spec.clustrRef: unknown field`}},
		"a list with a misspelt field": {aCluster + "---\napiVersion: v1\nkind: List\nitms: []", []string{"a.yaml:6:1: items: is required", `a.yaml:8:1: itms: unknown field`}},
		"a list that is none":          {aCluster + "---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenantList\nitems: {a: b}", []string{"a.yaml:8:8: items: must be a list (got a mapping)"}},
		"an item without a kind":       {aCluster + "---\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1}]", []string{"a.yaml:8:9: items[0].kind: is required"}},
		"an item that is none":         {aCluster + "---\napiVersion: v1\nkind: List\nitems: [a]", []string{`a.yaml:8:9: items[0]: a document must be a mapping (got "a")`}},

		"one domain": {aCluster + "---\n" + other.Replace(aCluster), []string{"a.yaml:4:8: spec.domain: host keys.example.com is that of cluster green/green too (a.yaml:9:8)"}},
		"a host that is not there": {strings.Replace(aCluster, "spec: {", "spec: {monitoring: {grafana: {enabled: false}}, networking: {openbao: {expose: \"off\"}}, ", 1) + "---\n" +
			strings.Replace(other.Replace(aCluster), "keys.example.com", "grafana.keys.example.com", 1) + "---\n" +
			strings.NewReplacer("name: prod", "name: red", "namespace: keys", "namespace: red", "keys.example.com", "vault.keys.example.com").Replace(aCluster), nil},
		"a host of another":      {aCluster + "---\n" + strings.Replace(other.Replace(aCluster), "keys.example.com", "api.keys.example.com", 1), []string{"a.yaml:4:8: spec.domain: host api.keys.example.com is that of cluster green/green too (a.yaml:9:8)"}},
		"hosts beside another's": {aCluster + "---\n" + strings.Replace(other.Replace(aCluster), "keys.example.com", "green.keys.example.com", 1), nil},

		"credentials for the namespace of another": {strings.Replace(aCluster, "spec: {", "spec: {signer: {enabled: true}, ", 1) + "---\n" + strings.Replace(other.Replace(aCluster), "keys.example.com", "green.example.com", 1) + "---\n" +
			"apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenant\nmetadata: {name: acme, namespace: keys}\nspec:\n  clusterRef: {name: prod}\n  admin: {email: a@example.com}\n" +
			"  keys: [{name: a, type: evm, policy: {blocks: {chainIDs: [901]}}, clients: [{name: a, auth: mtls, namespace: rollup, deliver: true}, {name: b, auth: mtls, namespace: green}, {name: c, auth: mtls, namespace: green, deliver: true}]}]\n", []string{
			"a.yaml:17:216: spec.keys[0].clients[2].deliver: must not be given in namespace green, which is that of cluster green"}},
		"settings of what is off": {strings.Replace(aCluster, "spec: {", "spec: {backup: {enabled: false, schedule: '0 3 * * *', retention: 3}, monitoring: {grafana: {enabled: false, image: a/b:1}}, database: {managed: false, connectionString: {name: a, key: b}, storage: {size: 1Gi, storageClass: a}}, ", 1), []string{
			"a.yaml:4:33: spec.backup.schedule: is not used where enabled is false",
			"a.yaml:4:56: spec.backup.retention: is not used where enabled is false",
			"a.yaml:4:110: spec.monitoring.grafana.image: is not used where enabled is false",
			"a.yaml:4:190: spec.database.storage: is not used where managed is false"}},
		"misspelt settings of what is off": {strings.Replace(aCluster, "spec: {", "spec: {backup: {shedule: a}, api: {autoscaling: {maxReplica: 3}}, monitoring: {alerting: {slak: {a: b}}}, billing: {stripe: {secretKey: a}}, ", 1), []string{
			"a.yaml:4:17: spec.backup.shedule: unknown field",
			"a.yaml:4:50: spec.api.autoscaling.maxReplica: unknown field",
			"a.yaml:4:91: spec.monitoring.alerting.slak: unknown field",
			"a.yaml:4:126: spec.billing.stripe.secretKey: unknown field"}},
		"settings of what is off, of another type": {strings.Replace(aCluster, "spec: {", `spec: {backup: {retention: "30"}, `, 1), []string{
			`a.yaml:4:28: spec.backup.retention: must be a whole number (got "30")`}},
		"what backups on demand use": {strings.Replace(aCluster, "spec: {", "spec: {backup: {enabled: false, destination: {s3: {bucket: abc}}}, ", 1) +
			"---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingBackup\nmetadata: {name: a, namespace: keys}\nspec: {clusterRef: {name: prod}, components: [openbao]}\n", nil},
		"what no backup uses": {strings.Replace(aCluster, "spec: {", "spec: {backup: {enabled: false, destination: {s3: {bucket: abc}}}, ", 1), []string{"a.yaml:4:33: spec.backup.destination: is not used where enabled is false"}},

		"an item that nobody wrote": {strings.Replace(aCluster, "spec: {", "spec: {backup: {destination: {s3: {bucket: abc}}, encryption: {mode: none}}, ", 1) +
			"---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingBackup\nmetadata: {name: a, namespace: keys}\nspec: {clusterRef: {name: prod}}\n", []string{
			"a.yaml:9:1: spec.components: must be given, without secrets: all are meant otherwise, and secrets are stored only encrypted"}},
		"a name that leaves no room": {aCluster + "---\n" + strings.Replace(strings.Replace(acme, "name: acme", "name: "+strings.Repeat("a", 60), 1), "admin:", "apiKeys: [{name: a}], admin:", 1), []string{
			"a.yaml:6:69: metadata.name: must be at most 38 characters, so that banhbaoring-tenant-<name>-admin stays within 63 (got \"" + strings.Repeat("a", 60) + "\")"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render.Load(source(c.text))
			var got []string
			if err != nil {
				for line := range strings.Lines(err.Error()) {
					if !strings.HasPrefix(line, "hint: ") {
						got = append(got, strings.TrimSuffix(line, "\n"))
					}
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is meant for us and says so wrongly would be left out, and a tenant that is
// left out is locked.
func TestNothingThatIsMeantForUsIsPassedThrough(t *testing.T) {
	as := func(apiVersion, kind string) string {
		return strings.NewReplacer("banhbaoring.io/v1", apiVersion, "kind: BanhBaoRingTenant", "kind: "+kind).Replace(acme)
	}
	list := func(apiVersion, kind, item string) string {
		return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nitems:\n- " + item + "\n"
	}
	const tenant, version, isNoList = "BanhBaoRingTenant", "apiVersion: must be banhbaoring.io/v1 (got ", "kind: must be List, of apiVersion v1, where its items are of banhbaoring.io/v1 (got "
	for text, want := range map[string]string{
		as("banhbaoring.io", tenant):                     version,
		as("v1", tenant):                                 version,
		as("banhbaoring/v1", tenant):                     version,
		as("Banhbaoring.io/v1", tenant):                  version,
		as("banhbaoring.com/v1", "banhbaoringtenant"):    version,
		as("banhbaoring.io", "Tenant"):                   version,
		as("v1", "BanhBaoRingImageLock"):                 version,
		list("v1", "List", as("banhbaoring.io", tenant)): version,
		list("v1", "List", "{apiVersion: v1, kind: List, items: ["+as("v1", tenant)+"]}"):             version,
		list("v1", "BanhBaoRingTenantList", acme):                                                     version,
		list("banhbaoring.io/v1", "BanhBaoRingTenantLists", acme):                                     "kind: must be BanhBaoRingCluster, ",
		list("config.kubernetes.io/v1", "ResourceList", acme):                                         isNoList,
		list("v1", "list", acme):                                                                      isNoList,
		list("v1", "Lists", acme):                                                                     isNoList,
		list("v1", "Lists", as("v1", tenant)):                                                         isNoList,
		list("v1", "List", "{apiVersion: v1, kind: Lists, items: ["+acme+"]}"):                        isNoList,
		"apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: a}\n":                     "",
		"apiVersion: example.com/v1\nkind: Tenant\nmetadata: {name: a}\n":                             "",
		list("example.com/v1", "ThingList", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"): "",
	} {
		_, err := render.Load(source(aCluster + "---\n" + text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A zero that is written is no field that is left out: no default stands in for it.
func TestAZeroThatIsWrittenIsRefused(t *testing.T) {
	const enabled = "backup: {enabled: true, destination: {s3: {bucket: abc}}, "
	for text, want := range map[string]string{
		enabled + "retention: 0}":                             "spec.backup.retention: must be 1 or more, in days (got 0)",
		enabled + "schedule: ''}":                             "spec.backup.schedule: must be five fields, minute hour day month weekday, such as \"0 2 * * *\" (got \"\")",
		enabled + "retention: null}":                          "",
		enabled + "retention: many}":                          "spec.backup.retention: must be a whole number (got \"many\")",
		"api: {autoscaling: {enabled: true, maxReplicas: 0}}": "spec.api.autoscaling.maxReplicas: must be 1 or more (got 0)",
		"api: {autoscaling: {enabled: true, targetCPU: 0}}":   "spec.api.autoscaling.targetCPU: must be 1 to 100, in percent of the CPU request (got 0)",
		"openbao: {init: {shares: 0}}":                        "spec.openbao.init.shares: must be 1 or more (got 0)",
		"openbao: {init: {threshold: 0}}":                     "spec.openbao.init.threshold: must be 1 or more (got 0)",
		"email: {smtp: {host: smtp.example.com, port: 0}}":    "spec.email.smtp.port: must be 1 to 65535 (got 0)",
		"email: {smtp: {host: smtp.example.com}}":             "",
	} {
		_, err := render.Load(source(strings.Replace(aCluster, "spec: {", "spec: {"+text+", ", 1)))
		if told := faultsIn(err); told != want {
			t.Errorf("%s: %q, want %q", text, told, want)
		}
	}
	_, err := render.Load(source(aCluster + "---\n" + strings.Replace(acme, "spec: {", "spec: {settings: {auditRetentionDays: 0}, ", 1)))
	if told := faultsIn(err); told != "spec.settings.auditRetentionDays: must be 1 or more (got 0)" {
		t.Errorf("a tenant's: %q", told)
	}
}

// faultsIn are the faults without their places and hints.
func faultsIn(err error) string {
	var faults strict.Faults
	errors.As(err, &faults)
	var told []string
	for _, f := range faults {
		told = append(told, f.Path+": "+f.Message)
	}
	return strings.Join(told, "\n")
}

// A destination counts for what names no namespace, its tenants included, and for
// nothing else.
func TestTheDestinationIsTheNamespaceOfWhatNamesNone(t *testing.T) {
	bare := func(text string) string { return strings.ReplaceAll(text, ", namespace: keys", "") }
	in, err := render.LoadInto("team-a", nil, source(bare(aCluster)+"---\n"+bare(acme)))
	if err != nil {
		t.Fatal(err)
	}
	if s := in.Stacks[0]; s.Cluster.Namespace != "team-a" || len(s.Tenants) != 1 || s.Tenants[0].Namespace != "team-a" {
		t.Errorf("the cluster is in %s, with %d tenants", s.Cluster.Namespace, len(s.Tenants))
	}
	if in, err = render.LoadInto("team-a", nil, source(aCluster)); err != nil || in.Stacks[0].Cluster.Namespace != "keys" {
		t.Errorf("%v: a namespace that is given does not count", err)
	}
	override := []render.Override{{Name: "parameter team-a/prod/plan", Cluster: "team-a/prod", Spec: map[string]any{"plan": "pro"}}}
	if in, err = render.LoadInto("team-a", override, source(bare(aCluster))); err != nil || in.Stacks[0].Cluster.Spec.Plan != "pro" {
		t.Errorf("%v: a parameter that names the cluster by its destination does not count", err)
	}
}

// What loses to another field says so.
func TestFieldsThatLoseSaySo(t *testing.T) {
	for text, want := range map[string]string{
		"api: {replicas: 3, autoscaling: {minReplicas: 5, maxReplicas: 9}}":                                                                "spec.api.replicas: is not used where api.autoscaling.minReplicas is given, which counts",
		"api: {replicas: 3, autoscaling: {maxReplicas: 9}}":                                                                                "",
		"api: {replicas: 5, autoscaling: {minReplicas: 5, maxReplicas: 9}}":                                                                "",
		"openbao: {tls: {issuer: a}}, networking: {mode: gateway, gatewayRef: {name: a}}":                                                  "spec.openbao.tls: is not used",
		"api: {image: 'example.com/api:1.2.3', version: 1.2.4}":                                                                            "spec.api.version: is not used where image has a tag or a digest",
		"api: {image: 'example.com/api:1.2.3', version: 1.2.3}":                                                                            "",
		"api: {image: example.com/api, version: 1.2.3}":                                                                                    "",
		"redis: {exporter: {image: 'example.com/e:1', version: v2}}":                                                                       "spec.redis.exporter.version: is not used where image has a tag or a digest",
		"networking: {kmsCIDRs: [10.0.0.0/8]}":                                                                                             "spec.networking.kmsCIDRs: is not used: nothing outside unseals",
		"networking: {bucketCIDRs: [10.0.0.0/8]}":                                                                                          "spec.networking.bucketCIDRs: is not used: there are no backups",
		"backup: {destination: {gcs: {bucket: abc}}}, networking: {bucketCIDRs: [10.0.0.0/8]}":                                             "",
		"backup: {destination: {gcs: {bucket: abc}}}, networking: {bucketCIDRs: [10.0.0.0/8], proxy: {https: 'http://proxy.example.com'}}": "spec.networking.bucketCIDRs: is not used where networking.proxy is given without noProxy",
		"database: {managed: false, connectionString: {name: a, key: b}, image: 'example.com/pg:18'}":                                      "spec.database.image: is not used where managed is false and there are no backups",
		"monitoring: {enabled: false}, database: {exporter: {version: v1}}":                                                                "spec.database.exporter.version: is not used where monitoring.enabled is false",
		"monitoring: {mode: operator, prometheus: {retention: 3d}}":                                                                        "spec.monitoring.prometheus.retention: is not used where monitoring.mode is operator",
		"openbao: {version: 2.7.1, autoUnseal: {provider: static, plugin: {version: v1.0.0}}}":                                             "spec.openbao.autoUnseal.plugin.version: is not used: provider static needs none",
		"openbao: {version: 2.6.2, autoUnseal: {provider: awskms, keyId: a, region: b, plugin: {version: v1.0.0}}}":                        "spec.openbao.autoUnseal.plugin.version: is not used: OpenBao 2.6.2 has provider awskms built in",
	} {
		in, err := render.Load(source(strings.Replace(aCluster, "spec: {", "spec: {"+text+", ", 1)))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		said := ""
		for _, w := range in.Warnings {
			if strings.Contains(w.Message, "is not used") {
				said += w.Path + ": " + w.Message
			}
		}
		if want == "" && said != "" || !strings.Contains(strings.ReplaceAll(said, ".issuer:", ":"), want) {
			t.Errorf("%s: %q", text, said)
		}
	}
}

// What follows from a switch that is misspelt, or of another type, is no fault of its own.
func TestAMisspeltSwitchBringsNoOtherFault(t *testing.T) {
	const ref = "{name: a, key: b}"
	for text, want := range map[string]string{
		"backup: {enable: false, schedule: '0 3 * * *'}":                                  "spec.backup.enable",
		"backup: {enabled: flase, schedule: '0 3 * * *'}":                                 "spec.backup.enabled",
		"billing: {stripe: {enabeld: true, webhookSecretRef: " + ref + "}}":               "spec.billing.stripe.enabeld",
		"openbao: {autoUnseal: {enable: true, keyId: a}}":                                 "spec.openbao.autoUnseal.enable",
		"openbao: {autoUnseal: {provder: static, keyId: a}}":                              "spec.openbao.autoUnseal.provder",
		"openbao: {init: {pgpKeys: [YWJj]}, autounseal: {provider: static}}":              "spec.openbao.autounseal",
		"openbao: {init: {share: 7, threshold: 7}}":                                       "spec.openbao.init.share",
		"database: {manged: false, connectionString: " + ref + "}":                        "spec.database.manged",
		"database: {managed: 'false', connectionString: " + ref + "}":                     "spec.database.managed",
		"redis: {manged: false, caCert: " + ref + "}":                                     "spec.redis.manged",
		"redis: {mod: cluster, replicas: 3}":                                              "spec.redis.mod",
		"networking: {mode: 3, gatewayRef: {name: a}}":                                    "spec.networking.mode",
		"certificates: {certManger: true, issuer: {name: a}}":                             "spec.certificates.certManger",
		"plan: pro, backup: {destination: {gcs: {bucket: abc}}, encryption: {mod: none}}": "spec.backup.encryption.mod",
		// What is wrong all the same is told beside it.
		"backup: {enable: false, schedule: never}":         "spec.backup.enable spec.backup.schedule",
		"redis: {mod: cluster, storage: {size: 5m}}":       "spec.redis.mod spec.redis.storage.size",
		"networking: {mod: gateway, kmsCIDRs: [10.0.0.1]}": "spec.networking.kmsCIDRs[0] spec.networking.mod",
	} {
		_, err := render.Load(source(strings.Replace(aCluster, "spec: {", "spec: {"+text+", ", 1)))
		var faults strict.Faults
		errors.As(err, &faults)
		var paths []string
		for _, f := range faults {
			paths = append(paths, f.Path)
		}
		slices.Sort(paths)
		if got := strings.Join(paths, " "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A message shows what is written, and says of what is not where it comes from.
func TestMessagesShowWhatIsWritten(t *testing.T) {
	for text, want := range map[string]string{
		"openbao: {resources: {requests: {memory: 8Mi}}}": `spec.openbao.resources.limits[memory]: must be 64Mi or more: the program cannot start with less (got "32Mi", the default)`,
		"openbao: {resources: {limits: {memory: 8Mi}}}":   `spec.openbao.resources.limits[memory]: must be 64Mi or more: the program cannot start with less (got "8Mi")`,
		"openbao: {autoUnseal: {provider: gcpkms, project: p, keyRing: r, cryptoKey: projects/p/locations/eu/keyRings/r/cryptoKeys/k}}": `spec.openbao.autoUnseal.location: must be eu, as cryptoKey has it (got "global", the default)` + "\n" +
			`spec.openbao.autoUnseal.cryptoKey: must be the name alone, without the path (got "projects/p/locations/eu/keyRings/r/cryptoKeys/k")`,
		"api: {image: a/B}": `spec.api.image: must be an image, such as registry.example.com/team/app:1.0.0 (got "a/B")`,
		"plan: pro, api: {autoscaling: {maxReplicas: 1}}": `spec.api.autoscaling.maxReplicas: must be at least minReplicas, which is 2 (got 1)`,
	} {
		_, err := render.Load(source(strings.Replace(aCluster, "spec: {", "spec: {"+text+", ", 1)))
		if told := faultsIn(err); told != want {
			t.Errorf("%s: %s\nwant %s", text, told, want)
		}
	}
	bare := strings.ReplaceAll(aCluster, ", namespace: keys", "")
	for namespace, want := range map[string]string{
		"default": `metadata.namespace: must be a namespace of the stack's own: its policies would cut off what runs there (got "default", the application's destination)`,
		"keys":    "metadata.namespace: namespace keys (the application's destination) already holds cluster blue (a.yaml:8:12)",
		"":        "metadata.namespace: namespace banhbaoring (the default) already holds cluster blue (a.yaml:8:12)",
	} {
		text := bare
		if namespace != "default" {
			text += "---\n" + strings.NewReplacer("prod", "blue", "keys.", "blue.").Replace(bare)
		}
		_, err := render.LoadInto(namespace, nil, source(text))
		if told := faultsIn(err); told != want {
			t.Errorf("%s: %s\nwant %s", namespace, told, want)
		}
	}
}
