package configure_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/configure"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestConfigure(t *testing.T) {
	for name, spec := range map[string]string{
		"default": "",
		"plugin": `
openbao:
  plugin:
    version: v1.2.3
    image: registry.example.com/secp256k1
    path: /bin/secp256k1
    sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
`,
		"signer": "signer: {enabled: true}",
		"placed": `
imageRegistry: mirror.example.com/all
imagePullSecrets: [{name: pull}]
jobs:
  version: 9.9.9
  resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 2Mi}}
  nodeSelector: {pool: jobs}
  tolerations: [{key: jobs, operator: Exists}]
  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a]}]}]}}}
rerun: {configure: again}
`,
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, configure.Component(), name, spec) })
	}
}
