package v1

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestWarnings(t *testing.T) {
	digest := "a@sha256:" + strings.Repeat("0a", 32)
	sum := "plugin: {sha256: " + strings.Repeat("0a", 32) + "}"
	openbao := func(text string) string { return spec("openbao: {" + sum + ", " + text + "}") }
	// All that plan pro asks for.
	pro := spec("plan: pro\nbackup: {enabled: true, destination: {s3: {bucket: abc}}, encryption: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}}\nopenbao: {" + sum + ", autoUnseal: {provider: gcpkms, project: a, keyRing: a, cryptoKey: a, " + sum + "}}")

	in, unseal := "spec.openbao.", "spec.openbao.autoUnseal."
	sha := "plugin.sha256: should be given: any binary in the image is trusted"
	for _, c := range []struct {
		name  string
		texts []string
		want  []string
	}{
		{"a plugin has a checksum in every plan", nil, []string{in + sha}},
		{"whose pods may come in is said", []string{openbao(""), spec(`networking: {ingressControllerNamespace: ""}`)}, []string{
			"spec.networking.ingressControllerNamespace: should be given, the namespace of the Ingress controller's or Gateway's pods: without it OpenBao, the API, the dashboard and Grafana are reached by the pods of any namespace",
		}},
		{"where the API server is is said", []string{openbao(""), spec(`networking: {apiServerCIDRs: []}`)}, []string{
			"spec.networking.apiServerCIDRs: should be given, the addresses of the Kubernetes API server: without them whatever asks it, OpenBao above all, may connect to any address on its ports",
		}},
		{"all of OpenBao is outside", []string{openbao(""), spec(`networking: {openbao: {expose: all}}`)}, []string{
			"spec.networking.openbao.expose: should be signing: all publishes operations that need no login, such as sys/seal-status and, before OpenBao 2.5.3, sys/generate-root",
		}},
		{"a plugin has a checksum", []string{pro, spec(`openbao: {plugin: {sha256: ""}}`)}, []string{in + sha}},
		{"nothing is audited before 2.4", []string{openbao(`version: 2.3.9`)}, []string{
			in + "version: should be 2.4.0 or later: nothing is audited before",
			in + "version: should be 2.7.0 or later: 2.3 gets no fixes any more",
		}},
		{"nothing to warn of", []string{openbao("")}, nil},
		{"a digest is as good as a checksum", []string{spec(`openbao: {plugin: {image: "` + digest + `"}}`)}, nil},
		{"an old version", []string{openbao(`version: 2.6.2`)}, []string{in + "version: should be 2.7.0 or later: 2.6 gets no fixes any more"}},
		{"a candidate of a new version is not old", []string{openbao(`version: 2.7.0-beta1`)}, nil},
		{"a bad version", []string{openbao(`version: 2.5.0`)}, []string{
			in + "version: should not be 2.5.0: it cannot auto-unseal after an upgrade (openbao#2494)",
			in + "version: should be 2.7.0 or later: 2.5 gets no fixes any more",
		}},

		{"plan pro, all given", []string{pro}, nil},
		{"plan pro, nothing given", []string{openbao(`replicas: 1`), spec(`plan: pro`)}, []string{
			in + "replicas: should be 3 or more: one replica is no longer there when its node is not",
			"spec.openbao.autoUnseal: should be given: the keys that unseal are kept in a Secret of the same cluster",
			"spec.backup.enabled: should be true in plan pro: there are no backups",
		}},
		{"plan enterprise, a key beside the lock", []string{pro, spec(`{plan: enterprise, openbao: {autoUnseal: {provider: static}}}`)}, []string{
			unseal + "provider: should not be static: its key is kept in a Secret of the same cluster",
		}},
		{"a plan of one's own for the small", []string{openbao(`replicas: 1, autoUnseal: {provider: static}`)}, nil},

		{"awskms without a region", []string{openbao(`autoUnseal: {provider: awskms, keyId: a, ` + sum + `}`)}, []string{unseal + "region: should be given: otherwise AWS_REGION must be in the pods' environment"}},
		{"a KMS plugin has a checksum", []string{pro, spec(`openbao: {autoUnseal: {plugin: {sha256: ""}}}`)}, []string{unseal + sha}},
		{"no KMS plugin before 2.7", []string{openbao(`version: 2.6.0, autoUnseal: {provider: awskms, keyId: a, region: b}`)}, []string{in + "version: should be 2.7.0 or later: 2.6 gets no fixes any more"}},
		{"transit in the clear", []string{openbao(`autoUnseal: {provider: transit, address: "http://vault:8200"}`)}, []string{unseal + "address: should begin with https://: the token is sent in the clear"}},

		{"alerts that nobody hears", []string{openbao(""), spec(`monitoring: {alerting: {enabled: true}}`)}, []string{"spec.monitoring.alerting: should have slack or pagerduty: nobody hears of alerts"}},
		{"alerts that somebody hears", []string{openbao(""), spec(`monitoring: {alerting: {enabled: true, slack: {webhookUrl: {name: a, key: b}}}}`)}, nil},
		{"metrics that are gone before the dashboards have shown them", []string{openbao(""), spec(`monitoring: {prometheus: {retention: 12h30m}}`)}, []string{"spec.monitoring.prometheus.retention: should be 1d or more: the dashboards show what the last day had"}},
		{"metrics of a day", []string{openbao(""), spec(`monitoring: {prometheus: {retention: 23h60m}}`)}, nil},
		{"metrics of years", []string{openbao(""), spec(`monitoring: {prometheus: {retention: 1y2w3d}}`)}, nil},
		{"backups that only this cluster opens", []string{openbao(""), spec(`backup: {enabled: true, destination: {s3: {bucket: abc}}}`)}, []string{"spec.backup.encryption.recipients: should be given: backups cannot be read without this cluster; hint: once it runs, take its keys out with `banhbaoring recovery export`"}},
		{"backups in the clear", []string{openbao(""), spec(`backup: {enabled: true, destination: {s3: {bucket: abc}}, encryption: {mode: none}}`)}, []string{"spec.backup.encryption.mode: should not be none: who reads the bucket reads the database, and Secrets, unseal keys among them, are in no backup"}},

		{"images that change under their name", []string{openbao(`image: a:latest`), spec(`
api: {image: a/b}
dashboard: {version: latest}
redis: {image: "a:latest", version: "8"}
monitoring: {grafana: {image: a}, prometheus: {image: "reg:5000/a"}, alerting: {image: "reg:5000/a:1", slack: {webhookUrl: {name: a, key: b}}}}
jobs: {image: "` + digest + `"}
`)}, []string{
			in + "image: should not be latest: pods may run different builds",
			"spec.dashboard.version: should not be latest: pods may run different builds",
			"spec.redis.image: should not be latest: pods may run different builds",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decode(t, cluster(), append([]string{validCluster, spec("networking: {ingressControllerNamespace: ingress-nginx, apiServerCIDRs: [10.0.0.1/32]}")}, c.texts...)...)
			warnings := d.Warnings()
			if diff := cmp.Diff(c.want, printed(warnings), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			checkVoice(t, d, warnings)
		})
	}
}

func TestWarningsOfTenants(t *testing.T) {
	tenant := decode(t, &BanhBaoRingTenant{}, validTenant, spec(`settings: {webhooks: [{url: "https://a"}, {url: "http://a"}]}`))
	want := []string{"spec.settings.webhooks[1].url: should begin with https://: events are sent in the clear"}
	if diff := cmp.Diff(want, printed(tenant.Warnings())); diff != "" {
		t.Error(diff)
	}
}

func TestTenantsNeedNamespaces(t *testing.T) {
	for version, want := range map[string]struct{ fault, warning bool }{
		"2.0.0": {fault: true}, "2.2.9": {fault: true},
		"2.3.1": {warning: true}, "2.5.4": {warning: true},
		"2.5.5": {}, "2.7.1": {}, "own-build": {},
	} {
		fault, warning := TenantsNeed(version)
		if (fault != "") != want.fault || (warning != "") != want.warning {
			t.Errorf("OpenBao %s: fault %q, warning %q", version, fault, warning)
		}
		if want.warning && (!strings.Contains(warning, "GHSA-c36x-h252-g9x2") || !strings.Contains(warning, "GHSA-mwr2-wmgp-crj6")) {
			t.Errorf("OpenBao %s: the warning names no advisories: %s", version, warning)
		}
	}
}
