package dashboard_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/dashboard"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestGolden(t *testing.T) {
	for name, spec := range map[string]string{
		"default": "",
		"one-pod": "dashboard: {replicas: 1}",
		"full":    "imagePullSecrets: [{name: registry}]\ndashboard: {replicas: 3, version: 1.2.0, nodeSelector: {pool: web}}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, dashboard.Component(), name, spec) })
	}
}

func TestWithoutReplicasThereIsNone(t *testing.T) {
	if objects := golden.Render(t, dashboard.Component(), "dashboard: {replicas: 0}"); len(objects) > 0 {
		t.Errorf("%d objects", len(objects))
	}
}
