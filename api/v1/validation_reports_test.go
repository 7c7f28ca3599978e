package v1

import (
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Amounts that lack their unit, or have that of CPU, are seldom meant.
func TestAmountsAreMeantAsTheyAreWritten(t *testing.T) {
	const milli, small = "must be whole bytes: m stands for thousandths", "must be 1Mi or more"
	size, limit := "spec.openbao.storage.size: ", "spec.api.resources.limits[memory]: "
	storage := func(q string) string { return spec("openbao: {storage: {size: " + q + "}}") }
	memory := func(q string) string { return spec("api: {resources: {limits: {memory: " + q + "}}}") }
	testChanges(t, cluster, validCluster, []change{
		{"a size", storage("10Gi"), nil},
		{"a size in bytes", storage("10737418240"), nil},
		{"a size in powers of ten", storage("10G"), nil},
		{"a size of millibytes", storage("512m"), []string{size + milli + " (got 512m); hint: did you mean 512Mi?"}},
		{"a size without a unit", storage("10"), []string{size + small + " (got 10); hint: did you mean 10Gi?"}},
		{"a size that is too small", storage("100k"), []string{size + small + " (got 100k)"}},
		{"a size of nothing", storage(`"0"`), []string{size + "must be more than 0, such as 10Gi (got 0)"}},
		{"a size below nothing", storage("-1Gi"), []string{size + "must be more than 0, such as 10Gi (got -1Gi)"}},
		{"memory", memory("512Mi"), nil},
		{"memory of millibytes", memory("512m"), []string{limit + milli + " (got 512m); hint: did you mean 512Mi?"}},
		{"memory without a unit", memory("512"), []string{limit + small + " (got 512); hint: did you mean 512Mi?"}},
		{"memory of nothing", memory("0"), []string{limit + small + " (got 0)"}},
		{"scratch space of millibytes", spec("api: {resources: {limits: {ephemeral-storage: 1m}}}"), []string{"spec.api.resources.limits[ephemeral-storage]: " + milli + " (got 1m); hint: did you mean 1Mi?"}},
		{"no CPU", spec("api: {resources: {requests: {cpu: 0}}}"), []string{"spec.api.resources.requests[cpu]: must be more than 0, such as 100m (got 0)"}},
		{"a fraction of a thousandth of a CPU", spec("api: {resources: {requests: {cpu: 100u}}}"), []string{"spec.api.resources.requests[cpu]: must be whole thousandths of a CPU, such as 100m (got 100u)"}},
		{"CPUs", spec("api: {resources: {requests: {cpu: 1.5}, limits: {cpu: 2}}}"), nil},
	})
	for path, text := range map[string]string{
		"spec.database.storage.size":              "database: {storage: {size: 5m}}",
		"spec.redis.storage.size":                 "redis: {storage: {size: 5m}}",
		"spec.monitoring.prometheus.storage.size": "monitoring: {prometheus: {storage: {size: 5m}}}",
		"spec.backup.resources.requests[memory]":  "backup: {destination: {s3: {bucket: abc}}, resources: {requests: {memory: 5m}}}",
		"spec.jobs.resources.limits[memory]":      "jobs: {resources: {limits: {memory: 5m}}}",
	} {
		d := decode(t, cluster(), validCluster, spec(text))
		if got := printed(d.Validate()); len(got) != 1 || !strings.HasPrefix(got[0], path+": ") {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// An id that carries where its key is agrees with the fields beside it.
func TestIDsOfKeysAgreeWithTheFieldsBesideThem(t *testing.T) {
	unseal := func(text string) string { return spec("openbao: {version: 2.6.2, autoUnseal: {" + text + "}}") }
	const at = "spec.openbao.autoUnseal."
	const arn = `"arn:aws:kms:eu-west-1:111122223333:key/0f1e2d3c"`
	gcp := func(text string) string { return unseal("provider: gcpkms, " + text) }
	azure := func(text string) string { return unseal("provider: azurekv, tenantId: t, " + text) }
	testChanges(t, cluster, validCluster, []change{
		{"an ARN and its region", unseal("provider: awskms, region: eu-west-1, keyId: " + arn), nil},
		{"an ARN alone", unseal("provider: awskms, keyId: " + arn), nil},
		{"an ARN of another region", unseal("provider: awskms, region: us-east-1, keyId: " + arn), []string{at + "region: must be eu-west-1, as keyId has it (got us-east-1)"}},
		{"an ARN of an alias of another region", unseal(`provider: awskms, region: us-east-1, keyId: "arn:aws:kms:eu-west-1:111122223333:alias/a"`), []string{at + "region: must be eu-west-1, as keyId has it (got us-east-1)"}},
		{"an ARN of something else", unseal(`provider: awskms, keyId: "arn:aws:iam::111122223333:role/a"`), []string{at + "keyId: must be an ARN of a key or alias in KMS, such as arn:aws:kms:eu-west-1:111122223333:key/0f1e2d3c (got arn:aws:iam::111122223333:role/a)"}},
		{"an ARN and another region's endpoint", unseal("provider: awskms, endpoint: https://kms.us-east-1.amazonaws.com, keyId: " + arn), []string{at + "endpoint: must be an endpoint of region eu-west-1"}},
		{"an alias and another region's endpoint", unseal("provider: awskms, endpoint: https://kms.us-east-1.amazonaws.com, region: eu-west-1, keyId: alias/a"), []string{at + "endpoint: must be an endpoint of region eu-west-1"}},
		{"an ARN and an endpoint of one's own", unseal("provider: awskms, endpoint: https://vpce-1.kms.example.com, keyId: " + arn), nil},

		{"a key ring's names", gcp("project: p, location: eu, keyRing: r, cryptoKey: k"), nil},
		{"a key's whole name", gcp("project: p, location: eu, keyRing: r, cryptoKey: projects/p/locations/eu/keyRings/r/cryptoKeys/k"), []string{
			at + "cryptoKey: must be the name alone, without the path (got projects/p/locations/eu/keyRings/r/cryptoKeys/k); hint: write k"}},
		{"a key's whole name, of another project", gcp("project: q, location: eu, keyRing: r, cryptoKey: projects/p/locations/eu/keyRings/r/cryptoKeys/k"), []string{
			at + "cryptoKey: must be the name alone, without the path (got projects/p/locations/eu/keyRings/r/cryptoKeys/k); hint: write k",
			at + "project: must be p, as cryptoKey has it (got q)"}},

		{"a vault's name", azure("vaultName: v, keyName: k"), nil},
		{"a vault's domain", azure("vaultName: v.vault.azure.net, keyName: k"), []string{at + "vaultName: must be the vault's name alone, without its domain (got v.vault.azure.net); hint: write v"}},
		{"a key's URL", azure("vaultName: w, keyName: https://v.vault.azure.net/keys/k/1"), []string{
			at + "keyName: must be the key's name alone, without its URL (got https://v.vault.azure.net/keys/k/1); hint: write k",
			at + "vaultName: must be v, as keyName has it (got w)"}},
	})
	bucket := func(region, host string) string {
		return spec("backup: {destination: {s3: {bucket: abc, region: " + region + ", endpoint: https://" + host + "}}}")
	}
	other := []string{"spec.backup.destination.s3.endpoint: must be an endpoint of region eu-west-1"}
	for host, want := range map[string][]string{
		"s3.us-east-1.amazonaws.com":                         other,
		"s3-us-west-2.amazonaws.com":                         other,
		"s3-fips.us-east-1.amazonaws.com":                    other,
		"s3-fips-us-gov-west-1.amazonaws.com":                other,
		"s3.dualstack.us-east-1.amazonaws.com":               other,
		"s3.us-east-1.api.aws":                               other,
		"s3.cn-north-1.amazonaws.com.cn":                     other,
		"abc.s3.us-east-1.amazonaws.com":                     other,
		"bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com":   other,
		"s3.eu-west-1.amazonaws.com":                         nil,
		"s3-eu-west-1.amazonaws.com":                         nil,
		"s3-fips.dualstack.eu-west-1.amazonaws.com":          nil,
		"s3.eu-west-1.api.aws":                               nil,
		"bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com":   nil,
		"s3.amazonaws.com":                                   nil,
		"s3-accelerate.amazonaws.com":                        nil,
		"s3-accelerate.dualstack.amazonaws.com":              nil,
		"s3-external-1.amazonaws.com":                        nil,
		"minio-1.us-east-1.elb.amazonaws.com":                nil, // a server of the user's own
		"ec2-192-0-2-1.us-east-1.compute.amazonaws.com:9000": nil,
		"s3.us-east-1.example.com":                           nil,
		"s3.us-east-1.amazonaws.com.example.com":             nil,
	} {
		testChanges(t, cluster, validCluster, []change{{host, bucket("eu-west-1", host), want}})
	}
	const s3 = "spec.backup.destination.s3."
	testChanges(t, cluster, validCluster, []change{{"acceleration", spec("backup: {destination: {s3: {bucket: a.b.c, pathStyle: true, endpoint: https://s3-accelerate.amazonaws.com}}}"), []string{
		s3 + "region: is required: the bucket's region, which the endpoint of transfer acceleration does not tell",
		s3 + "bucket: must have no dot where endpoint is that of transfer acceleration (got a.b.c)",
		s3 + "pathStyle: must not be given where endpoint is that of transfer acceleration, which takes the bucket in the host's name only",
	}}})
	for host, want := range map[string][]string{
		"kms.us-east-1.api.aws":                      {at + "endpoint: must be an endpoint of region eu-west-1"},
		"vpce-1a2b.kms.us-east-1.vpce.amazonaws.com": {at + "endpoint: must be an endpoint of region eu-west-1"},
		"kms-fips.eu-west-1.amazonaws.com":           nil,
		"local-kms-1.us-east-1.elb.amazonaws.com":    nil,
	} {
		testChanges(t, cluster, validCluster, []change{{host, unseal("provider: awskms, region: eu-west-1, keyId: alias/a, endpoint: https://" + host), want}})
	}
}

// What verifies a certificate is of no use where there is none.
func TestAnAuthorityIsForWhatHasACertificate(t *testing.T) {
	const ca = "caCert: {name: ca, key: ca.crt}"
	for text, path := range map[string]string{
		"email: {smtp: {host: smtp.example.com, tls: none, " + ca + "}}":                                                        "spec.email.smtp.caCert: is not used where tls is none",
		"email: {smtp: {host: smtp.example.com, tls: implicit, " + ca + "}}":                                                    "",
		"openbao: {autoUnseal: {provider: transit, address: HTTP://bao, keyName: a, token: {name: a, key: b}, " + ca + "}}":     "spec.openbao.autoUnseal.caCert: is not used where address begins with http://",
		"openbao: {autoUnseal: {provider: transit, address: https://bao, keyName: a, token: {name: a, key: b}, " + ca + "}}":    "",
		"openbao: {autoUnseal: {provider: awskms, keyId: a, region: eu-west-1, endpoint: http://kms.example.com, " + ca + "}}":  "spec.openbao.autoUnseal.caCert: is not used where endpoint begins with http://",
		"openbao: {autoUnseal: {provider: awskms, keyId: a, region: eu-west-1, endpoint: https://kms.example.com, " + ca + "}}": "",
		"backup: {destination: {s3: {bucket: abc, endpoint: http://s3.example.com, " + ca + "}}}":                               "spec.backup.destination.s3.caCert: is not used where endpoint begins with http://",
		"backup: {destination: {s3: {bucket: abc, endpoint: https://s3.example.com, " + ca + "}}}":                              "",
		"database: {" + ca + "}": "spec.database.caCert: is not used where managed is true; hint: set managed: false",
	} {
		var want []string
		if path != "" {
			want = []string{path}
		}
		testChanges(t, cluster, validCluster, []change{{text, spec(text), want}})
	}
	for url, want := range map[string][]string{
		"http://hooks.example.com":  {"spec.settings.webhooks[0].caCert: is not used where url begins with http://"},
		"https://hooks.example.com": nil,
	} {
		testChanges(t, func() *BanhBaoRingTenant { return &BanhBaoRingTenant{} }, validTenant, []change{{url, spec("settings: {webhooks: [{url: \"" + url + "\", events: [key.created], " + ca + "}]}"), want}})
	}
}

func TestAStaticSealMovesToANewKey(t *testing.T) {
	static := func(text string) string { return spec("openbao: {autoUnseal: {provider: static, " + text + "}}") }
	const at = "spec.openbao.autoUnseal."
	testChanges(t, cluster, validCluster, []change{
		{"both keys", static("keyId: b, key: {secretName: b, key: key}, previousKeyId: a, previousKey: {secretName: a, key: key}"), nil},
		{"a name without its key", static("keyId: b, previousKeyId: a"), []string{at + "previousKey: is required: the key that previousKeyId names"}},
		{"a key without its name", static("keyId: b, previousKey: {secretName: a, key: key}"), []string{at + "previousKeyId: is required: the keyId that previousKey had"}},
		{"one name for both", static("keyId: a, key: {secretName: b, key: key}, previousKeyId: a, previousKey: {secretName: a, key: key}"), []string{at + "previousKeyId: must not be keyId: OpenBao tells the two keys apart by their names (got a); hint: give the new key a keyId of its own"}},
		{"one key for both", static("keyId: b, key: {secretName: a, key: key}, previousKeyId: a, previousKey: {secretName: a, key: key}"), []string{at + "previousKey: must not be the same as key"}},
	})
}

func TestNetworksAndPlatforms(t *testing.T) {
	testChanges(t, cluster, validCluster, []change{
		{"ports of the API server", spec("networking: {apiServerPorts: [8443, 6443]}"), nil},
		{"no ports of the API server", spec("networking: {apiServerPorts: [0, 70000, 5, 5]}"), []string{
			"spec.networking.apiServerPorts[0]: must be 1 to 65535 (got 0)", "spec.networking.apiServerPorts[1]: must be 1 to 65535 (got 70000)",
			"spec.networking.apiServerPorts[3]: must not be given twice (got 5)"}},
		{"a proxy", spec(`networking: {proxy: {https: "http://proxy.example.com:3128", noProxy: [a.example.com, .example.com, 10.0.0.0/8, 10.0.0.1]}}`), nil},
		{"a proxy without its URL", spec(`networking: {proxy: {http: "http://proxy.example.com:3128"}}`), []string{"spec.networking.proxy.https: is required: the URL of the proxy, such as http://proxy.example.com:3128"}},
		{"a proxy with a password", spec(`networking: {proxy: {https: "http://a:b@proxy.example.com:3128"}}`), []string{"spec.networking.proxy.https: must hold no user name or password"}},
		{"a proxy with a path", spec(`networking: {proxy: {https: "http://proxy.example.com:3128/a"}}`), []string{"spec.networking.proxy.https: must be a scheme, a host and a port alone"}},
		{"a pattern for no proxy", spec(`networking: {proxy: {https: "http://proxy.example.com", noProxy: ["*.example.com"]}}`), []string{"spec.networking.proxy.noProxy[0]: must be a host, a domain or a range of addresses, without scheme, port or * (got *.example.com)"}},
		{"a proxy's authority without a key", spec(`networking: {proxy: {https: "http://proxy.example.com", caCert: {secretName: a}}}`), []string{"spec.networking.proxy.caCert.key: is required: the key in the Secret"}},
		{"a platform", spec("platform: openshift"), nil},
		{"no platform", spec("platform: eks"), []string{"spec.platform: must be kubernetes or openshift (got eks)"}},
		{"a version of Kubernetes", spec(`kubeVersion: "1.29"`), nil},
		{"a version of Kubernetes in full", spec(`kubeVersion: v1.31.2-eks-1`), nil},
		{"guardrails on a Kubernetes that has none", spec("kubeVersion: v1.29.9-eks-1\nguardrails: true"), []string{"spec.guardrails: needs Kubernetes 1.30 or later, and kubeVersion names an earlier one"}},
		{"guardrails", spec("kubeVersion: \"1.30\"\nguardrails: true"), nil},
		{"guardrails on any Kubernetes", spec("guardrails: true"), nil},
		{"an old Kubernetes", spec(`kubeVersion: "1.28"`), []string{"spec.kubeVersion: must be 1.29 or later: earlier versions refuse what the stack needs (got 1.28)"}},
		{"no version of Kubernetes", spec(`kubeVersion: latest`), []string{`spec.kubeVersion: must be a version of Kubernetes, such as "1.29" (got latest)`}},
	})
}

// What has settings is on, unless it says that it is not.
func TestSettingsSwitchOnWhatTheyConfigure(t *testing.T) {
	on := func(p *bool) bool { return p != nil && *p }
	for name, c := range map[string]struct {
		text string
		is   func(*BanhBaoRingClusterSpec) bool
		want bool
	}{
		"backup: a schedule":       {"backup: {schedule: '0 3 * * *'}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Backup.Enabled) }, true},
		"backup: a destination":    {"backup: {destination: {s3: {bucket: abc}}}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Backup.Enabled) }, true},
		"backup: resources":        {"backup: {resources: {requests: {cpu: 1}}}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Backup.Enabled) }, true},
		"backup: nothing":          {"backup: {}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Backup.Enabled) }, false},
		"backup: off":              {"backup: {enabled: false, schedule: '0 3 * * *'}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Backup.Enabled) }, false},
		"alerting: Slack":          {"monitoring: {alerting: {slack: {webhookUrl: {name: a, key: b}}}}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Monitoring.Alerting.Enabled) }, true},
		"alerting: PagerDuty":      {"monitoring: {alerting: {pagerduty: {routingKey: {name: a, key: b}}}}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Monitoring.Alerting.Enabled) }, true},
		"alerting: an image":       {"monitoring: {alerting: {image: a/b:1}}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Monitoring.Alerting.Enabled) }, true},
		"alerting: nothing":        {"monitoring: {}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Monitoring.Alerting.Enabled) }, false},
		"Stripe: a key":            {"billing: {stripe: {secretKeyRef: {name: a, key: b}}}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Billing.Stripe.Enabled) }, true},
		"Stripe: nothing":          {"billing: {}", func(s *BanhBaoRingClusterSpec) bool { return on(s.Billing.Stripe.Enabled) }, false},
		"autoscaling: the most":    {"api: {autoscaling: {maxReplicas: 7}}", func(s *BanhBaoRingClusterSpec) bool { return on(s.API.Autoscaling.Enabled) }, true},
		"autoscaling: nothing":     {"api: {}", func(s *BanhBaoRingClusterSpec) bool { return on(s.API.Autoscaling.Enabled) }, false},
		"autoscaling: of the plan": {"plan: pro", func(s *BanhBaoRingClusterSpec) bool { return on(s.API.Autoscaling.Enabled) }, true},
		"auto-unseal: a provider":  {"openbao: {autoUnseal: {provider: static}}", func(s *BanhBaoRingClusterSpec) bool { return on(s.OpenBao.AutoUnseal.Enabled) }, true},
	} {
		d := decode(t, cluster(), validCluster, spec(c.text))
		if got := c.is(&d.Spec); got != c.want {
			t.Errorf("%s: on is %t", name, got)
		}
	}
}

// Every switch of the specification is under the rule: one that is off says so of
// all that is given beside it.
func TestEverySwitchIsUnderTheRule(t *testing.T) {
	switches := map[string]string{} // by path: what switches it off
	var find func(kind reflect.Type, path string)
	find = func(kind reflect.Type, path string) {
		for kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.Struct || kind == reflect.TypeFor[resource.Quantity]() || !strings.Contains(kind.PkgPath(), "banhbaoring") {
			return
		}
		for i := range kind.NumField() {
			f := kind.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch name {
			case "":
				find(f.Type, path)
			case "enabled", "managed":
				switches[path] = name
			default:
				find(f.Type, path+"."+name)
			}
		}
	}
	find(reflect.TypeFor[BanhBaoRingClusterSpec](), "spec")
	if len(switches) < 8 {
		t.Errorf("%d switches only", len(switches))
	}
	for path, name := range switches {
		text := name + ": false"
		if strings.HasSuffix(path, "autoUnseal") {
			text += ", provider: static"
		}
		parts := strings.Split(strings.TrimPrefix(path, "spec."), ".")
		for i := len(parts) - 1; i >= 0; i-- {
			text = parts[i] + ": {" + text + "}"
		}
		d := decode(t, cluster(), validCluster, spec(text))
		found := false
		for _, u := range d.Unused(false) {
			found = found || u.Fault && u.Below(path+".resources") == path+".resources" || u.Fault && u.Below(path+".provider") != ""
		}
		if !found {
			t.Errorf("%s: nothing is said of what is given beside %s: false", path, name)
		}
	}
}

// There is a field for the authority of whatever has a certificate of its own, and
// it is refused where nothing would use it.
func TestAuthoritiesOfWhatIsDialled(t *testing.T) {
	const ca = "caCert: {secretName: ca, key: ca.crt}"
	external := func(kind, more string) string {
		return spec(kind + ": {managed: false, connectionString: {secretName: a, key: url}, " + more + "}")
	}
	const unused = "is not used where managed is true; hint: set managed: false"
	testChanges(t, cluster, validCluster, []change{
		{"of a database outside", external("database", ca), nil},
		{"of a Redis outside", external("redis", ca), nil},
		{"of a database outside, without a key", external("database", "caCert: {secretName: a}"), []string{"spec.database.caCert.key: is required: the key in the Secret"}},
		{"of a database of the stack's own", spec("database: {" + ca + "}"), []string{"spec.database.caCert: " + unused}},
		{"of a Redis of the stack's own", spec("redis: {" + ca + "}"), []string{"spec.redis.caCert: " + unused}},
		{"of the stack's hosts", spec("dashboard: {" + ca + "}"), nil},
		{"of the stack's hosts, without a name", spec("dashboard: {caCert: {key: a}}"), []string{"spec.dashboard.caCert.secretName: is required: the name of a Secret"}},
		{"of a bucket", spec("backup: {destination: {s3: {bucket: abc, " + ca + "}}}"), nil},
		{"of a proxy", spec(`networking: {proxy: {https: "https://proxy.example.com", ` + ca + `}}`), nil},
		{"of a mail server", spec("email: {smtp: {host: smtp.example.com, " + ca + "}}"), nil},
	})
	hook := func(text string) string { return spec("settings: {webhooks: [{events: [key.created], " + text + "}]}") }
	testChanges(t, func() *BanhBaoRingTenant { return &BanhBaoRingTenant{} }, validTenant, []change{
		{"of a webhook", hook(`url: "https://a.example.com", ` + ca), nil},
		{"of a webhook in the clear", hook(`url: "http://a.example.com", ` + ca), []string{"spec.settings.webhooks[0].caCert: is not used where url begins with http://"}},
		{"of a webhook, in one of the stack's own Secrets", hook(`url: "https://a.example.com", caCert: {secretName: banhbaoring-ca, key: tls.key}`), []string{
			"spec.settings.webhooks[0].caCert: must not be a Secret of the stack's own, whose names begin with banhbaoring-"}},
	})
}
