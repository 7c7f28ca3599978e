//go:build integration

package secrets

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

func TestMain(m *testing.M) { realtest.Main(m, Run) }

// stack is the configuration of a stack that provides nothing itself.
func stack(namespace string) jobs.SecretsConfig {
	return jobs.SecretsConfig{
		Cluster: "test", Namespace: namespace,
		Mint: []jobs.MintSecret{
			{
				Name: jobs.SecretOpenBaoSeal, Keys: []jobs.MintValue{{Key: "key", RandomBytes: 32}},
				LostIf: &jobs.SecretKey{Name: jobs.SecretOpenBaoKeys, Key: "initialized"},
			},
			{Name: jobs.SecretPostgres, Keys: []jobs.MintValue{
				{Key: "username", Value: "banhbaoring"}, {Key: "password", RandomText: 32}, {Key: "replication-password", RandomText: 32},
				{Key: "database", Value: "banhbaoring"}, {Key: "url", Value: jobs.PostgresURL},
			}},
		},
		Reserve: []string{jobs.SecretOpenBaoKeys, jobs.SecretAPIOpenBao},
		Certificates: []jobs.Certificate{
			{Secret: jobs.SecretOpenBaoTLS, CommonName: "openbao", DNSNames: jobs.OpenBaoDNSNames(namespace), IPAddresses: jobs.OpenBaoIPAddresses},
			{Secret: jobs.SecretPostgresTLS, CommonName: "postgres", DNSNames: jobs.PostgresDNSNames(namespace)},
		},
		Trust: []jobs.SecretKey{{Name: jobs.SecretCA, Key: certKey}},
	}
}

// history is every value that the keys of a namespace's Secrets ever had.
type history struct {
	mutex    sync.Mutex
	values   map[string][][]byte // by Secret and key
	versions map[string]bool
}

// record follows a namespace's Secrets.
func record(t *testing.T, k *realtest.Kubernetes) *history {
	t.Helper()
	h := &history{values: map[string][][]byte{}, versions: map[string]bool{}}
	watching, err := k.CoreV1().Secrets(k.Namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watching.Stop)
	go func() {
		for e := range watching.ResultChan() {
			if secret, ok := e.Object.(*corev1.Secret); ok && e.Type != watch.Deleted {
				h.add(secret)
			}
		}
	}()
	return h
}

func (h *history) add(secret *corev1.Secret) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.versions[secret.ResourceVersion] = true
	for key, value := range secret.Data {
		name := secret.Name + "/" + key
		seen := h.values[name]
		if len(seen) == 0 || !bytes.Equal(seen[len(seen)-1], value) {
			h.values[name] = append(seen, value)
		}
	}
}

// upTo waits until the history holds what there is now, and returns the values.
func (h *history) upTo(t *testing.T, k *realtest.Kubernetes) map[string][][]byte {
	t.Helper()
	list, err := k.CoreV1().Secrets(k.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	realtest.Eventually(t, "the history is complete", func(context.Context) error {
		h.mutex.Lock()
		defer h.mutex.Unlock()
		for _, s := range list.Items {
			if !h.versions[s.ResourceVersion] {
				return fmt.Errorf("Secret %s is behind", s.Name)
			}
		}
		return nil
	})
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.values
}

func TestNothingIsMintedTwiceWhereverTheJobIsKilled(t *testing.T) {
	var k *realtest.Kubernetes
	var h *history
	realtest.KillEverywhere(t, func(t *testing.T) realtest.Job {
		k = realtest.NewKubernetes(t)
		h = record(t, k)
		return realtest.Job{Name: jobs.Secrets, Namespace: k.Namespace, Config: stack(k.Namespace)}
	}, func(t *testing.T, _ realtest.Job, o realtest.Outcome) string {
		verdict := realtest.Finished(t, o)
		whole(t, k)
		values := h.upTo(t, k)
		for name, seen := range values {
			if len(seen) != 1 {
				t.Errorf("%s had %d values", name, len(seen))
			}
		}
		silent(t, o.Log, values)
		return fmt.Sprintf("%s: %d values, none changed", verdict, len(values))
	})
}

func TestARenewalGoesOnWhereverTheJobIsKilled(t *testing.T) {
	var k *realtest.Kubernetes
	var h *history
	realtest.KillEverywhere(t, func(t *testing.T) realtest.Job {
		k = realtest.NewKubernetes(t)
		h = record(t, k)
		job := realtest.Job{Name: jobs.Secrets, Namespace: k.Namespace, Config: stack(k.Namespace)}
		realtest.Finished(t, job.Run(t))
		for _, name := range []string{jobs.SecretCA, jobs.SecretOpenBaoTLS, jobs.SecretPostgresTLS} {
			askToRenew(t, k, name)
		}
		return job
	}, func(t *testing.T, _ realtest.Job, o realtest.Outcome) string {
		verdict := realtest.Finished(t, o)
		whole(t, k)
		values := h.upTo(t, k)
		silent(t, o.Log, values)
		for name, want := range map[string]int{
			jobs.SecretOpenBaoTLS + "/" + certKey: 2, jobs.SecretPostgresTLS + "/" + certKey: 2,
			jobs.SecretCA + "/" + certKey: 1, jobs.SecretCA + "/" + nextCert: 1, jobs.SecretTrust + "/" + caKey: 2,
			jobs.SecretPostgres + "/password": 1, jobs.SecretOpenBaoSeal + "/key": 1,
		} {
			if got := len(values[name]); got != want {
				t.Errorf("%s had %d values, not %d", name, got, want)
			}
		}
		return verdict + ": each renewed once"
	})
}

func askToRenew(t *testing.T, k *realtest.Kubernetes, name string) {
	t.Helper()
	patch := []byte(`{"metadata":{"annotations":{"` + renewNow + `":"now"}}}`)
	if _, err := k.CoreV1().Secrets(k.Namespace).Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// whole looks at a stack's Secrets: all there, of the right type, marked and
// trusted.
func whole(t *testing.T, k *realtest.Kubernetes) {
	t.Helper()
	c := stack(k.Namespace)
	names := map[string]corev1.SecretType{jobs.SecretTrust: corev1.SecretTypeOpaque, jobs.SecretCA: corev1.SecretTypeTLS}
	for _, m := range c.Mint {
		names[m.Name] = corev1.SecretTypeOpaque
	}
	for _, name := range c.Reserve {
		names[name] = corev1.SecretTypeOpaque
	}
	for _, leaf := range c.Certificates {
		names[leaf.Secret] = corev1.SecretTypeTLS
	}
	for name, kind := range names {
		s, err := k.CoreV1().Secrets(k.Namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, waiting := s.Annotations[renewNow]
		if s.Type != kind || !ours(s) || waiting || s.Annotations["argocd.argoproj.io/sync-options"] != "Prune=false,Delete=false" {
			t.Errorf("Secret %s: %s %v %v", name, s.Type, s.Labels, s.Annotations)
		}
	}
	for _, leaf := range c.Certificates {
		data := k.Secret(t, leaf.Secret)
		if !bytes.Equal(data[caKey], k.Secret(t, jobs.SecretTrust)[caKey]) {
			t.Errorf("%s of Secret %s is not the trust bundle", caKey, leaf.Secret)
		}
		verify(t, data, data[caKey], time.Now())
	}
}

func verify(t *testing.T, data map[string][]byte, bundle []byte, now time.Time) {
	t.Helper()
	p, err := readPair(data, certKey, keyKey)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	if _, err := p.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: roots, CurrentTime: now}); err != nil {
		t.Error(err)
	}
}

// silent looks for values of Secrets in a log.
func silent(t *testing.T, log string, values map[string][][]byte) {
	t.Helper()
	for name, seen := range values {
		for _, value := range seen {
			if name == jobs.SecretPostgres+"/username" || name == jobs.SecretPostgres+"/database" {
				continue // the stack's name, which is everywhere
			}
			if strings.Contains(log, string(value)) {
				t.Errorf("the log holds %s", name)
			}
		}
	}
}

// at is a run at some time, in the process of the test.
func at(t *testing.T, k *realtest.Kubernetes, now time.Time, change func(*jobs.SecretsConfig)) *work {
	t.Helper()
	config := rest.CopyConfig(k.Config)
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c := stack(k.Namespace)
	if change != nil {
		change(&c)
	}
	return &work{
		Session: &run.Session{Log: slog.New(slog.DiscardHandler), Namespace: k.Namespace, Kubernetes: client},
		config:  c, now: now,
	}
}

// Twelve years, a run a week. Clients read the trust bundle a month late at the
// most: every certificate that is shown must verify against each bundle of that
// month, and every bundle against the certificates of the last two days.
func TestCertificatesAndAuthorityAreRenewedForYears(t *testing.T) {
	k := realtest.NewKubernetes(t)
	const week = 7 * day
	var bundles [][]byte
	authorities, leaves, most := map[string]bool{}, map[string]bool{}, 0
	for now := noon; now.Before(noon.Add(12 * 365 * day)); now = now.Add(week) {
		if err := at(t, k, now, nil).run(t.Context()); err != nil {
			t.Fatalf("%s: %v", now, err)
		}
		bundle := k.Secret(t, jobs.SecretTrust)[caKey]
		bundles = append(bundles, bundle)
		if len(bundles) > 5 {
			bundles = bundles[1:]
		}
		data := k.Secret(t, jobs.SecretOpenBaoTLS)
		for _, known := range bundles {
			verify(t, data, known, now.Add(week)) // which the next run may come to
		}
		list, err := certificates(bundle)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(list))
		authorities[string(k.Secret(t, jobs.SecretCA)[certKey])], leaves[string(data[certKey])] = true, true
		if t.Failed() {
			t.Fatalf("at %s", now)
		}
	}
	t.Logf("%d authorities, %d certificates, %d in the trust bundle at most", len(authorities), len(leaves), most)
	if len(authorities) != 2 || len(leaves) < 17 || most != 2 {
		t.Error("not what ten years and one year give, a third of them unused")
	}
	if list, err := certificates(bundles[len(bundles)-1]); err != nil || len(list) != 1 {
		t.Errorf("%d authorities are trusted in the end (%v)", len(list), err)
	}
}

func TestANewAuthorityIsForcedInTwoSteps(t *testing.T) {
	k := realtest.NewKubernetes(t)
	step := func(after time.Duration) (authority, trust []byte) {
		t.Helper()
		if err := at(t, k, noon.Add(after), nil).run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return k.Secret(t, jobs.SecretCA)[certKey], k.Secret(t, jobs.SecretTrust)[caKey]
	}
	old, _ := step(0)
	askToRenew(t, k, jobs.SecretCA)
	if ca, trust := step(0); !bytes.Equal(ca, old) || !bytes.Contains(trust, old) || bytes.Equal(trust, old) {
		t.Error("the next authority is not trusted beside the old")
	}
	askToRenew(t, k, jobs.SecretCA)
	if ca, _ := step(59 * time.Minute); !bytes.Equal(ca, old) {
		t.Error("it signs before clients know it")
	}
	ca, trust := step(61 * time.Minute)
	if bytes.Equal(ca, old) || !bytes.Contains(trust, old) || !bytes.Contains(trust, ca) {
		t.Error("it does not sign, or the old one is forgotten at once")
	}
	if _, trust := step(60*time.Minute + day); !bytes.Contains(trust, old) {
		t.Error("the old one is forgotten within a day")
	}
	if _, trust := step(72 * time.Hour); !bytes.Equal(trust, ca) {
		t.Error("the old one is trusted for ever")
	}
}

func TestANameMoreIsCoveredAtTheNextRun(t *testing.T) {
	k := realtest.NewKubernetes(t)
	if err := at(t, k, noon, nil).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := k.Secret(t, jobs.SecretPostgresTLS)
	more := func(c *jobs.SecretsConfig) {
		c.Certificates[0].DNSNames = append(c.Certificates[0].DNSNames, "more.example.com")
	}
	if err := at(t, k, noon, more).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := readPair(k.Secret(t, jobs.SecretOpenBaoTLS), certKey, keyKey)
	if err != nil || !slices.Contains(p.DNSNames, "more.example.com") {
		t.Errorf("not covered: %v", err)
	}
	if !bytes.Equal(before[certKey], k.Secret(t, jobs.SecretPostgresTLS)[certKey]) {
		t.Error("the other one was renewed too")
	}
}

func TestWhatAHumanMadeIsCompletedAndOtherwiseLeftAlone(t *testing.T) {
	k := realtest.NewKubernetes(t)
	k.MakeSecret(t, jobs.SecretPostgres, map[string][]byte{"password": []byte("a b"), "note": []byte("mine")})
	k.MakeSecret(t, jobs.SecretOpenBaoSeal, map[string][]byte{"key": []byte("mine")})
	k.MakeSecret(t, jobs.SecretOpenBaoKeys, map[string][]byte{"initialized": []byte("yes")})
	k.MakeSecret(t, jobs.SecretOpenBaoTLS, nil)
	for range 2 {
		if err := at(t, k, noon, nil).run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	data := k.Secret(t, jobs.SecretPostgres)
	if string(data["password"]) != "a b" || string(data["note"]) != "mine" || len(data) != 6 || !strings.Contains(string(data["url"]), ":a%20b@") {
		t.Errorf("%d keys", len(data))
	}
	if string(k.Secret(t, jobs.SecretOpenBaoSeal)["key"]) != "mine" || string(k.Secret(t, jobs.SecretOpenBaoKeys)["initialized"]) != "yes" {
		t.Error("overwritten")
	}
	for name, want := range map[string]bool{jobs.SecretPostgres: false, jobs.SecretOpenBaoTLS: true} {
		secret, err := k.CoreV1().Secrets(k.Namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if ours(secret) != want {
			t.Errorf("Secret %s: %v", name, secret.Labels)
		}
	}
}

// pairOf is the data of a Secret with a certificate that some authority signed.
func pairOf(t *testing.T, w *work, c jobs.Certificate) map[string][]byte {
	t.Helper()
	secret := &corev1.Secret{Data: map[string][]byte{}}
	if _, err := w.renew(secret, c, "test"); err != nil {
		t.Fatal(err)
	}
	return secret.Data
}

func TestACertificateThatAHumanProvidesStays(t *testing.T) {
	k := realtest.NewKubernetes(t)
	theirs := signer(t)
	ca := map[string][]byte{}
	if err := theirs.signer.write(ca, certKey, keyKey); err != nil {
		t.Fatal(err)
	}
	mine := pairOf(t, theirs, stack(k.Namespace).Certificates[0])
	delete(mine, caKey)
	k.MakeSecret(t, jobs.SecretCA, ca)
	k.MakeSecret(t, jobs.SecretOpenBaoTLS, mine)
	// In the last third of its life it is told of, and neither is touched.
	var log bytes.Buffer
	for _, now := range []time.Time{noon, noon.Add(360 * day)} {
		w := at(t, k, now, nil)
		w.Log = slog.New(slog.NewJSONHandler(&log, nil))
		if err := w.run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	data := k.Secret(t, jobs.SecretOpenBaoTLS)
	if !bytes.Equal(data[certKey], mine[certKey]) || !bytes.Equal(data[keyKey], mine[keyKey]) || !bytes.Equal(data[caKey], ca[certKey]) {
		t.Error("it was changed, or is not complete")
	}
	if !bytes.Equal(k.Secret(t, jobs.SecretCA)[certKey], ca[certKey]) {
		t.Error("the authority was changed")
	}
	verify(t, k.Secret(t, jobs.SecretPostgresTLS), ca[certKey], noon.Add(360*day))
	if !strings.Contains(log.String(), "the certificate in Secret banhbaoring-openbao-tls ends 2027-01-01") {
		t.Errorf("nothing tells that it ends:\n%s", log.String())
	}
}

func TestFaultsNameTheSecretAndChangeNothing(t *testing.T) {
	type setup func(*testing.T, *realtest.Kubernetes)
	make := func(name string, data func(namespace string) map[string][]byte) setup {
		return func(t *testing.T, k *realtest.Kubernetes) { k.MakeSecret(t, name, data(k.Namespace)) }
	}
	text := func(key, value string) func(string) map[string][]byte {
		return func(string) map[string][]byte { return map[string][]byte{key: []byte(value)} }
	}
	ran := func(then func(*testing.T, *realtest.Kubernetes)) setup {
		return func(t *testing.T, k *realtest.Kubernetes) {
			if err := at(t, k, noon, nil).run(t.Context()); err != nil {
				t.Fatal(err)
			}
			then(t, k)
		}
	}
	remove := func(name string) func(*testing.T, *realtest.Kubernetes) {
		return func(t *testing.T, k *realtest.Kubernetes) {
			if err := k.CoreV1().Secrets(k.Namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		setup
		code int
		want string
	}{
		"garbage in the certificate": {make(jobs.SecretOpenBaoTLS, text(certKey, "hunter2")), 1, "Secret banhbaoring-openbao-tls: key tls.crt: it is no certificate in PEM"},
		"garbage in the authority":   {make(jobs.SecretCA, text(certKey, "hunter2")), 1, "Secret banhbaoring-ca: key tls.crt: it is no certificate in PEM"},
		"garbage in the trust":       {make(jobs.SecretTrust, text(caKey, "hunter2")), 1, "Secret banhbaoring-trust: key ca.crt: it is no certificate in PEM"},
		"an empty password":          {make(jobs.SecretPostgres, text("password", "")), 1, "Secret banhbaoring-postgres: key password is empty"},
		"an authority that is none": {make(jobs.SecretCA, func(namespace string) map[string][]byte {
			return pairOf(t, signer(t), stack(namespace).Certificates[0])
		}), 1, "Secret banhbaoring-ca: key tls.crt: it is not the certificate of an authority"},
		"a stranger's certificate": {make(jobs.SecretOpenBaoTLS, func(namespace string) map[string][]byte {
			return pairOf(t, signer(t), stack(namespace).Certificates[0])
		}), 1, "Secret banhbaoring-openbao-tls: the certificate in it is signed by nobody whom the stack trusts"},
		"a certificate that lacks a name": {make(jobs.SecretOpenBaoTLS, func(string) map[string][]byte {
			return pairOf(t, signer(t), jobs.Certificate{DNSNames: []string{"localhost"}})
		}), 1, "the certificate in it does not cover banhbaoring-openbao"},
		"a trust bundle that lacks ours": {make(jobs.SecretTrust, func(string) map[string][]byte {
			return map[string][]byte{caKey: signer(t).bundle}
		}), 1, "Secret banhbaoring-trust: key ca.crt lacks the certificate of \"banhbaoring internal authority"},
		"a lost authority": {ran(remove(jobs.SecretCA)), run.CodeByHand, "Secret banhbaoring-ca: the authority's key is gone; what it signed stays valid until 2027-01-01: hint: restore"},
		"a lost seal key": {ran(func(t *testing.T, k *realtest.Kubernetes) {
			remove(jobs.SecretOpenBaoSeal)(t, k)
			remove(jobs.SecretOpenBaoKeys)(t, k)
			k.MakeSecret(t, jobs.SecretOpenBaoKeys, map[string][]byte{"initialized": []byte("2026-01-01T00:00:00Z")})
		}), run.CodeByHand, "Secret banhbaoring-openbao-seal: it is lost"},
	} {
		t.Run(name, func(t *testing.T) {
			k := realtest.NewKubernetes(t)
			test.setup(t, k)
			h := record(t, k)
			err := at(t, k, noon, nil).run(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || run.Code(err) != test.code {
				t.Fatalf("exit %d: %v", run.Code(err), err)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			for name, seen := range h.upTo(t, k) {
				if len(seen) != 1 {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

func TestTheTrustBundleWaitsForItsSources(t *testing.T) {
	k := realtest.NewKubernetes(t)
	own := func(c *jobs.SecretsConfig) {
		c.Trust = append([]jobs.SecretKey{{Name: "my-tls", Key: caKey}}, c.Trust...)
		c.Certificates = c.Certificates[1:]
	}
	w := at(t, k, noon, own)
	if err := w.authority(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.trust(t.Context()); err == nil || !run.CanPass(err) || !strings.Contains(err.Error(), "Secret my-tls has no key ca.crt yet") {
		t.Fatalf("%v", err)
	}
	theirs := signer(t)
	k.MakeSecret(t, "my-tls", map[string][]byte{caKey: append(slices.Clone(theirs.bundle), theirs.bundle...)})
	if err := w.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(theirs.bundle), encode(w.signer.Certificate)...)
	if !bytes.Equal(k.Secret(t, jobs.SecretTrust)[caKey], want) {
		t.Error("the bundle is not theirs, once, and ours")
	}
	// A source that is garbage from now on is no reason to trust less.
	if _, err := k.CoreV1().Secrets(k.Namespace).Patch(t.Context(), "my-tls", types.MergePatchType, []byte(`{"stringData":{"ca.crt":"hunter2"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	err := at(t, k, noon, own).run(t.Context())
	if err == nil || run.CanPass(err) || !strings.Contains(err.Error(), "Secret my-tls: key ca.crt: it is no certificate in PEM") {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(k.Secret(t, jobs.SecretTrust)[caKey], want) {
		t.Error("the bundle was changed")
	}
}

// With cert-manager, it signs, and the Job only joins the trust bundle.
func TestWithoutCertificatesThereIsNoAuthority(t *testing.T) {
	k := realtest.NewKubernetes(t)
	theirs := signer(t)
	k.MakeSecret(t, jobs.SecretOpenBaoTLS, map[string][]byte{caKey: theirs.bundle})
	managed := func(c *jobs.SecretsConfig) {
		c.Certificates, c.Trust = nil, []jobs.SecretKey{{Name: jobs.SecretOpenBaoTLS, Key: caKey}}
	}
	if err := at(t, k, noon, managed).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(k.Secret(t, jobs.SecretTrust)[caKey], theirs.bundle) {
		t.Error("the bundle is not cert-manager's")
	}
	if secret, err := at(t, k, noon, nil).get(t.Context(), jobs.SecretCA); secret != nil || err != nil {
		t.Errorf("an authority was made (%v)", err)
	}
}

// between does something before the first request of a method to a path.
type between struct {
	http.RoundTripper
	method, path string
	once         *sync.Once
	do           func()
}

func (b between) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == b.method && strings.HasSuffix(r.URL.Path, b.path) {
		b.once.Do(b.do)
	}
	return b.RoundTripper.RoundTrip(r)
}

func TestWhoeverWritesInBetweenWins(t *testing.T) {
	for name, test := range map[string]struct{ method, path string }{
		"before it is made":    {http.MethodPost, "/secrets"},
		"before it is changed": {http.MethodPut, "/secrets/" + jobs.SecretPostgres},
	} {
		t.Run(name, func(t *testing.T) {
			k := realtest.NewKubernetes(t)
			theirs := []byte(`{"stringData":{"password":"theirs"}}`)
			meddle := func() {
				secrets := k.CoreV1().Secrets(k.Namespace)
				if _, err := secrets.Patch(t.Context(), jobs.SecretPostgres, types.MergePatchType, theirs, metav1.PatchOptions{}); err == nil {
					return
				}
				k.MakeSecret(t, jobs.SecretPostgres, map[string][]byte{"password": []byte("theirs")})
			}
			if test.method == http.MethodPut {
				k.MakeSecret(t, jobs.SecretPostgres, nil)
			}
			config := rest.CopyConfig(k.Config)
			config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				return between{next, test.method, test.path, &sync.Once{}, meddle}
			})
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			w := at(t, k, noon, func(c *jobs.SecretsConfig) { c.Mint = c.Mint[1:] })
			w.Session.Kubernetes = client
			if err := w.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			data := k.Secret(t, jobs.SecretPostgres)
			if string(data["password"]) != "theirs" || !strings.Contains(string(data["url"]), ":theirs@") {
				t.Error("the other's password is gone, or the URL holds another one")
			}
		})
	}
}
