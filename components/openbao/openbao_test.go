package openbao_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/openbao"
	"github.com/banhbaoring/banhbaoring/golden"
)

const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// whole are the cases whose every object is compared.
var whole = map[string]string{
	"single": "plan: free",
	"three": `
plan: pro
openbao:
  autoUnseal: {provider: awskms, keyId: alias/unseal, region: us-east-1}
  serviceAccountAnnotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/unseal"}
`,
	"pulled": `
imageRegistry: registry.internal:5000/mirror
imagePullSecrets: [{name: first}, {name: second}]
`,
}

// pods are the cases of which the pods and their configuration are compared.
var pods = map[string]string{
	"five": "openbao: {replicas: 5}",
	"awskms-credentials": `
openbao:
  autoUnseal:
    provider: awskms
    keyId: alias/unseal
    region: us-east-1
    endpoint: https://kms.example.com
    credentials:
      accessKeyId: {secretName: aws, key: id}
      secretAccessKey: {secretName: aws, key: secret}
`,
	"awskms-2-4-0":   awskms("2.4.0"),
	"awskms-2-6-2":   awskms("2.6.2"),
	"awskms-2-7-1":   awskms("2.7.1"),
	"awskms-pinned":  awskms("2.7.1") + "    plugin: {image: registry.example.com/kms, version: v2.0.0, path: /kms, sha256: " + sum + "}\n",
	"gcpkms":         "openbao: {autoUnseal: {provider: gcpkms, project: p, location: global, keyRing: r, cryptoKey: k}}",
	"gcpkms-account": "openbao: {autoUnseal: {provider: gcpkms, project: p, location: global, keyRing: r, cryptoKey: k, credentials: {serviceAccountKey: {secretName: gcp, key: sa.json}}}}",
	"azurekv": `
openbao:
  serviceAccountAnnotations: {azure.workload.identity/client-id: id}
  autoUnseal: {provider: azurekv, tenantId: t, vaultName: v, keyName: k}
`,
	"azurekv-2-4-0": "openbao: {version: 2.4.0, autoUnseal: {provider: azurekv, tenantId: t, vaultName: v, keyName: k}}",
	"azurekv-credentials": `
openbao:
  autoUnseal:
    provider: azurekv
    tenantId: t
    vaultName: v
    keyName: k
    credentials:
      clientId: {secretName: azure, key: id}
      clientSecret: {secretName: azure, key: secret}
`,
	"transit": `
openbao:
  autoUnseal:
    provider: transit
    address: https://vault.example.com:8200
    mountPath: transit
    keyName: autounseal
    namespace: admin
    token: {secretName: transit, key: token}
    caCert: {secretName: transit-ca, key: ca.crt}
`,
	"static":         "openbao: {autoUnseal: {provider: static}}",
	"static-own":     "openbao: {autoUnseal: {provider: static, keyId: 2026-11, key: {secretName: mine, key: current}}}",
	"tls-own":        "openbao: {tls: {secretName: my-tls}}",
	"trustedproxies": "networking: {trustedProxies: [10.0.0.0/8, 192.168.0.0/16]}",
	"digest":         "openbao: {image: registry.example.com/openbao@sha256:" + sum + "}",
	"placed": `
openbao:
  nodeSelector: {pool: keys}
  tolerations: [{key: keys, operator: Exists, effect: NoSchedule}]
  affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {component: server}}}]}}
  podLabels: {team: keys}
  minReadySeconds: 0
  storage: {size: 7Gi, storageClass: fast}
  resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}
`,
	"plugin": "openbao: {plugin: {version: v1.2.3, image: registry.example.com/secp256k1, path: /bin/secp256k1, sha256: " + sum + "}}",
}

func awskms(version string) string {
	return "openbao:\n  version: " + version + "\n  autoUnseal:\n    provider: awskms\n    keyId: alias/unseal\n    region: us-east-1\n"
}

func TestOpenBao(t *testing.T) {
	for name, spec := range whole {
		t.Run(name, func(t *testing.T) { golden.Component(t, openbao.Component(), name, spec) })
	}
	for name, spec := range pods {
		t.Run(name, func(t *testing.T) {
			golden.Component(t, openbao.Component(), name, spec, "ConfigMap", "StatefulSet")
		})
	}
}
