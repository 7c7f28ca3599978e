package monitoring_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/components/monitoring"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// relabelling is a rule of Prometheus's, or of the Prometheus Operator's.
type relabelling struct {
	SourceLabels1 []string `json:"source_labels"`
	SourceLabels2 []string `json:"sourceLabels"`
	TargetLabel1  string   `json:"target_label"`
	TargetLabel2  string   `json:"targetLabel"`
	Regex         string
	Replacement   string
	Action        string
}

// apply does what Prometheus does. Source: prometheus, model/relabel/relabel.go.
func (r relabelling) apply(labels map[string]string) (kept bool) {
	var values []string
	for _, name := range append(r.SourceLabels1, r.SourceLabels2...) {
		values = append(values, labels[name])
	}
	regex := regexp.MustCompile("^(?s:" + r.Regex + ")$")
	value := strings.Join(values, ";")
	match := regex.FindStringSubmatchIndex(value)
	if r.Action == "drop" {
		return match == nil
	}
	if match != nil {
		labels[r.TargetLabel1+r.TargetLabel2] = string(regex.ExpandString(nil, r.Replacement, value, match))
	}
	return true
}

// openbaoRules are what is done to the metrics of OpenBao, by who scrapes them.
func openbaoRules(t *testing.T) map[string][]relabelling {
	t.Helper()
	all := map[string][]relabelling{}
	for _, u := range golden.Render(t, monitoring.Component(), "") {
		text, ok, _ := unstructured.NestedString(u.Object, "data", "prometheus.yaml")
		if !ok {
			continue
		}
		var config struct {
			ScrapeConfigs []struct {
				JobName string        `json:"job_name"`
				Rules   []relabelling `json:"metric_relabel_configs"`
			} `json:"scrape_configs"`
		}
		if err := yaml.Unmarshal([]byte(text), &config); err != nil {
			t.Fatal(err)
		}
		for _, c := range config.ScrapeConfigs {
			if c.JobName == "openbao" {
				all["Prometheus"] = c.Rules
			}
		}
	}
	for _, u := range golden.Render(t, monitoring.Component(), "monitoring: {mode: operator}") {
		if u.GetKind() != "PodMonitor" || !strings.Contains(u.GetName(), "openbao") {
			continue
		}
		text, err := yaml.Marshal(u.Object["spec"])
		if err != nil {
			t.Fatal(err)
		}
		var spec struct {
			PodMetricsEndpoints []struct {
				Rules []relabelling `json:"metricRelabelings"`
			} `json:"podMetricsEndpoints"`
		}
		if err := yaml.Unmarshal(text, &spec); err != nil {
			t.Fatal(err)
		}
		for _, e := range spec.PodMetricsEndpoints {
			if len(e.Rules) > 0 {
				all["the Prometheus Operator"] = e.Rules
			}
		}
	}
	return all
}

// A tenant is called in metrics as it is called in the spec, although OpenBao
// writes its namespace into the name of a metric, which has no hyphens.
func TestTheLabelsOfATenantReadAsItsName(t *testing.T) {
	rules := openbaoRules(t)
	if len(rules) != 2 {
		t.Fatalf("who scrapes OpenBao: %v", rules)
	}
	longest := "a" + strings.Repeat("-", 36) + "b"
	for who, rules := range rules {
		for _, tenant := range []string{"acme", "acme-corp", "a-b-c-d-e", "a--b", "tenant-a", "secp256k1", "x" + strings.Repeat("-y", 18), longest} {
			written := strings.NewReplacer("-", "_", "/", "_").Replace(jobs.TenantNamespace(tenant) + "/" + jobs.PluginName + "/")
			labels := map[string]string{"__name__": fmt.Sprintf("vault_route_update_%s_count", written)}
			for _, r := range rules {
				if !r.apply(labels) {
					t.Fatalf("%s drops %v", who, labels)
				}
			}
			if labels["tenant"] != tenant || labels["__name__"] != "vault_route_count" || labels["operation"] != "update" {
				t.Errorf("%s: tenant %s has %v", who, tenant, labels)
			}
		}
		for name, want := range map[string]string{"vault_route_update_secp256k1__count": "vault_route_count", "vault_core_active": "vault_core_active"} {
			labels := map[string]string{"__name__": name}
			for _, r := range rules {
				r.apply(labels)
			}
			if labels["tenant"] != "" || labels["__name__"] != want {
				t.Errorf("%s: %s has %v", who, name, labels)
			}
		}
	}
}
