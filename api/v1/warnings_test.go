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
	pro := spec("plan: pro\nbackup: {enabled: true, destination: {s3: {bucket: abc}}}\nopenbao: {" + sum + ", autoUnseal: {provider: gcpkms, project: a, keyRing: a, cryptoKey: a, " + sum + "}}")

	in, unseal := "spec.openbao.", "spec.openbao.autoUnseal."
	sha := "plugin.sha256: should be given: any binary in the image is trusted"
	for _, c := range []struct {
		name  string
		texts []string
		want  []string
	}{
		{"a checksum of the plugin is for the large", nil, nil},
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
			unseal + "plugin: is not used: OpenBao 2.7.1 has provider static built in",
		}},
		{"a plan of one's own for the small", []string{openbao(`replicas: 1, autoUnseal: {provider: static}`)}, nil},

		{"awskms without a region", []string{openbao(`autoUnseal: {provider: awskms, keyId: a, ` + sum + `}`)}, []string{unseal + "region: should be given: otherwise AWS_REGION must be in the pods' environment"}},
		{"a KMS plugin has a checksum", []string{pro, spec(`openbao: {autoUnseal: {plugin: {sha256: ""}}}`)}, []string{unseal + sha}},
		{"no KMS plugin before 2.7", []string{openbao(`version: 2.6.0, autoUnseal: {provider: awskms, keyId: a, region: b}`)}, []string{in + "version: should be 2.7.0 or later: 2.6 gets no fixes any more"}},
		{"a KMS plugin that nothing uses", []string{openbao(`version: 2.6.0, autoUnseal: {provider: awskms, keyId: a, region: b, plugin: {version: v0.1.0}}`)}, []string{
			in + "version: should be 2.7.0 or later: 2.6 gets no fixes any more",
			unseal + "plugin: is not used: OpenBao 2.6.0 has provider awskms built in",
		}},
		{"transit in the clear", []string{openbao(`autoUnseal: {provider: transit, address: "http://vault:8200"}`)}, []string{unseal + "address: should begin with https://: the token is sent in the clear"}},

		{"alerts that nobody hears", []string{openbao(""), spec(`monitoring: {alerting: {enabled: true}}`)}, []string{"spec.monitoring.alerting: should have slack or pagerduty: nobody hears of alerts"}},
		{"alerts that somebody hears", []string{openbao(""), spec(`monitoring: {alerting: {enabled: true, slack: {webhookUrl: {name: a, key: b}}}}`)}, nil},
		{"a public issuer behind a Gateway", []string{openbao(""), spec("openbao: {tls: {issuer: letsencrypt}}\nnetworking: {mode: gateway, gatewayRef: {name: public}}")}, []string{"spec.openbao.tls.issuer: is not used where networking.mode is gateway: the Gateway's listener has the certificate"}},
		{"backups without a place", []string{openbao(""), spec(`backup: {enabled: true}`)}, []string{"spec.backup.destination: should be given: there is no place to keep backups"}},
		{"autoscaling without a measure", []string{openbao(""), spec(`api: {autoscaling: {enabled: true}, resources: {limits: {memory: 1Gi}}}`)}, []string{"spec.api.resources.requests: should hold cpu: autoscaling measures its use"}},

		{"images that change under their name", []string{openbao(`image: a:latest`), spec(`
api: {image: a/b}
dashboard: {version: latest}
redis: {image: "a:latest", version: "8"}
monitoring: {grafana: {image: a}, prometheus: {image: "reg:5000/a"}, alerting: {image: "reg:5000/a:1"}}
jobs: {image: "` + digest + `"}
`)}, []string{
			in + "image: should not be latest: pods may run different builds",
			"spec.dashboard.version: should not be latest: pods may run different builds",
			"spec.redis.image: should not be latest: pods may run different builds",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decode(t, cluster(), append([]string{validCluster}, c.texts...)...)
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
