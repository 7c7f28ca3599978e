//go:build integration

package tenants_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

// Each kill has tenants of its own on one server: those of the others are of
// another cluster, which the Job does not touch.
type killed struct {
	*server
	n    int
	mail *mailServer
}

func newKilled(t *testing.T) *killed {
	k := &killed{server: newServer(t), mail: newMailServer(t, "starttls")}
	k.withAuthority(t)
	k.MakeSecret(t, "hook", map[string][]byte{"hmac": []byte("shared")})
	k.MakeSecret(t, "mine", map[string][]byte{"password": []byte("correct horse")})
	return k
}

func (k *killed) spec(tenants ...string) string {
	text := spec(k.Namespace, withSigner+"\n  email: {smtp: {host: smtp.example.com, from: keys@example.com, username: {secretName: a, key: b}, password: {secretName: a, key: b}, caCert: {secretName: a, key: b}}}", tenants...)
	return strings.ReplaceAll(strings.ReplaceAll(text, "name: test", fmt.Sprintf("name: test%d", k.n)), "#", fmt.Sprint(k.n))
}

// job is another one: the SMTP server is on this machine.
func (k *killed) job(t *testing.T, text string) realtest.Job {
	job := k.server.job(t, text)
	config := job.Config.(jobs.TenantsConfig)
	config.SMTP = &k.mail.config
	job.Config = config
	return job
}

const first = `acme#
  plan: pro
  admin: {email: admin@acme.example}
  apiKeys: [{name: sequencer}]
  settings: {webhooks: [{url: "https://example.com/b", events: [key.created], secret: {secretName: hook, key: hmac}}]}
  keys:` + batcher

const second = `beta#
  admin: {email: admin@beta.example, password: {secretName: mine, key: password}}
  apiKeys: [{name: sequencer, role: admin}]
  settings: {allowedIPRanges: [127.0.0.0/8], allowExportableKeys: true}`

// works checks that a tenant is whole, and that nothing else is left of it.
func (k *killed) works(t *testing.T, tenant string) {
	t.Helper()
	tenant += fmt.Sprint(k.n)
	client := must(t)(k.withKey(t, tenant, "sequencer"))
	if _, err := client.Logical().ListWithContext(t.Context(), jobs.PluginName+"/keys"); err != nil {
		t.Errorf("the key of %s does not work: %v", tenant, err)
	}
	if strings.HasPrefix(tenant, "acme") {
		for _, client := range []string{"op-batcher", "poster"} {
			if err := k.signs(t, tenant, "batcher", client, k.credential(t, tenant, client)); err != nil {
				t.Errorf("client %s of %s: %v", client, tenant, err)
			}
		}
	}
	ids, err := k.in("tenant-"+tenant).Logical().ListWithContext(t.Context(), "auth/approle/role/sequencer/secret-id")
	if err != nil || len(ids.Data["keys"].([]any)) != 1 {
		t.Errorf("%s has other secret IDs: %v %v", tenant, ids, err)
	}
}

func (k *killed) unchanged(t *testing.T, job realtest.Job) {
	t.Helper()
	if again := job.Run(t); !strings.Contains(again.Log, `"changed":0`) {
		t.Errorf("another run changes something:\n%s", again.Log)
	}
}

func TestTheJobIsKilledAtEachChangeOfTheFirstRun(t *testing.T) {
	k := newKilled(t)
	realtest.KillEverywhere(t, func(t *testing.T) realtest.Job {
		k.n++
		return k.job(t, k.spec(first, second))
	}, func(t *testing.T, job realtest.Job, o realtest.Outcome) string {
		verdict := realtest.Finished(t, o)
		k.works(t, "acme")
		k.works(t, "beta")
		acme := fmt.Sprintf("acme%d", k.n)
		must(t)(k.asAdmin(t, acme, k.password(t, acme)))
		must(t)(k.asAdmin(t, fmt.Sprintf("beta%d", k.n), "correct horse"))
		mails := 0
		for _, m := range k.mail.all() {
			if strings.Contains(m.text, "tenant-"+acme) {
				mails++
			}
		}
		if mails != 1 {
			verdict += fmt.Sprintf(", mailed %d times", mails)
		}
		if mails == 0 || mails > 2 {
			t.Errorf("the password was mailed %d times", mails)
		}
		k.unchanged(t, job)
		return verdict
	})
}

func TestTheJobIsKilledAtEachChangeOfALaterRun(t *testing.T) {
	k := newKilled(t)
	var rotated, removed map[string][]byte
	realtest.KillEverywhere(t, func(t *testing.T) realtest.Job {
		k.n++
		gone := "gone#\n  admin: {email: a@example.com, password: {secretName: mine, key: password}}\n  apiKeys: [{name: sequencer}]"
		acme := strings.Replace(first, "{name: sequencer}", "{name: sequencer}, {name: old}", 1)
		realtest.Finished(t, k.job(t, k.spec(acme, second, gone)).Run(t))
		rotated = k.Secret(t, jobs.TenantKeySecret(fmt.Sprintf("acme%d", k.n), "sequencer"))
		removed = k.Secret(t, jobs.TenantKeySecret(fmt.Sprintf("acme%d", k.n), "old"))
		must(t)(k.withKey(t, fmt.Sprintf("acme%d", k.n), "sequencer"))
		must(t)(k.withKey(t, fmt.Sprintf("beta%d", k.n), "sequencer"))
		acme = strings.Replace(first, "{name: sequencer}", "{name: sequencer, rotate: again}", 1)
		return k.job(t, k.spec(acme, second+"\n  suspended: true"))
	}, func(t *testing.T, job realtest.Job, o realtest.Outcome) string {
		verdict := realtest.Finished(t, o)
		k.works(t, "acme")
		for what, secret := range map[string]map[string][]byte{"rotated": rotated, "removed": removed} {
			if _, err := k.withKeyOf(t, fmt.Sprintf("acme%d", k.n), secret); err == nil {
				t.Errorf("the key that was %s logs in", what)
			}
		}
		for _, tenant := range []string{"beta", "gone"} {
			path := fmt.Sprintf("tenant-%s%d", tenant, k.n)
			if k.read(t, "", "sys/namespaces/"+path)["locked"] != true {
				t.Errorf("%s is not locked", path)
			}
			k.write(t, "", "sys/namespaces/api-lock/unlock/"+path, nil)
			if _, err := k.withKey(t, fmt.Sprintf("%s%d", tenant, k.n), "sequencer"); err == nil {
				t.Errorf("%s logs in", path)
			}
			tokens, err := k.in(path).Logical().ListWithContext(t.Context(), "auth/token/accessors")
			if err != nil || tokens != nil {
				t.Errorf("%s has tokens: %v %v", path, tokens, err)
			}
			k.write(t, "", "sys/namespaces/api-lock/lock/"+path, nil)
		}
		k.unchanged(t, job)
		return verdict
	})
}

func TestThePasswordIsMailedOnce(t *testing.T) {
	k := newKilled(t)
	job := k.job(t, k.spec(first))
	realtest.Finished(t, job.Run(t))
	realtest.Finished(t, job.Run(t))
	mails := k.mail.all()
	if len(mails) != 1 || !mails[0].tls || mails[0].to != "admin@acme.example" {
		t.Fatalf("%d mails were sent", len(mails))
	}
	password := k.password(t, "acme0")
	if !strings.Contains(mails[0].text, password) {
		t.Error("the password is not in it")
	}
	must(t)(k.asAdmin(t, "acme0", password))

	// One that the server refuses is that tenant's failure, and is made up for.
	secrets := k.CoreV1().Secrets(k.Namespace)
	if err := secrets.Delete(t.Context(), jobs.TenantAdminSecret("acme0"), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	config := job.Config.(jobs.TenantsConfig)
	wrong := *config.SMTP
	wrong.Port = 1
	config.SMTP, job.Config = &wrong, config
	broken := job
	broken.Config = config
	if o := broken.Run(t); o.Code != 1 || !strings.Contains(o.Log, "mail to the admin") || strings.Contains(o.Log, k.password(t, "acme0")) {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
	realtest.Finished(t, k.job(t, k.spec(first)).Run(t))
	if mails := k.mail.all(); len(mails) != 2 || !strings.Contains(mails[1].text, k.password(t, "acme0")) {
		t.Errorf("%d mails were sent", len(mails))
	}
}
