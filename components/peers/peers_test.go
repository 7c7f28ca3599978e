package peers_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/peers"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestPeers(t *testing.T) {
	for name, spec := range map[string]string{
		"default":     "",
		"five":        "openbao: {replicas: 5}",
		"allowsingle": "openbao: {replicas: 1, allowSingle: true}",
		"rerun":       "rerun: {peers: again}",
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, peers.Component(), name, spec) })
	}
}
