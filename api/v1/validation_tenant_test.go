package v1

import (
	"strings"
	"testing"
)

func TestTenants(t *testing.T) {
	n := strings.Repeat("n", 39)
	testChanges(t, func() *BanhBaoRingTenant { return &BanhBaoRingTenant{} }, validTenant, []change{
		{"the smallest document is valid", `{}`, nil},
		{"a name leaves room for what is derived", `{metadata: {name: ` + n[:38] + `}}`, nil},
		{"a name that leaves no room", `{metadata: {name: ` + n + `}}`, []string{"metadata.name: must be at most 38 characters, so that banhbaoring-tenant-<name>-admin stays within 63 (got " + n + ")"}},
		{"a namespace is a label", `{metadata: {name: "", namespace: A}}`, []string{
			"metadata.name: is required: such as acme-corp",
			"metadata.namespace: " + mustBeLabel + " (got A)",
		}},
		{"a tenant has a cluster and an admin", spec("clusterRef: {name: \"\"}\nadmin: {email: \"\", password: {name: a}}"), []string{
			"spec.clusterRef.name: is required: the name of the object",
			"spec.admin.email: is required: the e-mail address of the tenant's first user",
			"spec.admin.password.key: is required: the key in the Secret",
		}},
		{"an address stands alone", spec(`admin: {email: "Admin <admin@example.com>"}`), []string{"spec.admin.email: must be an e-mail address alone, such as admin@example.com (got Admin <admin@example.com>)"}},
		{"an address has a host", spec(`admin: {email: admin}`), []string{"spec.admin.email: must be an e-mail address alone, such as admin@example.com (got admin)"}},
		{"a plan is known", spec(`plan: gold`), []string{"spec.plan: must be free, starter, pro or enterprise (got gold)"}},
		{"quotas are within the plan", spec("plan: pro\nquotas: {keys: 25, signaturesPerMonth: 0, namespaces: 6, teamMembers: -1}"), []string{
			"spec.quotas.namespaces: must be at most 5, the limit of plan pro (got 6); hint: allowOverPlan: true permits more",
			"spec.quotas.teamMembers: must be 0 or more (got -1)",
		}},
		{"every quota is checked", spec("quotas: {keys: 6, signaturesPerMonth: 10001, namespaces: 2, teamMembers: 2, apiKeys: 3}"), []string{
			"spec.quotas.keys: must be at most 5, the limit of plan free (got 6); hint: allowOverPlan: true permits more",
			"spec.quotas.signaturesPerMonth: must be at most 10000, the limit of plan free (got 10001); hint: allowOverPlan: true permits more",
			"spec.quotas.namespaces: must be at most 1, the limit of plan free (got 2); hint: allowOverPlan: true permits more",
			"spec.quotas.teamMembers: must be at most 1, the limit of plan free (got 2); hint: allowOverPlan: true permits more",
			"spec.quotas.apiKeys: must be at most 2, the limit of plan free (got 3); hint: allowOverPlan: true permits more",
		}},
		{"quotas exceed the plan where that is said", spec("allowOverPlan: true\nquotas: {keys: 6, apiKeys: 3}"), nil},
		{"keys are in order", spec(`
plan: pro
keys:
- name: batcher
  type: evm
  policy: {rules: [{chain: 1, to: any, selectors: any}]}
  nonceGuard: sameContent
  clients: [{name: op-batcher, auth: mtls, namespace: rollup}]
- {name: sequencer, type: evm, policy: {blocks: {chainIDs: [901]}}, fence: {lease: 4s}, clients: [{name: op-batcher, auth: mtls, namespace: rollup}]}
- {name: poster, type: cosmos, policy: {chains: [a]}}`), nil},
		{"keys are not in order", spec(`
keys:
- {name: Batcher, type: raw, policy: [], fence: {lease: 100ms}, nonceGuard: twice, clients: [{name: A, auth: password, namespace: B}, {name: b}, {name: c, auth: mtls, namespace: rollup}]}
- {name: poster, type: cosmos, fence: {lease: ""}, nonceGuard: sameContent, clients: [{name: c, auth: apiKey, namespace: rollup}, {name: c, auth: apiKey, namespace: rollup}]}
- {name: poster, type: "", policy: {}}
- {name: d, type: evm, policy: {}}
- {name: e, type: evm, policy: {}}
- {name: f, type: evm, policy: {}}`), []string{
			"spec.keys[0].name: " + mustBeLabel + " (got Batcher)",
			"spec.keys[0].type: must be evm or cosmos (got raw)",
			"spec.keys[0].policy: must be a mapping, such as rules and fees: see docs/policies.md",
			"spec.keys[0].fence.lease: must be a duration of 1s to 1m0s, such as 4s (got 100ms)",
			"spec.keys[0].nonceGuard: must be sameContent or sameRecipient (got twice)",
			"spec.keys[0].clients[0].name: " + mustBeLabel + " (got A)",
			"spec.keys[0].clients[0].auth: must be mtls or apiKey (got password)",
			"spec.keys[0].clients[0].namespace: " + mustBeLabel + " (got B)",
			"spec.keys[0].clients[1].auth: is required: mtls or apiKey",
			"spec.keys[0].clients[1].namespace: is required: the namespace whose pods may connect",
			"spec.keys[1].policy: is required: what the key may sign, such as rules and fees: see docs/policies.md",
			"spec.keys[1].fence.lease: is required: such as 4s",
			"spec.keys[1].fence: must not be given for a key of type cosmos, which signs no blocks",
			"spec.keys[1].nonceGuard: must not be given for a key of type cosmos, which has no nonces",
			"spec.keys[1].clients[0]: must be as client c of an earlier key: it is one program with one credential",
			"spec.keys[1].clients[1]: must be as client c of an earlier key: it is one program with one credential",
			"spec.keys[1].clients[1]: must not be given twice (got c)",
			"spec.keys[2].type: is required: evm or cosmos",
			"spec.keys[2]: must not be given twice (got poster)",
			"spec.keys: must be at most 5, which quotas.keys or else the plan allows",
		}},
		{"a credential is delivered to a namespace of the client's own", `{metadata: {namespace: keys}, spec: {keys: [
  {name: a, type: evm, policy: {}, clients: [
    {name: a, auth: mtls, namespace: rollup, deliver: true}, {name: b, auth: mtls, namespace: keys, deliver: true},
    {name: c, auth: mtls, namespace: keys}, {name: d, auth: mtls, namespace: default, deliver: true}, {name: e, auth: mtls, namespace: kube-system, deliver: true}]},
  {name: b, type: evm, policy: {}, clients: [{name: a, auth: mtls, namespace: rollup}]}]}}`, []string{
			"spec.keys[0].clients[1].deliver: must not be given in the stack's own namespace, where the credential is anyway",
			"spec.keys[0].clients[3].deliver: must not be given in namespace default, where the tenants Job would have the right to create Secrets; hint: give the client a namespace of its own",
			"spec.keys[0].clients[4].namespace: must be the namespace of the client's own pods: all pods there may connect to the signer (got kube-system)",
			"spec.keys[1].clients[0]: must be as client a of an earlier key: it is one program with one credential",
		}},
		{"a client's name leaves room for its Secret's", spec(`keys: [{name: a, type: evm, policy: {}, clients: [{name: ` + strings.Repeat("c", 60) + `, auth: mtls, namespace: r}]}]`), []string{
			"spec.keys[0].clients[0].name: must be at most 32 characters, so that banhbaoring-tenant-acme.client.<name> stays within 63 (got " + strings.Repeat("c", 60) + ")",
		}},
		{"API keys are in order", spec(`
apiKeys:
- {name: sequencer}
- {name: sequencer, role: root}
- {name: ""}
`), []string{
			"spec.apiKeys[1].role: must be admin, signer or auditor (got root)",
			"spec.apiKeys[2].name: is required: such as sequencer",
			"spec.apiKeys[1]: must not be given twice (got sequencer)",
			"spec.apiKeys: must be at most 2, which quotas.apiKeys or else the plan allows",
		}},
		{"an API key's name leaves room for its Secret's", `{metadata: {name: ` + n[:38] + `}, spec: {apiKeys: [{name: abcde}, {name: abcdef}]}}`, []string{
			"spec.apiKeys[1].name: must be at most 5 characters, so that banhbaoring-tenant-" + n[:38] + ".<name> stays within 63 (got abcdef)",
		}},
		{"a tenant does not name the stack's own Secrets", spec(`
admin: {email: a@example.com, password: {name: banhbaoring-openbao-keys, key: unseal-keys}}
settings: {webhooks: [{url: "https://example.com", events: [key.created], secret: {name: banhbaoring-ca, key: tls.key}}]}
`), []string{
			"spec.admin.password: must not be a Secret of the stack's own, whose names begin with banhbaoring-",
			"spec.settings.webhooks[0].secret: must not be a Secret of the stack's own, whose names begin with banhbaoring-",
		}},
		{"enterprise has no limits", spec("plan: enterprise\nquotas: {keys: 1000000}"), nil},
		{"settings are in order", spec(`settings: {auditRetentionDays: -1, allowedIPRanges: [192.168.1.0/24, 192.168.1.7/24]}`), []string{
			"spec.settings.auditRetentionDays: must be 1 or more (got -1)",
			"spec.settings.allowedIPRanges[1]: must begin with the range's first address (got 192.168.1.7/24); hint: write 192.168.1.0/24",
		}},
		{"webhooks are called on events", spec(`
settings:
  webhooks:
  - {url: "http://example.com/hook", events: [key.created, key.signed_many.times]}
  - {events: []}
  - {url: example.com, events: [key, Key.created, key.created, key.created], secret: {name: a}}
`), []string{
			"spec.settings.webhooks[1].url: is required: the URL that is called, such as https://example.com/hook",
			"spec.settings.webhooks[1].events: is required: the events that the URL is called on, such as key.created",
			"spec.settings.webhooks[2].url: " + mustBeURL,
			"spec.settings.webhooks[2].events[0]: must be an event, such as key.created (got key)",
			"spec.settings.webhooks[2].events[1]: must be an event, such as key.created (got Key.created)",
			"spec.settings.webhooks[2].events[3]: must not be given twice (got key.created)",
			"spec.settings.webhooks[2].secret.key: is required: the key in the Secret",
		}},
	})
}

func TestBackups(t *testing.T) {
	n := strings.Repeat("n", 28)
	testChanges(t, func() *BanhBaoRingBackup { return &BanhBaoRingBackup{} }, validBackup, []change{
		{"the smallest document is valid", `{}`, nil},
		{"a name leaves room for a Job's pods", `{metadata: {name: ` + n[:27] + `}}`, nil},
		{"a name that leaves no room", `{metadata: {name: ` + n + `}}`, []string{"metadata.name: must be at most 27 characters, so that banhbaoring-backup-<name>-0123456789-abcde stays within 63 (got " + n + ")"}},
		{"all is checked", spec(`
clusterRef: {name: ""}
type: partial
components: [openbao, openbao, redis]
destination: {s3: {bucket: A, prefix: a}}
`), []string{
			"spec.clusterRef.name: is required: the name of the object",
			"spec.type: must be full or incremental (got partial)",
			"spec.components[2]: must be openbao, database or secrets (got redis)",
			"spec.components[1]: must not be given twice (got openbao)",
			"spec.destination.s3.bucket: must be 3 to 63 lower-case letters, digits, hyphens and dots, and begin and end with a letter or digit (got A)",
			"spec.destination.s3.prefix: must end with /, and not begin with it (got a); hint: write a/",
		}},
	})
}

func TestRestores(t *testing.T) {
	n := strings.Repeat("n", 27)
	testChanges(t, func() *BanhBaoRingRestore { return &BanhBaoRingRestore{} }, validRestore, []change{
		{"the smallest document is valid", `{}`, nil},
		{"a name leaves room for a Job's pods", `{metadata: {name: ` + n[:26] + `}}`, nil},
		{"a name that leaves no room", `{metadata: {name: ` + n + `}}`, []string{"metadata.name: must be at most 26 characters, so that banhbaoring-restore-<name>-0123456789-abcde stays within 63 (got " + n + ")"}},
		{"a source is enough", spec("backupRef: null\nsource: {gcs: {bucket: abc, prefix: a/}}"), nil},
		{"a source is a folder", spec("backupRef: null\nsource: {gcs: {bucket: abc}}"), []string{"spec.source.gcs.prefix: is required: the folder of the backup, such as production/20260102t020000z/"}},
		{"something is restored", spec("clusterRef: {name: A}\nbackupRef: null\ncomponents: [all]"), []string{
			"spec.clusterRef.name: " + mustBeSubdomain + " (got A)",
			"spec.backupRef: is required: the backup to restore, or source: the place where one lies",
			"spec.components[0]: must be openbao, database or secrets (got all)",
		}},
		{"one thing is restored", spec("backupRef: {name: \"\"}\nsource: {s3: {}}"), []string{
			"spec.source: must not be given together with backupRef",
			"spec.source.s3.bucket: is required: the bucket's name",
			"spec.backupRef.name: is required: the name of the object",
			"spec.source.s3.prefix: is required: the folder of the backup, such as production/20260102t020000z/",
		}},
	})
}
