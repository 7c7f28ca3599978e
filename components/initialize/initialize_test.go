package initialize_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/initialize"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestInitialize(t *testing.T) {
	for name, spec := range map[string]string{
		"shamir": "openbao: {replicas: 3, init: {shares: 7, threshold: 4}}",
		"autounseal": `
openbao:
  replicas: 1
  autoUnseal: {provider: static}
  init: {shares: 2, threshold: 2, pgpKeys: [Zmlyc3Q=, c2Vjb25k]}
`,
		"rerun": "rerun: {init: again}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, initialize.Component(), name, spec) })
	}
}
