//go:build integration

package initialize_test

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/components/openbao"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

// sealStanza is that of OpenBao's rendered configuration, with its files in a folder.
func sealStanza(t *testing.T, dir, spec string) string {
	t.Helper()
	for _, u := range golden.Render(t, openbao.Component(), spec) {
		data, _, _ := unstructured.NestedStringMap(u.Object, "data")
		for _, text := range data {
			if stanza := regexp.MustCompile(`(?ms)^seal "[a-z]+" \{$.*?^\}$`).FindString(text); stanza != "" {
				return strings.ReplaceAll(stanza, "/openbao/seal/", dir+"/") + "\n"
			}
		}
	}
	t.Fatal("no seal is rendered")
	return ""
}

// A real server moves from a static key to the next one with the stanza that the
// spec's fields write, and needs the one before no longer.
func TestAStaticSealMovesToANewKey(t *testing.T) {
	keys := map[string][]byte{}
	for _, name := range []string{"old", "new"} {
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		keys[name] = []byte(hex.EncodeToString(key))
	}
	step := func(unseal string, files map[string]string) string {
		dir := t.TempDir()
		for file, key := range files {
			if err := os.WriteFile(filepath.Join(dir, file), keys[key], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return sealStanza(t, dir, "openbao: {version: "+realtest.Version(t)+", autoUnseal: {provider: static, "+unseal+"}}")
	}
	const before, after = `keyId: "2026-10", key: {secretName: old, key: key}`, `keyId: "2026-11", key: {secretName: new, key: key}`
	b := realtest.NewOpenBao(t, realtest.OpenBaoOptions{Seal: step(before, map[string]string{"key": "old"})})
	root, _ := b.Initialise(t)
	b.Write(t, root, "sys/mounts/kv", map[string]any{"type": "kv"})
	b.Write(t, root, "kv/a", map[string]any{"value": "kept"})
	again := func(stanza string) {
		t.Helper()
		b.Stop(0)
		b.Reseal(stanza)
		b.Start(t, 0)
		b.Leads(t, 0)
		if got := b.Read(t, root, "kv/a")["value"]; got != "kept" {
			t.Fatalf("the value is %v", got)
		}
	}
	again(step(after+`, previousKeyId: "2026-10", previousKey: {secretName: old, key: key}`, map[string]string{"key": "new", "previous-key": "old"}))
	again(step(after, map[string]string{"key": "new"}))

	b.Stop(0)
	b.Reseal(step(before, map[string]string{"key": "old"}))
	b.Launch(t, 0)
	for range 20 {
		if status, err := b.Client(t, 0, "").Sys().SealStatus(); err == nil && !status.Sealed {
			t.Fatal("the key of before unseals it still")
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// Where a proxy has an authority of its own, that of the other OpenBao stands beside
// the public ones, and no longer in the stanza: a real server's seal trusts it there.
func TestASealTrustsAnAuthorityBesideThePublicOnes(t *testing.T) {
	other := realtest.NewOpenBao(t, realtest.OpenBaoOptions{})
	root, _ := other.Initialise(t)
	other.Write(t, root, "sys/mounts/transit", map[string]any{"type": "transit"})
	other.Write(t, root, "transit/keys/unseal", map[string]any{})
	dir, authorities := t.TempDir(), t.TempDir()
	certificate, err := os.ReadFile(other.TrustFile)
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		filepath.Join(dir, "token"):               root,
		filepath.Join(authorities, "service.crt"): string(certificate),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stanza := sealStanza(t, dir, `
openbao: {version: `+realtest.Version(t)+`, autoUnseal: {provider: transit, address: "`+other.Peers[0]+`", keyName: unseal, token: {secretName: t, key: token}, caCert: {secretName: ca, key: ca.crt}}}
networking: {proxy: {https: "http://proxy.example.com:3128", caCert: {secretName: proxy, key: ca.crt}}}
`)
	if strings.Contains(stanza, "tls_ca_cert") {
		t.Fatalf("nothing but one authority counts:\n%s", stanza)
	}
	b := realtest.NewOpenBao(t, realtest.OpenBaoOptions{Seal: stanza, Env: []string{"SSL_CERT_DIR=/etc/ssl/certs:" + authorities}})
	b.Initialise(t)
	b.Stop(0)
	b.Start(t, 0)
	b.Leads(t, 0)
}
