package openbao_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/components/openbao"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

// parsed is OpenBao's configuration as hashicorp/hcl decodes it, which is what
// OpenBao reads it with.
type parsed struct {
	ClusterName string                        `hcl:"cluster_name"`
	Storage     []map[string][]map[string]any `hcl:"storage"`
	Seal        []map[string][]map[string]any `hcl:"seal"`
	Listener    []map[string][]map[string]any `hcl:"listener"`
}

func configOf(t *testing.T, spec string) (string, parsed) {
	t.Helper()
	for _, u := range golden.Render(t, openbao.Component(), spec) {
		if u.GetKind() != "ConfigMap" {
			continue
		}
		data, _, err := unstructured.NestedStringMap(u.Object, "data")
		if err != nil || len(data) != 1 {
			t.Fatalf("the ConfigMap holds %d files: %v", len(data), err)
		}
		for _, text := range data {
			var p parsed
			if err := hcl.Decode(&p, text); err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			return text, p
		}
	}
	t.Fatal("there is no ConfigMap")
	return "", parsed{}
}

func TestConfigurationOfEveryCaseIsHCL(t *testing.T) {
	cases := maps.Clone(whole)
	maps.Copy(cases, pods)
	for name, spec := range cases {
		t.Run(name, func(t *testing.T) {
			text, p := configOf(t, spec)
			if p.ClusterName != "test" {
				t.Errorf("cluster_name is %q", p.ClusterName)
			}
			// What the chart's entrypoint or its templates would replace.
			for _, literal := range []string{"HOSTNAME", "HOST_IP", "POD_IP", "API_ADDR", "TRANSIT_ADDR", "RAFT_ADDR", "{{", "${", "<no value>", "%!"} {
				if strings.Contains(text, literal) {
					t.Errorf("holds %s:\n%s", literal, text)
				}
			}
		})
	}
}

func TestEveryReplicaIsJoined(t *testing.T) {
	for _, replicas := range []int{1, 3, 5, 7} {
		_, p := configOf(t, fmt.Sprintf("openbao: {replicas: %d}", replicas))
		joins, _ := p.Storage[0]["raft"][0]["retry_join"].([]map[string]any)
		if len(joins) != replicas {
			t.Fatalf("%d replicas have %d retry_join", replicas, len(joins))
		}
		for i, join := range joins {
			host := fmt.Sprintf("banhbaoring-openbao-%d.banhbaoring-openbao-internal", i)
			want := map[string]any{
				"leader_api_addr":       "https://" + host + ":8200",
				"leader_ca_cert_file":   "/openbao/tls/ca.crt",
				"leader_tls_servername": host,
			}
			if !maps.Equal(join, want) {
				t.Errorf("retry_join %d is %v", i, join)
			}
		}
	}
}

func TestSealStanzaHoldsWhatTheProviderNeeds(t *testing.T) {
	for name, want := range map[string]struct {
		seal   string
		fields map[string]string
	}{
		"awskms-2-7-1":        {"awskms", map[string]string{"kms_key_id": "alias/unseal", "region": "us-east-1"}},
		"awskms-credentials":  {"awskms", map[string]string{"kms_key_id": "alias/unseal", "region": "us-east-1", "endpoint": "https://kms.example.com"}},
		"gcpkms":              {"gcpckms", map[string]string{"project": "p", "region": "global", "key_ring": "r", "crypto_key": "k"}},
		"gcpkms-account":      {"gcpckms", map[string]string{"project": "p", "region": "global", "key_ring": "r", "crypto_key": "k", "credentials": "/openbao/seal/service-account.json"}},
		"azurekv":             {"azurekeyvault", map[string]string{"tenant_id": "t", "vault_name": "v", "key_name": "k", "auth_method": "workload_identity"}},
		"azurekv-2-4-0":       {"azurekeyvault", map[string]string{"tenant_id": "t", "vault_name": "v", "key_name": "k"}},
		"azurekv-credentials": {"azurekeyvault", map[string]string{"tenant_id": "t", "vault_name": "v", "key_name": "k"}},
		"transit": {"transit", map[string]string{"address": "https://vault.example.com:8200", "mount_path": "transit", "key_name": "autounseal",
			"namespace": "admin", "token": "file:///openbao/seal/token", "tls_ca_cert": "/openbao/seal/ca.crt"}},
		"static-own": {"static", map[string]string{"current_key_id": "2026-11", "current_key": "file:///openbao/seal/key"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, p := configOf(t, pods[name])
			if len(p.Seal) != 1 || len(p.Seal[0]) != 1 {
				t.Fatalf("seals: %v", p.Seal)
			}
			got := map[string]string{}
			for field, value := range p.Seal[0][want.seal][0] {
				got[field] = value.(string)
			}
			if !maps.Equal(got, want.fields) {
				t.Errorf("got %v, want %v", got, want.fields)
			}
		})
	}
	if _, p := configOf(t, ""); len(p.Seal) != 0 {
		t.Errorf("Shamir has a seal stanza: %v", p.Seal)
	}
}

// Where clients connect, metrics need a token, and nobody rekeys without a login.
func TestWhatNeedsNoLoginIsNotWhereClientsConnect(t *testing.T) {
	for version, want := range map[string]struct{ only, rekeyOff bool }{
		"2.2.2": {false, false}, "2.4.0": {false, true}, "2.4.4": {false, true}, "2.5.0": {true, false}, "2.7.1": {true, false},
	} {
		text, _ := configOf(t, "openbao: {version: "+version+"}")
		main, metrics, two := strings.Cut(text[strings.Index(text, "listener"):strings.Index(text, "storage \"raft\"")], "# Metrics")
		switch {
		case !two || !strings.Contains(main, `"[::]:8200"`) || !strings.Contains(metrics, `"[::]:8210"`):
			t.Errorf("OpenBao %s: listeners\n%s", version, text)
		case strings.Contains(main, "unauthenticated_metrics_access") || !strings.Contains(metrics, "unauthenticated_metrics_access = true"):
			t.Errorf("OpenBao %s: metrics without a token\n%s", version, text)
		case strings.Contains(metrics, "metrics_only ") != want.only:
			t.Errorf("OpenBao %s: metrics only\n%s", version, text)
		case strings.Count(text, "disable_unauthed_rekey_endpoints = true") != map[bool]int{true: 2}[want.rekeyOff]:
			t.Errorf("OpenBao %s: rekey\n%s", version, text)
		}
	}
}

func TestAValueThatTheChartWouldReplaceIsRefused(t *testing.T) {
	for _, c := range []struct{ spec, path string }{
		{"provider: awskms, region: us-east-1, keyId: alias/HOSTNAME", "spec.openbao.autoUnseal.keyId"},
		{"provider: awskms, keyId: k, region: POD_IP", "spec.openbao.autoUnseal.region"},
		{"provider: transit, mountPath: RAFT_ADDR, keyName: k, address: 'https://v', token: {secretName: s, key: k}", "spec.openbao.autoUnseal.mountPath"},
		{"provider: gcpkms, project: p, location: l, keyRing: r, cryptoKey: HOST_IP", "spec.openbao.autoUnseal.cryptoKey"},
		{"provider: azurekv, tenantId: t, vaultName: API_ADDR, keyName: k", "spec.openbao.autoUnseal.vaultName"},
	} {
		s := golden.Stack(t, "openbao: {autoUnseal: {"+c.spec+"}}")
		_, err := render.Render(s, []render.Component{openbao.Component()})
		if err == nil {
			t.Errorf("%s is accepted", c.spec)
			continue
		}
		if faults := s.Locate(err); faults[0].Path != c.path || faults[0].Line != 8 {
			t.Errorf("%s: %v", c.spec, faults)
		}
	}
}

func TestATemplateInAValueIsRefused(t *testing.T) {
	for _, c := range []struct{ field, value string }{{"keyId", "{{ .Release.Name }}"}, {"keyId", "${x}"}, {"endpoint", "https://h/{{x}}"}, {"endpoint", "https://HOSTNAME/"}} {
		field, value := c.field, c.value
		fields := map[string]string{"keyId": "k", "region": "r", "endpoint": "https://h"}
		fields[field] = value
		text := "openbao:\n  autoUnseal:\n    provider: awskms\n"
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			text += fmt.Sprintf("    %s: %q\n", name, fields[name])
		}
		err := renderText(text)
		if err == nil || !strings.Contains(err.Error(), "spec.openbao.autoUnseal."+field+": ") {
			t.Errorf("%s %s: %v", field, value, err)
		}
	}
}

// renderText renders a cluster that may be at fault.
func renderText(spec string) error {
	text := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: test}\nspec:\n  domain: keys.example.com\n  " +
		strings.ReplaceAll(strings.TrimSpace(spec), "\n", "\n  ") + "\n"
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err != nil {
		return err
	}
	if _, err := render.Render(in.Stacks[0], []render.Component{openbao.Component()}); err != nil {
		return in.Stacks[0].Locate(err)
	}
	return nil
}
