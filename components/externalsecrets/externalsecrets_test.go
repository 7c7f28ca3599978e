package externalsecrets_test

import (
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/components/externalsecrets"
	"github.com/banhbaoring/banhbaoring/golden"
)

const store = "secrets: {externalSecrets: {storeRef: {name: aws, kind: ClusterSecretStore}, prefix: keys/, refreshInterval: 30m}}\n"

func TestGolden(t *testing.T) {
	golden.Component(t, externalsecrets.Component(), "full", store+`
openbao: {autoUnseal: {provider: awskms, keyId: alias/unseal, credentials: {accessKeyId: {name: aws, key: access-key-id}, secretAccessKey: {name: aws, key: secret-access-key}}}}
api: {oauth: {github: {clientId: {name: oauth, key: id}, clientSecret: {name: oauth, key: secret}}}}
database: {managed: false, connectionString: {name: external-db, key: url}}
monitoring:
  grafana: {adminPassword: {name: grafana-admin, key: password}}
  alerting: {enabled: true, slack: {webhookUrl: {name: slack, key: url}}, pagerduty: {routingKey: {name: pagerduty, key: routing-key}}}
backup: {enabled: true, destination: {s3: {bucket: backups, credentials: {name: aws}}}}
billing: {stripe: {enabled: true, secretKeyRef: {name: stripe, key: secret-key}, webhookSecretRef: {name: stripe, key: webhook-secret}}}`)
}

func TestWhatTheStackMakesItselfComesFromNowhereElse(t *testing.T) {
	if objects := golden.Render(t, externalsecrets.Component(), store+"openbao: {autoUnseal: {provider: static}}"); len(objects) > 0 {
		t.Errorf("%d objects", len(objects))
	}
}

func TestALongSecretNameIsShortenedInTheObjectsOwn(t *testing.T) {
	long := strings.Repeat("a", 60)
	objects := golden.Render(t, externalsecrets.Component(), store+
		"openbao: {autoUnseal: {provider: static, key: {name: "+long+"b, key: k}}}\nredis: {managed: false, connectionString: {name: "+long+"c, key: k}}")
	if len(objects) != 2 || objects[0].GetName() == objects[1].GetName() || len(objects[0].GetName()) > 63 {
		t.Errorf("got %s and %s", objects[0].GetName(), objects[1].GetName())
	}
}
