package monitoring_test

import (
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/components/monitoring"
	"github.com/banhbaoring/banhbaoring/golden"
)

const receivers = `
monitoring:
  alerting:
    enabled: true
    slack: {webhookUrl: {secretName: slack-webhook, key: url}}
    pagerduty: {routingKey: {secretName: pagerduty, key: routing-key}}
`

func TestMonitoring(t *testing.T) {
	for name, spec := range map[string]string{
		"default":     "",
		"alerting":    receivers,
		"operator":    "monitoring: {mode: operator}",
		"signer":      "signer: {enabled: true}",
		"openbao-2.4": "openbao: {version: 2.4.0}\ndatabase: {managed: false, connectionString: {name: db, key: url}}\nmonitoring: {grafana: {enabled: false}, prometheus: {retention: 90d, storage: {size: 200Gi, storageClass: fast}}}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, monitoring.Component(), name, spec) })
	}
}

func TestReceiversAreThoseOfTheSpec(t *testing.T) {
	for _, c := range []struct {
		name, spec    string
		with, without []string
	}{
		{"none", "monitoring: {alerting: {enabled: true}}", []string{"- name: default"}, []string{"slack", "pagerduty"}},
		{"slack", "monitoring: {alerting: {enabled: true, slack: {webhookUrl: {name: chat, key: hook}}}}",
			[]string{"api_url_file: /etc/alertmanager/slack/url", "key: hook", "name: chat"}, []string{"pagerduty"}},
		{"pagerduty", "monitoring: {alerting: {enabled: true, pagerduty: {routingKey: {name: pager, key: k}}}}",
			[]string{"routing_key_file: /etc/alertmanager/pagerduty/routing-key", "name: pager"}, []string{"slack"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := golden.Render(t, monitoring.Component(), c.spec).YAML()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.with {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %q", want)
				}
			}
			for _, unwanted := range c.without {
				if strings.Contains(string(text), unwanted) {
					t.Errorf("%q", unwanted)
				}
			}
		})
	}
}

func TestWithoutMonitoringThereIsNone(t *testing.T) {
	if objects := golden.Render(t, monitoring.Component(), "monitoring: {enabled: false}"); len(objects) > 0 {
		t.Errorf("%d objects", len(objects))
	}
}
