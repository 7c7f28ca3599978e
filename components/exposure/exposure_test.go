package exposure_test

import (
	"slices"
	"testing"

	"github.com/banhbaoring/banhbaoring/components/exposure"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestGolden(t *testing.T) {
	for name, spec := range map[string]string{
		"ingress":     "",
		"issuer":      "openbao: {tls: {issuer: letsencrypt}}\nnetworking: {ingressClassName: nginx, annotations: {example.com/team: keys, nginx.ingress.kubernetes.io/backend-protocol: GRPCS}}",
		"certificate": "openbao: {tls: {secretName: vault-tls}}",
		"gateway":     "networking: {mode: gateway, gatewayRef: {name: public, namespace: infra, sectionName: https}, annotations: {example.com/team: keys}}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, exposure.Component(), name, spec) })
	}
}

func TestOnlyWhatRunsIsExposed(t *testing.T) {
	for spec, want := range map[string][]string{
		"":                             {"banhbaoring-api", "banhbaoring-dashboard", "banhbaoring-grafana", "banhbaoring-vault"},
		"dashboard: {replicas: 0}":     {"banhbaoring-api", "banhbaoring-grafana", "banhbaoring-vault"},
		"monitoring: {enabled: false}": {"banhbaoring-api", "banhbaoring-dashboard", "banhbaoring-vault"},
		"monitoring: {mode: operator}": {"banhbaoring-api", "banhbaoring-dashboard", "banhbaoring-vault"},
		"monitoring: {grafana: {enabled: false}}":                                      {"banhbaoring-api", "banhbaoring-dashboard", "banhbaoring-vault"},
		"dashboard: {replicas: 0}\nnetworking: {mode: gateway, gatewayRef: {name: g}}": {"banhbaoring-vault", "banhbaoring-api", "banhbaoring-grafana", "banhbaoring-vault"},
	} {
		var names []string
		for _, u := range golden.Render(t, exposure.Component(), spec) {
			names = append(names, u.GetName())
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s\ngot  %v\nwant %v", spec, names, want)
		}
	}
}
