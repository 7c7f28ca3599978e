package render_test

import (
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

const keyed = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: test, namespace: keys}
spec: {domain: keys.example.com, signer: {enabled: true}}
---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingTenant
metadata: {name: acme, namespace: keys}
spec:
  clusterRef: {name: test}
  admin: {email: ops@acme.example}
  keys:
  - name: batcher
    type: evm
    policy:
      rules:
      - chain: 0
        to: "0x12"
        selector: any
      fees: {maxGas: lots}
`

func TestEachFaultOfAPolicyHasItsPlace(t *testing.T) {
	_, err := render.Load(render.Source{Name: "keys.yaml", Data: []byte(keyed)})
	if err == nil {
		t.Fatal("it loads")
	}
	for _, want := range []string{
		"keys.yaml:17:9: spec.keys[0].policy.rules[0]", // chain, at the key or its value
		"spec.keys[0].policy.rules[0].to: is in none of the forms that are taken here",
		"keys.yaml:19:9: spec.keys[0].policy.rules[0].selector: is unknown",
		"keys.yaml:20:14: spec.keys[0].policy.fees",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}

func TestKeysNeedTheSigner(t *testing.T) {
	text := strings.Replace(keyed, "signer: {enabled: true}", "plan: free", 1)
	_, err := render.Load(render.Source{Name: "keys.yaml", Data: []byte(text)})
	if err == nil || !strings.Contains(err.Error(), "spec.keys: needs the signer, which cluster test does not have") {
		t.Errorf("%v", err)
	}
	if _, err := render.Load(render.Source{Name: "keys.yaml", Data: golden.Read(t, "examples/tenants/keys.yaml")}); err != nil {
		t.Errorf("the example: %v", err)
	}
}
