//go:build integration

package tenants_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	openbao "github.com/openbao/openbao/api/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
	"github.com/banhbaoring/banhbaoring/jobs/tenants"
)

const acme = `acme
  plan: pro
  admin: {email: admin@acme.example}
  apiKeys: [{name: sequencer}, {name: watcher, role: auditor}]`

const beta = `beta
  plan: starter
  admin: {email: admin@beta.example}
  apiKeys: [{name: bridge}]`

func TestTwoTenantsSignAndASecondRunChangesNothing(t *testing.T) {
	s := newServer(t)
	first := s.run(t, spec(s.Namespace, "", acme, beta))
	for tenant, key := range map[string]string{"acme": "sequencer", "beta": "bridge"} {
		admin := must(t)(s.asAdmin(t, tenant, s.password(t, tenant)))
		if _, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/keys/main", nil); err != nil {
			t.Fatal(err)
		}
		signer := must(t)(s.withKey(t, tenant, key))
		if err := sign(t.Context(), signer, "main"); err != nil {
			t.Errorf("%s does not sign: %v", tenant, err)
		}
		for _, secret := range []string{s.password(t, tenant), string(s.Secret(t, jobs.TenantKeySecret(tenant, key))["secret-id"])} {
			if strings.Contains(first.Log, secret) {
				t.Errorf("the log holds a secret of %s", tenant)
			}
		}
	}
	second := s.run(t, spec(s.Namespace, "", acme, beta))
	if !strings.Contains(second.Log, `"changed":0`) {
		t.Errorf("the second run changes something:\n%s", second.Log)
	}
	signer := must(t)(s.withKey(t, "acme", "sequencer"))
	if err := sign(t.Context(), signer, "main"); err != nil {
		t.Error(err)
	}
	if _, err := signer.Logical().DeleteWithContext(t.Context(), jobs.PluginName+"/keys/main"); run.Status(err) != 403 {
		t.Errorf("a signer deletes a key: %v", err)
	}
}

// refused tells that OpenBao refused; any other answer fails the test.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	if status := run.Status(err); status != 403 {
		t.Errorf("%s is not refused: %v", what, err)
	}
}

// shutOut checks that no login of a tenant works, nor what is logged in.
func (s *server) shutOut(t *testing.T, tenant, key string, in ...*openbao.Client) {
	t.Helper()
	for _, client := range in {
		if err := sign(t.Context(), client, "main"); err == nil {
			t.Error("a token works still")
		}
	}
	if _, err := s.withKey(t, tenant, key); err == nil {
		t.Error("an API key logs in")
	}
	if _, err := s.asAdmin(t, tenant, s.password(t, tenant)); err == nil {
		t.Error("the admin logs in")
	}
}

func (s *server) makeKey(t *testing.T, tenant string) {
	t.Helper()
	admin := must(t)(s.asAdmin(t, tenant, s.password(t, tenant)))
	if _, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/keys/main", nil); err != nil {
		t.Fatal(err)
	}
}

func TestSuspensionAndBack(t *testing.T) {
	s := newServer(t)
	s.run(t, spec(s.Namespace, "", acme, beta))
	s.makeKey(t, "acme")
	signer, admin := must(t)(s.withKey(t, "acme", "sequencer")), must(t)(s.asAdmin(t, "acme", s.password(t, "acme")))
	s.run(t, spec(s.Namespace, "", acme+"\n  suspended: true", beta))
	s.shutOut(t, "acme", "sequencer", signer, admin)
	// Its roles are closed too, should somebody unlock the namespace.
	s.write(t, "", "sys/namespaces/api-lock/unlock/tenant-acme", nil)
	s.shutOut(t, "acme", "sequencer", signer, admin)
	s.run(t, spec(s.Namespace, "", acme+"\n  suspended: true", beta))
	if again := s.run(t, spec(s.Namespace, "", acme+"\n  suspended: true", beta)); !strings.Contains(again.Log, `"changed":0`) {
		t.Errorf("suspended again:\n%s", again.Log)
	}
	if must(t)(s.withKey(t, "beta", "bridge")) == nil {
		t.Error("another tenant is shut out")
	}
	s.run(t, spec(s.Namespace, "", acme, beta))
	if err := sign(t.Context(), must(t)(s.withKey(t, "acme", "sequencer")), "main"); err != nil {
		t.Errorf("it does not come back with its key and its login: %v", err)
	}
}

func TestATenantThatIsGoneIsLockedAndComesBack(t *testing.T) {
	s := newServer(t)
	s.run(t, spec(s.Namespace, "", acme, beta))
	s.makeKey(t, "acme")
	signer := must(t)(s.withKey(t, "acme", "sequencer"))
	o := s.run(t, spec(s.Namespace, "", beta))
	s.shutOut(t, "acme", "sequencer", signer)
	report, err := s.CoreV1().ConfigMaps(s.Namespace).Get(t.Context(), jobs.TenantsReport, metav1.GetOptions{})
	if err != nil || !strings.Contains(report.Data["report.json"], `"locked": [
    "acme"
  ]`) || !strings.Contains(o.Log, "are locked, and not deleted") {
		t.Errorf("it is not reported: %v\n%v\n%s", err, report.Data, o.Log)
	}
	events, err := s.EventsV1().Events(s.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || !strings.Contains(fmt.Sprint(events.Items), "TenantLocked") {
		t.Errorf("there is no Event: %v", err)
	}
	// The last one too.
	s.run(t, spec(s.Namespace, ""))
	s.shutOut(t, "beta", "bridge")
	s.run(t, spec(s.Namespace, "", acme, beta))
	if err := sign(t.Context(), must(t)(s.withKey(t, "acme", "sequencer")), "main"); err != nil {
		t.Errorf("it does not come back: %v", err)
	}
}

func TestOnlyALockedTenantIsDeleted(t *testing.T) {
	s := newServer(t)
	s.run(t, spec(s.Namespace, "", acme, beta))
	if err := tenants.Delete(t.Context(), s.root, "acme"); err == nil || !strings.Contains(err.Error(), "take it out of the spec first") {
		t.Errorf("an active tenant: %v", err)
	}
	s.run(t, spec(s.Namespace, "", beta))
	if err := tenants.Delete(t.Context(), s.root, "acme"); err != nil {
		t.Fatal(err)
	}
	if err := tenants.Delete(t.Context(), s.root, "acme"); err == nil || !strings.Contains(err.Error(), "there is no namespace") {
		t.Errorf("a tenant that is deleted: %v", err)
	}
	s.run(t, spec(s.Namespace, "", beta))
	s.run(t, spec(s.Namespace, "", acme, beta)) // it may be made again
	must(t)(s.withKey(t, "acme", "sequencer"))
}

func TestALockByHandStays(t *testing.T) {
	s := newServer(t)
	s.run(t, spec(s.Namespace, "", acme, beta))
	s.write(t, "", "sys/namespaces/api-lock/lock/tenant-acme", nil)
	o := s.job(t, spec(s.Namespace, "", acme, beta)).Run(t)
	if o.Code != run.CodeFailed || !strings.Contains(o.Log, "namespace tenant-acme was locked by hand") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
}

func TestAPIKeysAreRotatedAndRevoked(t *testing.T) {
	s := newServer(t)
	with := func(keys string) string {
		return spec(s.Namespace, "", "acme\n  plan: pro\n  admin: {email: admin@acme.example}\n  apiKeys: ["+keys+"]")
	}
	s.run(t, with("{name: a}, {name: b}"))
	s.makeKey(t, "acme")
	first, other := s.Secret(t, "banhbaoring-tenant-acme.a"), must(t)(s.withKey(t, "acme", "b"))
	old := must(t)(s.withKey(t, "acme", "a"))

	s.run(t, with("{name: a, rotate: today}, {name: b}"))
	if _, err := s.withKeyOf(t, "acme", first); err == nil {
		t.Error("the old key logs in")
	}
	refused(t, "the old key's token", sign(t.Context(), old, "main"))
	if err := sign(t.Context(), other, "main"); err != nil {
		t.Errorf("another key's token is gone: %v", err)
	}
	now := must(t)(s.withKey(t, "acme", "a"))
	if err := sign(t.Context(), now, "main"); err != nil {
		t.Error(err)
	}

	// Another role: tokens of the old one are gone.
	s.run(t, with("{name: a, rotate: today, role: auditor}, {name: b}"))
	refused(t, "the signer's token", sign(t.Context(), now, "main"))
	refused(t, "an auditor's signature", sign(t.Context(), must(t)(s.withKey(t, "acme", "a")), "main"))

	removed := s.Secret(t, "banhbaoring-tenant-acme.b")
	s.run(t, with("{name: a, rotate: today}"))
	if _, err := s.withKeyOf(t, "acme", removed); err == nil {
		t.Error("a removed key logs in")
	}
	refused(t, "the token of a removed key", sign(t.Context(), other, "main"))

	// Back again, it is another one.
	s.run(t, with("{name: a, rotate: today}, {name: b}"))
	if _, err := s.withKeyOf(t, "acme", removed); err == nil {
		t.Error("a key that was removed is back as it was")
	}
	must(t)(s.withKey(t, "acme", "b"))

	// A Secret that was deleted is minted again, and what it held is void.
	lost := s.Secret(t, "banhbaoring-tenant-acme.b")
	if err := s.CoreV1().Secrets(s.Namespace).Delete(t.Context(), "banhbaoring-tenant-acme.b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.run(t, with("{name: a, rotate: today}, {name: b}"))
	if _, err := s.withKeyOf(t, "acme", lost); err == nil {
		t.Error("a key whose Secret was deleted logs in")
	}
	must(t)(s.withKey(t, "acme", "b"))
}

func TestNobodyLogsInFromElsewhere(t *testing.T) {
	s := newServer(t)
	s.run(t, spec(s.Namespace, "", acme))
	s.makeKey(t, "acme")
	in := must(t)(s.withKey(t, "acme", "sequencer"))
	s.run(t, spec(s.Namespace, "", acme+"\n  settings: {allowedIPRanges: [10.11.12.0/24, 2001:db8::/32]}"))
	s.shutOut(t, "acme", "sequencer", in)
	if _, err := s.withKey(t, "acme", "watcher"); err == nil {
		t.Error("the other API key logs in")
	}
	s.run(t, spec(s.Namespace, "", acme+"\n  settings: {allowedIPRanges: [127.0.0.1/32]}"))
	in = must(t)(s.withKey(t, "acme", "sequencer"))
	if err := sign(t.Context(), in, "main"); err != nil {
		t.Error(err)
	}
	s.run(t, spec(s.Namespace, "  rerun: {tenants: again}\n", acme+"\n  settings: {allowedIPRanges: [127.0.0.1/32]}"))
	if err := sign(t.Context(), in, "main"); err != nil {
		t.Errorf("a rerun logs out: %v", err)
	}
	s.run(t, spec(s.Namespace, "", acme))
	must(t)(s.withKey(t, "acme", "sequencer"))
}

func TestARerunMendsWhatWasChangedByHand(t *testing.T) {
	s := newServer(t)
	s.run(t, spec(s.Namespace, "", acme))
	s.write(t, "tenant-acme", "sys/policies/acl/signer", map[string]any{"policy": `path "secp256k1/*" { capabilities = ["read"] }`})
	s.run(t, spec(s.Namespace, "  rerun: {tenants: again}\n", acme))
	if text := fmt.Sprint(s.read(t, "tenant-acme", "sys/policies/acl/signer")["policy"]); strings.Contains(text, "secp256k1/*") {
		t.Errorf("the policy is still\n%s", text)
	}
}

func TestKeysLeaveOnlyWhereTheyMay(t *testing.T) {
	s := newServer(t)
	const closed = "closed\n  admin: {email: a@example.com}\n"
	const open = "open\n  admin: {email: a@example.com}\n  settings: {allowExportableKeys: true}"
	s.run(t, spec(s.Namespace, "", closed, open))
	make := func(tenant string, data map[string]any) error {
		admin := must(t)(s.asAdmin(t, tenant, s.password(t, tenant)))
		_, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/keys/k"+strings.ToLower(rand.Text()), data)
		return err
	}
	for _, value := range []any{true, "true", "TRUE", "True", "t", "T", "1", 1, 1.5} {
		refused(t, fmt.Sprintf("exportable=%#v", value), make("closed", map[string]any{"exportable": value}))
	}
	refused(t, "Exportable", make("closed", map[string]any{"Exportable": true}))
	for _, data := range []map[string]any{nil, {"exportable": false}, {"exportable": "false"}} {
		if err := make("closed", data); err != nil {
			t.Errorf("%v: %v", data, err)
		}
	}
	if err := make("open", map[string]any{"exportable": true}); err != nil {
		t.Error(err)
	}
	admin := must(t)(s.asAdmin(t, "closed", s.password(t, "closed")))
	for _, path := range []string{"/import", "/config"} {
		_, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/keys/x"+path, map[string]any{"exportable": true})
		refused(t, path, err)
	}
	_, err := admin.Logical().ReadWithContext(t.Context(), jobs.PluginName+"/export/x")
	refused(t, "export", err)
}

func TestAPasswordThatIsGiven(t *testing.T) {
	s := newServer(t)
	const given = "acme\n  admin: {email: a@example.com, password: {secretName: mine, key: password}}"
	o := s.job(t, spec(s.Namespace, "", given, beta)).Run(t)
	if o.Code != run.CodeFailed || !strings.Contains(o.Log, "1 of 2 tenants failed: acme: provision tenant acme: admin: there is no Secret mine") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
	must(t)(s.withKey(t, "beta", "bridge")) // which does not wait
	s.MakeSecret(t, "mine", map[string][]byte{"password": []byte("correct horse\n")})
	s.run(t, spec(s.Namespace, "", given, beta))
	admin := must(t)(s.asAdmin(t, "acme", "correct horse"))

	// One that the admin chose stays, until the Secret is another one.
	if _, err := admin.Logical().WriteWithContext(t.Context(), "auth/userpass/users/admin/password", map[string]any{"password": "my own"}); err != nil {
		t.Fatal(err)
	}
	s.run(t, spec(s.Namespace, "  rerun: {tenants: again}\n", given, beta))
	must(t)(s.asAdmin(t, "acme", "my own"))
	secret, err := s.CoreV1().Secrets(s.Namespace).Get(t.Context(), "mine", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	secret.Data["password"] = []byte("battery staple")
	if _, err := s.CoreV1().Secrets(s.Namespace).Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.run(t, spec(s.Namespace, "", given, beta))
	must(t)(s.asAdmin(t, "acme", "battery staple"))
	if _, err := admin.Logical().ReadWithContext(t.Context(), "auth/token/lookup-self"); err == nil {
		t.Error("who logged in with the old password still is")
	}
}

func TestSecretsOfOthersAreNotOverwritten(t *testing.T) {
	s := newServer(t)
	s.MakeSecret(t, jobs.TenantAdminSecret("acme"), map[string][]byte{"password": []byte("theirs")})
	o := s.job(t, spec(s.Namespace, "", acme)).Run(t)
	if o.Code != run.CodeFailed || !strings.Contains(o.Log, "is not this Job's, and is not overwritten") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
	if got := s.password(t, "acme"); got != "theirs" {
		t.Errorf("it became %q", got)
	}
}

func TestWebhookSecretsReachTheShard(t *testing.T) {
	s := newServer(t)
	hook := "\n  settings: {webhooks: [{url: \"https://example.com/a\", events: [key.created]}, {url: \"https://example.com/b\", events: [key.created], secret: {secretName: hook, key: hmac}, caCert: {secretName: hook, key: ca}}]}"
	o := s.job(t, spec(s.Namespace, "", acme+hook, beta)).Run(t)
	if o.Code != run.CodeFailed || !strings.Contains(o.Log, "acme: webhook: there is no Secret hook with key ") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
	s.MakeSecret(t, "hook", map[string][]byte{"hmac": []byte("shared"), "ca": []byte("an authority")})
	s.run(t, spec(s.Namespace, "", acme+hook, beta))
	shard := s.Secret(t, jobs.TenantsShardSecret(0))
	if len(shard) != 2 || string(shard["acme.1"]) != "shared" || string(shard["acme.1.ca.crt"]) != "an authority" {
		t.Errorf("got %q", shard)
	}
}
