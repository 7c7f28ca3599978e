//go:build e2e

package e2e

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// rotateSeal gives a stack whose static seal has the key that was minted another
// one, and then takes the first away. Whoever sign does so with each.
func (s *installed) rotateSeal(t *testing.T, signs func()) {
	t.Helper()
	s.t = t
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	makeSecret(t, s.ns, "seal-second", map[string][]byte{"key": key})
	const minted = "autoUnseal: {provider: static}"
	const second = "autoUnseal: {provider: static, keyId: second, key: {secretName: seal-second, key: key}}"
	const both = "autoUnseal: {provider: static, keyId: second, key: {secretName: seal-second, key: key}, " +
		"previousKeyId: banhbaoring-1, previousKey: {secretName: " + jobs.SecretOpenBaoSeal + ", key: key}}"
	for _, change := range []struct{ from, to string }{{minted, both}, {both, second}} {
		s.change(change.from, change.to)
		s.apply()
		s.ready(4 * time.Minute)
		signs()
	}
	// Nothing but the second key is left to unseal with.
	kubectl(t, "", "delete", "secret", "-n", s.ns, jobs.SecretOpenBaoSeal)
	kubectl(t, "", "delete", "pod", "-n", s.ns, jobs.OpenBaoName+"-0")
	s.ready(3 * time.Minute)
	signs()
}
