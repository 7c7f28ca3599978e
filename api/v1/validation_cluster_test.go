package v1

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	mustBeImage = "must be an image, such as registry.example.com/team/app:1.0.0"
	mustBeHost  = "must be a host name in lower case, without scheme, port, path or trailing dot"
	mustBeURL   = "must be a URL with a host whose scheme is https or http"
)

func cluster() *BanhBaoRingCluster { return &BanhBaoRingCluster{} }

// spec wraps lines of a spec, indented by nothing, into a document.
func spec(text string) string {
	return "spec:\n  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

func TestBasics(t *testing.T) {
	name40 := strings.Repeat("n", 40)
	testChanges(t, cluster, validCluster, []change{
		{"the smallest document is valid", `{}`, nil},
		{"a name is required", `{metadata: {name: ""}}`, []string{"metadata.name: is required: such as production"}},
		{"a name of 63 characters is the value of a label", `{metadata: {name: ` + strings.Repeat("n", 63) + `}}`, nil},
		{"a name of 64 characters is not", `{metadata: {name: ` + strings.Repeat("n", 64) + `}}`, []string{"metadata.name: must be at most 63 characters (got " + strings.Repeat("n", 64) + ")"}},
		{"a name has no dots", `{metadata: {name: a.b}}`, []string{"metadata.name: " + mustBeLabel + " (got a.b)"}},
		{"a namespace leaves room for what is derived", `{metadata: {namespace: ` + name40[:38] + `}}`, nil},
		{"a namespace that leaves no room", `{metadata: {namespace: ` + name40[:39] + `}}`, []string{"metadata.namespace: must be at most 38 characters, so that banhbaoring-<namespace>-token-review stays within 63 (got " + name40[:39] + ")"}},

		{"a domain is required", spec(`domain: ""`), []string{"spec.domain: is required: the host name of the dashboard, such as keys.example.com"}},
		{"a domain is no URL", spec(`domain: https://Keys.Example.com:8443/x?y`), []string{"spec.domain: " + mustBeHost + " (got https://Keys.Example.com:8443/x?y); hint: write keys.example.com"}},
		{"a domain does not end with a dot", spec(`domain: keys.example.com.`), []string{"spec.domain: " + mustBeHost + " (got keys.example.com.); hint: write keys.example.com"}},
		{"a domain has no wildcard", spec(`domain: "*.example.com"`), []string{"spec.domain: " + mustBeHost + " (got *.example.com)"}},
		{"a domain has a dot", spec(`domain: keys`), []string{"spec.domain: must have a dot, as keys.example.com has: a single word is no name that a certificate or an Ingress can be for (got keys)"}},
		{"a domain is no address", spec(`domain: 10.0.0.1`), []string{"spec.domain: " + mustBeHost + " (got 10.0.0.1)"}},
		{"a label of a domain has 63 characters at most", spec(`domain: ` + strings.Repeat("n", 64) + `.com`), []string{"spec.domain: " + mustBeHost + " (got " + strings.Repeat("n", 64) + ".com)"}},
		{"a domain leaves room for grafana", spec(`domain: ` + strings.Repeat("n.", 122) + `n`), nil},
		{"a domain that leaves no room for grafana", spec(`domain: ` + strings.Repeat("n.", 122) + `nn`), []string{"spec.domain: must be at most 245 characters, so that grafana.<domain> stays within 253 (got " + strings.Repeat("n.", 122) + "nn)"}},

		{"replicas is another way to write openbao.replicas", spec(`replicas: 5`), nil},
		{"replicas is reported where it is written", spec(`replicas: 4`), []string{"spec.replicas: must be 1, 3, 5 or 7 (got 4)"}},
		{"openbao.replicas is odd", spec(`openbao: {replicas: 0}`), []string{"spec.openbao.replicas: must be 1, 3, 5 or 7 (got 0)"}},
		{"the two ways to write replicas agree", spec("replicas: 3\nopenbao: {replicas: 5}"), []string{"spec.replicas: must equal openbao.replicas, 5, where both are given (got 3)"}},

		{"a registry may have a port and a path", spec(`imageRegistry: localhost:5000/a/b/`), nil},
		{"a registry has no scheme", spec(`imageRegistry: https://registry.example.com/a`), []string{"spec.imageRegistry: must be a registry's host and a path, such as registry.example.com/mirror (got https://registry.example.com/a); hint: write registry.example.com/a"}},
		{"a registry is no folder of Docker Hub", spec(`imageRegistry: mirror`), []string{"spec.imageRegistry: must be a registry's host and a path, such as registry.example.com/mirror (got mirror); hint: write docker.io/mirror, or the port of a host that has no dot in its name"}},
		{"a registry's path is lower case", spec(`imageRegistry: registry.example.com/A`), []string{"spec.imageRegistry: must be a registry's host and a path, such as registry.example.com/mirror (got registry.example.com/A)"}},
		{"pull secrets have names", spec(`imagePullSecrets: [{name: a.b}, {name: ""}, {name: A}]`), []string{
			"spec.imagePullSecrets[1].name: is required: the name of the object",
			"spec.imagePullSecrets[2].name: " + mustBeSubdomain + " (got A)",
		}},

		{"an API has a replica", spec(`api: {replicas: 0}`), []string{"spec.api.replicas: must be 1 or more (got 0)"}},
		{"a dashboard may be left out", spec(`dashboard: {replicas: 0}`), nil},
		{"a dashboard has no negative replicas", spec(`dashboard: {replicas: -1}`), []string{"spec.dashboard.replicas: must be 0 or more (got -1)"}},
		{"a signer has defaults", spec(`signer: {enabled: true}`), nil},
		{"a signer has a replica, namespaces with names, and each once", spec(`signer: {replicas: 0, clientNamespaces: [rollup, Rollup, rollup, kube-system, default]}`), []string{
			"spec.signer.replicas: must be 1 or more (got 0)",
			"spec.signer.clientNamespaces[1]: " + mustBeLabel + " (got Rollup)",
			"spec.signer.clientNamespaces[3]: must be the namespace of the client's own pods: all pods there may connect to the signer (got kube-system)",
			"spec.signer.clientNamespaces[2]: must not be given twice (got rollup)",
		}},
		{"a signer needs namespaces and keys with policies", spec("signer: {enabled: true}\nopenbao: {version: 2.2.0, plugin: {version: 1.0.0}}"), []string{
			"spec.signer.enabled: needs namespaces, which OpenBao has from 2.3 on, and openbao.version names an earlier one",
			"spec.signer.enabled: needs keys with policies, which the secrets engine has from 1.1.0 on, and openbao.plugin.version names an earlier one",
		}},
		{"autoscaling has a range", spec(`api: {autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 2, targetCPU: 101}}`), []string{
			"spec.api.autoscaling.maxReplicas: must be at least minReplicas, which is 3 (got 2)",
			"spec.api.autoscaling.targetCPU: must be 1 to 100, in percent of the CPU request (got 101)",
		}},
		{"autoscaling has no negative numbers", spec(`api: {autoscaling: {enabled: true, minReplicas: 0, maxReplicas: -1, targetCPU: -1}}`), []string{
			"spec.api.autoscaling.minReplicas: must be 1 or more (got 0)",
			"spec.api.autoscaling.maxReplicas: must be 1 or more (got -1)",
			"spec.api.autoscaling.targetCPU: must be 1 to 100, in percent of the CPU request (got -1)",
		}},
		{"migrations have a command", spec(`api: {migrations: {command: []}}`), []string{"spec.api.migrations.command: is required: the command that prepares the database"}},
		{"a mail server has a name and says who sends", spec(`email: {smtp: {host: smtp.example.com}}`), nil},
		{"a mail server is in order", spec(`email: {smtp: {host: "smtp.example.com:25", port: 70000, tls: ssl, from: Keys <keys@example.com>, username: {name: a, key: b}}}`), []string{
			"spec.email.smtp.host: must be a host name or an address alone, such as smtp.example.com (got smtp.example.com:25)",
			"spec.email.smtp.port: must be 1 to 65535 (got 70000)",
			"spec.email.smtp.tls: must be starttls, implicit or none (got ssl)",
			"spec.email.smtp.from: must be an e-mail address alone, such as keys@example.com (got Keys <keys@example.com>)",
			"spec.email.smtp.password: is required: the password of username",
		}},
		{"a password is not sent in the clear", spec(`email: {smtp: {host: a.example.com, tls: none, username: {name: a, key: b}, password: {name: a, key: c}}}`), []string{
			"spec.email.smtp.password: must not be given with tls: none, which sends it in the clear",
		}},
		{"stripe has a key", spec(`billing: {stripe: {enabled: true}}`), []string{"spec.billing.stripe.secretKeyRef: is required: the key of a Secret that holds Stripe's API key"}},
		{"jobs are known, and run again for a value", spec(`rerun: {secrets: a, init: a, peers: a, configure: a, tenants: a, backup: "", openbao: ""}`), []string{
			"spec.rerun[backup]: is required: any value that it did not have before, such as today's date",
			"spec.rerun[openbao]: must be secrets, init, peers, redis, configure, tenants or backup (got openbao)",
			"spec.rerun[openbao]: is required: any value that it did not have before, such as today's date",
		}},
	})
}

func TestSecretReferences(t *testing.T) {
	at := "spec.monitoring.grafana.adminPassword"
	ref := func(text string) string { return spec(`monitoring: {grafana: {adminPassword: ` + text + `}}`) }
	testChanges(t, cluster, validCluster, []change{
		{"the name may be written as name", ref(`{name: a, key: b}`), nil},
		{"the name may be written as secretName", ref(`{secretName: a.b, key: B_.c-}`), nil},
		{"the name may be written twice", ref(`{secretName: a, name: a, key: b}`), nil},
		{"the two names agree", ref(`{secretName: a, name: b, key: c}`), []string{at + ".name: must equal secretName where both are given; hint: one of the two is enough"}},
		{"name and key are required", ref(`{}`), []string{
			at + ".secretName: is required: the name of a Secret",
			at + ".key: is required: the key in the Secret",
		}},
		{"a faulty name is reported where it is written", ref(`{name: A, key: b}`), []string{
			at + ".name: must be the name of a Secret: lower-case letters, digits, hyphens and dots, and begin and end with a letter or digit",
		}},
		{"a faulty secretName and key", ref(`{secretName: A, key: b/c}`), []string{
			at + ".secretName: must be the name of a Secret: lower-case letters, digits, hyphens and dots, and begin and end with a letter or digit",
			at + ".key: must be a key in a Secret: letters, digits, hyphens, underscores and dots",
		}},
		{"a reference to a whole Secret needs no key", spec(`backup: {destination: {gcs: {bucket: abc, credentials: {name: a}}}}`), nil},
		{"every reference is checked", spec(`
billing: {stripe: {secretKeyRef: {name: a}, webhookSecretRef: {name: a}}}
api: {oauth: {github: {clientId: {name: a, key: b}, clientSecret: {name: a}}, google: {clientId: {}, clientSecret: {name: a, key: b}}}}
database: {managed: false, connectionString: {name: a}}
redis: {managed: false, connectionString: {name: a}}
monitoring: {alerting: {slack: {webhookUrl: {name: a}}, pagerduty: {routingKey: {name: a}}}}
backup: {encryption: {identitySecret: {name: a}}, destination: {s3: {bucket: abc, credentials: {}}}}
`), []string{
			"spec.api.oauth.github.clientSecret.key: is required: the key in the Secret",
			"spec.api.oauth.google.clientId.secretName: is required: the name of a Secret",
			"spec.api.oauth.google.clientId.key: is required: the key in the Secret",
			"spec.database.connectionString.key: is required: the key in the Secret",
			"spec.redis.connectionString.key: is required: the key in the Secret",
			"spec.monitoring.alerting.slack.webhookUrl.key: is required: the key in the Secret",
			"spec.monitoring.alerting.pagerduty.routingKey.key: is required: the key in the Secret",
			"spec.backup.destination.s3.credentials.secretName: is required: the name of a Secret",
			"spec.backup.encryption.identitySecret.key: is required: the key in the Secret",
			"spec.billing.stripe.secretKeyRef.key: is required: the key in the Secret",
			"spec.billing.stripe.webhookSecretRef.key: is required: the key in the Secret",
		}},
	})
}

func TestWorkloads(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	mustBeValue := "must be at most 63 letters, digits, hyphens, underscores and dots, and begin and end with a letter or digit"
	changes := []change{
		{"a version is a tag", spec(`api: {version: "1/2"}`), []string{"spec.api.version: must be usable as an image's tag: letters, digits, underscores, dots and hyphens (got 1/2)"}},
		{"a fault of a version is none of the image that it ends", spec(`jobs: {version: "a b"}`), []string{"spec.jobs.version: must be usable as an image's tag: letters, digits, underscores, dots and hyphens (got a b)"}},

		{"requests stay within limits", spec(`api: {resources: {requests: {cpu: 2, memory: 1Gi}, limits: {cpu: 1500m, memory: 1024Mi}}}`), []string{"spec.api.resources.requests[cpu]: must be at most the limit, 1500m (got 2)"}},
		{"a program can start within its memory", spec(`
openbao: {resources: {requests: {memory: 24Mi}, limits: {memory: 24Mi}}}
database: {resources: {requests: {memory: 24Mi}, limits: {memory: 24Mi}}}
redis: {resources: {requests: {memory: 8Mi}, limits: {memory: 8Mi}}}
monitoring: {prometheus: {resources: {requests: {memory: 24Mi}, limits: {memory: 24Mi}}}}`), []string{
			"spec.openbao.resources.limits[memory]: must be 64Mi or more: the program cannot start with less (got 24Mi)",
			"spec.database.resources.limits[memory]: must be 64Mi or more: the program cannot start with less (got 24Mi)",
			"spec.redis.resources.limits[memory]: must be 16Mi or more: the program cannot start with less (got 8Mi)",
			"spec.monitoring.prometheus.resources.limits[memory]: must be 64Mi or more: the program cannot start with less (got 24Mi)",
		}},
		{"quantities are not negative", spec(`jobs: {resources: {requests: {cpu: -1}, limits: {memory: -1Gi}}}`), []string{
			"spec.jobs.resources.requests[cpu]: must not be negative (got -1)",
			"spec.jobs.resources.limits[memory]: must not be negative (got -1Gi)",
		}},
		{"quantities can be counted", spec(`api: {resources: {requests: {cpu: 1e999999999}, limits: {cpu: 1e999999996}}}`), []string{
			"spec.api.resources.requests[cpu]: must be less than 8Ei (got 1e999999999)",
			"spec.api.resources.limits[cpu]: must be less than 8Ei (got 1e999999996)",
		}},
		{"volumes can be counted", spec(`database: {storage: {size: 1e999999999}}`), []string{"spec.database.storage.size: must be less than 8Ei (got 1e999999999)"}},
		{"resources have known names", spec(`redis: {resources: {requests: {cpus: 1, hugepages-2Mi: 2Mi, example.com/device: 1, ephemeral-storage: 1Gi}}}`), []string{
			"spec.redis.resources.requests[cpus]: must be cpu, memory, ephemeral-storage or a name such as example.com/device (got cpus)",
		}},
		{"devices are not claimed", spec(`backup: {destination: {s3: {bucket: abc}}, resources: {claims: [{name: gpu}]}}`), []string{"spec.backup.resources.claims: must not be given: the pods claim no devices"}},

		{"node labels are labels", spec(`database: {nodeSelector: {"a b": c, example.com/role: "d e", disk: ssd}}`), []string{
			"spec.database.nodeSelector[a b]: must have a key such as role or example.com/role (got a b)",
			"spec.database.nodeSelector[example.com/role]: " + mustBeValue + " (got d e)",
		}},
		{"tolerations are taints", spec(`
openbao:
  tolerations:
  - {operator: Exists}
  - {key: a, value: b, effect: NoExecute, tolerationSeconds: 1}
  - {effect: NoSchedule, operator: Equals}
  - {key: a/b/c, operator: Exists, value: b, effect: Never, tolerationSeconds: 1}
`), []string{
			"spec.openbao.tolerations[2].operator: must be Equal or Exists (got Equals)",
			"spec.openbao.tolerations[2].key: is required: a taint's key, unless operator is Exists",
			"spec.openbao.tolerations[3].effect: must be NoSchedule, PreferNoSchedule or NoExecute (got Never)",
			"spec.openbao.tolerations[3].key: must be a key such as role or example.com/role (got a/b/c)",
			"spec.openbao.tolerations[3].value: must not be given where operator is Exists",
			"spec.openbao.tolerations[3].tolerationSeconds: must not be given unless effect is NoExecute",
		}},
	}
	for _, image := range []string{"a", "a/b", "a:1", "reg:5000/a/b__c/d-e.f:v1.0", "[::1]:5000/a", "Reg.example.com/a", "a@" + digest, "a:1@" + digest} {
		changes = append(changes, change{"image " + image, spec(`dashboard: {image: "` + image + `"}`), nil})
	}
	for _, image := range []string{"https://a/b", "a:", "A", "reg/A", "a//b", "/a", "a/", "a:1:2", "a:b/c d", "a@sha256:00", "a@latest", strings.Repeat("n", 256)} {
		got := image
		if name := image[strings.LastIndex(image, "/")+1:]; !strings.ContainsAny(name, ":@") {
			got += ":1.0.0" // the version, as Default completes it
		}
		changes = append(changes, change{"image " + image, spec(`dashboard: {image: "` + image + `"}`), []string{"spec.dashboard.image: " + mustBeImage + " (got " + got + ")"}})
	}
	tags := map[string]string{} // that a component gets which has an image by default
	for _, w := range decode(t, cluster(), validCluster, spec("monitoring: {alerting: {enabled: true}}\nsigner: {enabled: true}")).Spec.workloads(field.NewPath("spec")) {
		if w.Image != "" {
			tags[strings.TrimPrefix(w.at.String(), "spec.")] = ":" + w.Version
		}
	}
	for _, w := range []string{"openbao", "api", "dashboard", "signer", "database", "redis", "monitoring.prometheus", "monitoring.grafana", "monitoring.alerting", "jobs"} {
		open, closing := strings.ReplaceAll(w, ".", ": {"), strings.Repeat("}", strings.Count(w, "."))
		changes = append(changes, change{"every workload is checked: " + w, spec(fmt.Sprintf("%s: {image: A, resources: {requests: {cpu: -1}}}%s", open, closing)), []string{
			"spec." + w + ".image: " + mustBeImage + " (got A" + tags[w] + ")",
			"spec." + w + ".resources.requests[cpu]: must not be negative (got -1)",
		}})
	}
	testChanges(t, cluster, validCluster, changes)
}

func TestNetworking(t *testing.T) {
	testChanges(t, cluster, validCluster, []change{
		{"a mode is known", spec(`networking: {mode: istio}`), []string{"spec.networking.mode: must be ingress or gateway (got istio)"}},
		{"a mesh is known", spec(`networking: {mesh: consul}`), []string{"spec.networking.mesh: must be none, istio or linkerd (got consul)"}},
		{"a gateway is named", spec(`networking: {mode: gateway}`), []string{"spec.networking.gatewayRef: is required: the Gateway that routes attach to"}},
		{"a gateway may be named in full", spec(`networking: {mode: gateway, gatewayRef: {name: public, namespace: infra, sectionName: https}}`), nil},
		{"names of gateways are names", spec(`networking: {mode: gateway, gatewayRef: {namespace: a.b, sectionName: A}}`), []string{
			"spec.networking.gatewayRef.name: is required: the name of the object",
			"spec.networking.gatewayRef.namespace: " + mustBeLabel + " (got a.b)",
			"spec.networking.gatewayRef.sectionName: " + mustBeSubdomain + " (got A)",
		}},
		{"an ingress has no gateway", spec(`networking: {gatewayRef: {name: public}}`), []string{"spec.networking.gatewayRef: is not used where mode is ingress; hint: set mode: gateway"}},
		{"a gateway has no ingress class", spec(`networking: {mode: gateway, gatewayRef: {name: public}, ingressClassName: nginx}`), []string{"spec.networking.ingressClassName: is not used where mode is gateway"}},
		{"an ingress class is a name", spec(`networking: {ingressClassName: Nginx}`), []string{"spec.networking.ingressClassName: " + mustBeSubdomain + " (got Nginx)"}},
		{"a namespace of an ingress controller is a name", spec(`networking: {ingressControllerNamespace: Ingress.nginx}`), []string{"spec.networking.ingressControllerNamespace: " + mustBeLabel + " (got Ingress.nginx)"}},
		{"annotations have keys", spec(`networking: {annotations: {nginx.ingress.kubernetes.io/Any: "a b", "a b": c}}`), []string{"spec.networking.annotations[a b]: must have a key such as example.com/role (got a b)"}},
		{"ranges of addresses begin with their first", spec(`networking: {apiServerCIDRs: [10.0.0.0/8, 10.1.2.3/8, 10.0.0.1, "2001:db8::/32", "2001:DB8::/32", "fd00::1"], trustedProxies: [all, 10.0.0.0/33]}`), []string{
			"spec.networking.apiServerCIDRs[1]: must begin with the range's first address (got 10.1.2.3/8); hint: write 10.0.0.0/8",
			"spec.networking.apiServerCIDRs[2]: must be a range of addresses, such as 10.0.0.0/8 (got 10.0.0.1); hint: write 10.0.0.1/32 for this one address",
			"spec.networking.apiServerCIDRs[4]: must begin with the range's first address (got 2001:DB8::/32); hint: write 2001:db8::/32",
			"spec.networking.apiServerCIDRs[5]: must be a range of addresses, such as 10.0.0.0/8 (got fd00::1); hint: write fd00::1/128 for this one address",
			"spec.networking.trustedProxies[0]: must be a range of addresses, such as 10.0.0.0/8 (got all)",
			"spec.networking.trustedProxies[1]: must be a range of addresses, such as 10.0.0.0/8 (got 10.0.0.0/33)",
		}},
		{"an issuer signs with cert-manager", spec(`certificates: {certManager: true, issuer: {name: ca, kind: ClusterIssuer}}`), nil},
		{"an issuer is nothing without cert-manager", spec(`certificates: {issuer: {name: A, kind: CA}}`), []string{
			"spec.certificates.issuer: must not be given without certManager; hint: set certManager: true",
			"spec.certificates.issuer.name: " + mustBeSubdomain + " (got A)",
			"spec.certificates.issuer.kind: must be Issuer or ClusterIssuer (got CA)",
		}},
		{"secrets come from a store", spec(`secrets: {externalSecrets: {storeRef: {name: vault}}}`), nil},
		{"a store has a name, and an interval a unit", spec(`secrets: {externalSecrets: {storeRef: {kind: Store}, refreshInterval: 1d}}`), []string{
			"spec.secrets.externalSecrets.storeRef.name: is required: the name of the object",
			"spec.secrets.externalSecrets.storeRef.kind: must be SecretStore or ClusterSecretStore (got Store)",
			"spec.secrets.externalSecrets.refreshInterval: must be a duration in hours, minutes and seconds, such as 1h or 30m (got 1d)",
		}},
		{"an interval is not negative", spec(`secrets: {externalSecrets: {storeRef: {name: vault}, refreshInterval: -1h}}`), []string{
			"spec.secrets.externalSecrets.refreshInterval: must be a duration in hours, minutes and seconds, such as 1h or 30m (got -1h)",
		}},
	})
}

func TestPatches(t *testing.T) {
	patch := func(text, target string) string {
		return fmt.Sprintf("spec:\n  patches:\n  - patch: |\n      %s\n%s", strings.ReplaceAll(text, "\n", "\n      "), target)
	}
	pods := "    target: {kind: StatefulSet, name: banhbaoring-.*}"
	mapOrList := "a map of what to change, or a list of JSON 6902 operations"
	testChanges(t, cluster, validCluster, []change{
		{"a map names its object", patch(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {}}`, ""), nil},
		{"a map that names no object", patch(`{kind: Deployment, metadata: x}`, ""), []string{"spec.patches[0].patch: must name its object, or have a target: it lacks apiVersion, metadata.name"}},
		{"a map with a target need not name its object", patch(`{spec: {}}`, pods), nil},
		{"operations have a target", patch("- {op: remove, path: /a}", ""), []string{"spec.patches[0].target: is required: what the list of operations is applied to"}},
		{"operations are in order", patch("- {op: add, path: /a/-, value: 1}\n- {op: replace, path: /a, value: null}\n- {op: test, path: /a, value: 1}\n- {op: move, path: /a, from: /b}\n- {op: copy, path: /a, from: /b}\n- {op: remove, path: /a}", pods), nil},
		{"operations are not", patch("- {op: set, path: /a}\n- {op: remove, path: a}\n- {op: remove}\n- {op: add, path: /a}\n- {op: copy, path: /a}\n- hello", pods), []string{
			"spec.patches[0].patch: operation 1: op must be add, remove, replace, move, copy or test",
			"spec.patches[0].patch: operation 2: path must begin with /",
			"spec.patches[0].patch: operation 3: path must begin with /",
			"spec.patches[0].patch: operation 4: value is required",
			"spec.patches[0].patch: operation 5: from must begin with /",
			"spec.patches[0].patch: operation 6: must be a map with op and path",
		}},
		{"a patch is required", patch(" ", pods), []string{"spec.patches[0].patch: is required: " + mapOrList}},
		{"a patch is YAML", patch("{a: [}", pods), []string{"spec.patches[0].patch: must be YAML or JSON"}},
		{"a patch is more than a word", patch("hello", pods), []string{"spec.patches[0].patch: must be " + mapOrList}},
		{"a target is made of patterns and selectors", patch("{a: b}", `    target: {group: "(", version: "[", kind: "*", name: "a{2,1}", namespace: "\\", labelSelector: "a in", annotationSelector: "=b"}`), []string{
			"spec.patches[0].target.group: must be a regular expression (got ()",
			"spec.patches[0].target.version: must be a regular expression (got [)",
			"spec.patches[0].target.kind: must be a regular expression (got *)",
			"spec.patches[0].target.name: must be a regular expression (got a{2,1})",
			`spec.patches[0].target.namespace: must be a regular expression (got \)`,
			"spec.patches[0].target.labelSelector: must be a selector, such as app.kubernetes.io/component=api (got a in)",
			"spec.patches[0].target.annotationSelector: must be a selector, such as app.kubernetes.io/component=api (got =b)",
		}},
	})
}
