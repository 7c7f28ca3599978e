package exporters_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/exporters"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestExporters(t *testing.T) {
	for name, spec := range map[string]string{
		"default": "",
		"given": `
imagePullSecrets: [{name: pull}]
database: {replicas: 3, exporter: {image: registry.example.com/exporter, version: v1}, nodeSelector: {disk: ssd}, affinity: {nodeAffinity: {}}}
redis: {mode: cluster, replicas: 4, exporter: {version: v1.79.0}, tolerations: [{key: dedicated, operator: Exists}]}`,
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, exporters.Component(), name, spec) })
	}
}

func TestThereIsAnExporterOfWhatTheStackRunsAndMonitors(t *testing.T) {
	for spec, want := range map[string]int{
		"":                                  2,
		"database: {engine: cloudnativepg}": 1,
		"database: {managed: false, connectionString: {secretName: db, key: url}}": 1,
		"redis: {managed: false, connectionString: {secretName: cache, key: url}}": 1,
		"monitoring: {enabled: false}":                                             0,
		"monitoring: {mode: operator}":                                             2,
	} {
		got := 0
		for _, u := range golden.Render(t, exporters.Component(), spec) {
			if u.GetKind() == "StatefulSet" {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d exporters, want %d", spec, got, want)
		}
	}
}
