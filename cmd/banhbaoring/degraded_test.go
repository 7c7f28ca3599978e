package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
	"github.com/banhbaoring/banhbaoring/render"
)

// The list says which backups nobody but their cluster could read when they were
// taken, and warns as long as the newest is one of them.
func TestTheListTellsOfBackupsThatOnlyTheirClusterCanRead(t *testing.T) {
	at := func(hour int) archive.Listed {
		m := &archive.Manifest{Name: "at-" + string(rune('0'+hour)), Recipients: []string{"age1a"}}
		return archive.Listed{Info: store.Info{Modified: time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)}, Name: m.Name, Manifest: m}
	}
	early, late := at(1), at(2)
	early.Manifest.Degraded = true
	list := func(found ...archive.Listed) (out, told string) {
		var stdout, stderr bytes.Buffer
		if err := printBackups(&stdout, &stderr, &archive.Repository{}, found, nil); err != nil {
			t.Fatal(err)
		}
		return stdout.String(), stderr.String()
	}
	if out, told := list(late, early); told != "" || strings.Count(out, "degraded") != 1 {
		t.Errorf("%s%s", out, told)
	}
	late.Manifest.Degraded = true
	if _, told := list(late, early); !strings.Contains(told, "warning: degraded: when backup at-2 was taken") || !strings.Contains(told, "banhbaoring recovery export") {
		t.Errorf("%q", told)
	}
	var shown bytes.Buffer
	if err := show(&shown, &archive.Repository{}, late.Manifest); err != nil || !strings.Contains(shown.String(), "nobody but its cluster had the key") {
		t.Errorf("%v\n%s", err, shown.String())
	}
}

// The receipt of the recovery set is what ends the degraded state, for the newest
// keys and for those before them, and a rotation begins it again.
func TestTheReceiptOfTheRecoverySetNamesAllKeysThatItHolds(t *testing.T) {
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(hiddenSpec + "  openbao: {autoUnseal: {provider: static, keyId: two, key: {secretName: seal-two, key: key}, previousKeyId: one, previousKey: {secretName: seal-one, key: key}}}\n")})
	if err != nil {
		t.Fatal(err)
	}
	newer, older := identity(t), identity(t)
	signer, before := signed(t), signed(t)
	cluster := &stubCluster{secrets: map[string]map[string][]byte{
		jobs.SecretOpenBaoKeys: {jobs.KeyRecovery: []byte("recovery"), jobs.KeyRootToken: []byte("root")},
		jobs.SecretBackupKeys: {
			jobs.KeyIdentity: []byte(newer.String() + "\n" + older.String() + "\n"), jobs.KeyRecipient: []byte(newer.Recipient().String()),
			jobs.KeyPublic: []byte(signer), jobs.KeyTrusted: []byte(before + "\n"),
		},
		"seal-two": {"key": []byte("two")}, "seal-one": {"key": []byte("one")},
	}}
	server := httptest.NewServer(cluster)
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	if err := exportRecovery(t.Context(), client, in.Stacks[0], []age.Recipient{identity(t).Recipient()}, &out, &told); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"seal-one", "seal-two", jobs.SecretBackupKeys} {
		if !strings.Contains(told.String(), name) {
			t.Errorf("the set lacks %s: %s", name, told.String())
		}
	}
	receipt := cluster.receipt.Data
	for name, c := range map[string]struct {
		recipient, signer string
		want              bool
	}{
		"no backup yet":      {"", "", true},
		"the newest":         {newer.Recipient().String(), signer, true},
		"before a rotation":  {older.Recipient().String(), before, true},
		"after another one":  {identity(t).Recipient().String(), signer, false},
		"of another signer":  {newer.Recipient().String(), signed(t), false},
		"a part of the name": {newer.Recipient().String()[:20], signer, false},
	} {
		if got := jobs.Recoverable(receipt, map[string]string{jobs.RecoveryRecipient: c.recipient, jobs.RecoverySigner: c.signer}); got != c.want {
			t.Errorf("%s: recoverable %v, want %v by %v", name, got, c.want, receipt)
		}
	}
	if jobs.Recoverable(nil, nil) {
		t.Error("without a receipt, the state is not degraded")
	}
	text, err := json.Marshal(cluster.receipt)
	if err != nil || strings.Contains(string(text), "AGE-SECRET-KEY") || strings.Contains(string(text), "root") {
		t.Errorf("the receipt holds a secret: %v", err)
	}
}

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	made, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// signed is the public key of a new signer.
func signed(t *testing.T) string {
	t.Helper()
	signer, err := signing.Parse(signing.New())
	if err != nil {
		t.Fatal(err)
	}
	return string(signer.Public())
}

// stubCluster is an API server that has Secrets, and takes one ConfigMap.
type stubCluster struct {
	secrets map[string]map[string][]byte
	receipt corev1.ConfigMap
}

func (c *stubCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch name, isSecret := strings.CutPrefix(r.URL.Path, "/api/v1/namespaces/keys/secrets/"); {
	case isSecret && c.secrets[name] != nil:
		secret := corev1.Secret{Data: c.secrets[name]}
		secret.APIVersion, secret.Kind, secret.Name = "v1", "Secret", name
		_ = json.NewEncoder(w).Encode(secret)
	case r.Method == http.MethodPost && r.URL.Path == "/api/v1/namespaces/keys/configmaps":
		_ = json.NewDecoder(r.Body).Decode(&c.receipt)
		_ = json.NewEncoder(w).Encode(c.receipt)
	default:
		http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`, http.StatusNotFound)
	}
}
