//go:build integration

package tenants_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/banhbaoring/banhbaoring/jobs"
)

const withSigner = "  signer: {enabled: true}"

// batcher is a key with two clients.
const batcher = `
  - name: batcher
    type: evm
    policy:
      rules: [{chain: 11155111, to: "0xff00000000000000000000000000000000000901", selectors: any}]
      types: [eip1559]
      fees: {maxGas: 2000000, maxFeePerGas: 500gwei, maxPriorityFeePerGas: 50gwei, maxTotalFee: 1ether}
    clients:
    - {name: op-batcher, auth: mtls, namespace: rollup}
    - {name: poster, auth: apiKey, namespace: rollup, rotate: ""}`

// rollup is a tenant with one key and two clients.
func rollup(rotate string, keys ...string) string {
	text := "rollup\n  plan: pro\n  admin: {email: admin@rollup.example}\n"
	if len(keys) > 0 {
		text += "  keys:"
	}
	for _, key := range keys {
		text += strings.Replace(strings.Replace(batcher, "name: batcher", "name: "+key, 1), `rotate: ""`, `rotate: "`+rotate+`"`, 1)
	}
	return strings.TrimRight(text, "\n")
}

// withAuthority makes the mount that issues clients' certificates, as the configure Job does.
func (s *server) withAuthority(t *testing.T) {
	t.Helper()
	s.write(t, "", "sys/mounts/"+jobs.ClientsMount, map[string]any{"type": "pki", "config": map[string]any{"max_lease_ttl": "87600h"}})
	s.write(t, "", jobs.ClientsMount+"/root/generate/internal", map[string]any{"common_name": "clients", "ttl": "87600h", "key_type": "ec", "key_bits": 256})
	s.write(t, "", jobs.ClientsMount+"/roles/"+jobs.ClientsRole, map[string]any{
		"allowed_uri_sans": "banhbaoring://*", "require_cn": false, "use_csr_sans": false, "use_csr_common_name": false,
		"server_flag": false, "client_flag": true, "key_type": "ec", "key_bits": 256, "max_ttl": "720h", "ttl": "720h", "no_store": true,
	})
}

const transaction = `{"to": "0xff00000000000000000000000000000000000901", "gas": "0x5208", "maxFeePerGas": "0x3b9aca00", "maxPriorityFeePerGas": "0x1", "value": "0x0", "nonce": "0x0", "input": "0x01", "chainId": "0xaa36a7"}`

// signs has the engine sign for a client, as the signer does, with the hash of a credential.
func (s *server) signs(t *testing.T, tenant, key, client, hash string) error {
	t.Helper()
	_, err := s.in(jobs.TenantNamespace(tenant)).Logical().WriteWithContext(t.Context(), jobs.PluginName+"/sign-tx/"+key, map[string]any{
		"client": client, "credential": hash, "transaction": transaction,
	})
	return err
}

// credential is the hash of what a client's Secret holds.
func (s *server) credential(t *testing.T, tenant, client string) string {
	t.Helper()
	data := s.Secret(t, jobs.TenantClientSecret(tenant, client))
	if key := data["api-key"]; key != nil {
		if !strings.HasPrefix(string(key), "bbr_"+tenant+"_"+client+"_") || len(key) != len("bbr___")+len(tenant)+len(client)+64 {
			t.Errorf("API key of %d characters", len(key))
		}
		return sha(key)
	}
	return sha(certificate(t, data["tls.crt"]).RawSubjectPublicKeyInfo)
}

func sha(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func certificate(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("no certificate: %q", text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKeysOfGitSignForTheirClients(t *testing.T) {
	s := newServer(t)
	s.withAuthority(t)
	first := s.run(t, spec(s.Namespace, withSigner, rollup("", "batcher")))
	for _, client := range []string{"op-batcher", "poster"} {
		if err := s.signs(t, "rollup", "batcher", client, s.credential(t, "rollup", client)); err != nil {
			t.Errorf("%s: %v", client, err)
		}
	}
	if err := s.signs(t, "rollup", "batcher", "poster", s.credential(t, "rollup", "op-batcher")); err == nil {
		t.Error("one client signs with the credential of another")
	}
	data := s.Secret(t, jobs.TenantClientSecret("rollup", "op-batcher"))
	c := certificate(t, data["tls.crt"])
	if len(c.URIs) != 1 || c.URIs[0].String() != "banhbaoring://rollup/op-batcher" || !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) {
		t.Errorf("URIs %v, usages %v", c.URIs, c.ExtKeyUsage)
	}
	var addresses map[string]string
	if err := json.Unmarshal(data["addresses"], &addresses); err != nil {
		t.Fatal(err)
	}
	key := s.read(t, "tenant-rollup", jobs.PluginName+"/keys/batcher")
	if addresses["batcher"] != key["eth_address"] || key["exportable"] != false || len(data["ca.crt"]) == 0 ||
		string(data["url"]) != "https://banhbaoring-signer."+s.Namespace+".svc:8546" {
		t.Errorf("addresses %v, key %v, url %s", addresses, key, data["url"])
	}
	for _, secret := range []string{string(s.Secret(t, jobs.TenantClientSecret("rollup", "poster"))["api-key"]), string(data["tls.key"])} {
		if strings.Contains(first.Log, secret) {
			t.Error("the log holds a client's credential")
		}
	}

	second := s.run(t, spec(s.Namespace, withSigner, rollup("", "batcher")))
	if !strings.Contains(second.Log, `"changed":0`) {
		t.Errorf("the second run changes something:\n%s", second.Log)
	}

	// The tenant's own admin makes keys, and changes none of Git's.
	admin := must(t)(s.asAdmin(t, "rollup", s.password(t, "rollup")))
	for path, data := range map[string]map[string]any{
		"keys/batcher/config": {"deletion_allowed": true}, "keys/batcher/policy": {"version": 1}, "keys/batcher": {}, "keys/batcher/import": {"ciphertext": "AA=="},
	} {
		_, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/"+path, data)
		refused(t, "write "+path, err)
	}
	_, err := admin.Logical().DeleteWithContext(t.Context(), jobs.PluginName+"/keys/batcher")
	refused(t, "delete", err)
	if _, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/keys/own", nil); err != nil {
		t.Errorf("an admin makes a key of its own: %v", err)
	}
}

func TestACredentialThatIsRotatedOverlapsTheOneBefore(t *testing.T) {
	s := newServer(t)
	s.withAuthority(t)
	s.run(t, spec(s.Namespace, withSigner, rollup("", "batcher")))
	before, other := s.credential(t, "rollup", "poster"), s.credential(t, "rollup", "op-batcher")
	s.run(t, spec(s.Namespace, withSigner, rollup("again", "batcher")))
	after := s.credential(t, "rollup", "poster")
	if after == before || s.credential(t, "rollup", "op-batcher") != other {
		t.Error("the wrong credential was rotated")
	}
	for _, hash := range []string{before, after} {
		if err := s.signs(t, "rollup", "batcher", "poster", hash); err != nil {
			t.Errorf("%s: %v", hash, err)
		}
	}
	// One that was stolen: without its Secret it counts no more.
	if err := s.CoreV1().Secrets(s.Namespace).Delete(t.Context(), jobs.TenantClientSecret("rollup", "poster"), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.run(t, spec(s.Namespace, withSigner, rollup("again", "batcher")))
	for _, hash := range []string{before, after} {
		if err := s.signs(t, "rollup", "batcher", "poster", hash); err == nil {
			t.Errorf("%s signs still", hash)
		}
	}
	if err := s.signs(t, "rollup", "batcher", "poster", s.credential(t, "rollup", "poster")); err != nil {
		t.Error(err)
	}
}

func TestAKeyThatLeavesGitStaysAndSignsForNobody(t *testing.T) {
	s := newServer(t)
	s.withAuthority(t)
	s.run(t, spec(s.Namespace, withSigner, rollup("", "batcher", "proposer")))
	address := s.read(t, "tenant-rollup", jobs.PluginName+"/keys/proposer")["eth_address"]
	credential := s.credential(t, "rollup", "op-batcher")
	o := s.run(t, spec(s.Namespace, withSigner, rollup("", "batcher")))
	if err := s.signs(t, "rollup", "proposer", "op-batcher", credential); err == nil {
		t.Error("it signs still")
	}
	if err := s.signs(t, "rollup", "batcher", "op-batcher", credential); err != nil {
		t.Errorf("the other key: %v", err)
	}
	if !strings.Contains(o.Log, `"msg":"a key that is not in the spec any more signs for nobody, and was not deleted","job":"tenants","tenant":"rollup","key":"proposer"`) {
		t.Errorf("nobody is told:\n%s", o.Log)
	}
	admin := must(t)(s.asAdmin(t, "rollup", s.password(t, "rollup")))
	_, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/keys/proposer/config", map[string]any{"deletion_allowed": true})
	refused(t, "config of a key that has left", err)
	s.run(t, spec(s.Namespace, withSigner, rollup("", "batcher", "proposer")))
	if got := s.read(t, "tenant-rollup", jobs.PluginName+"/keys/proposer")["eth_address"]; got != address {
		t.Errorf("it comes back as %v, and was %v", got, address)
	}
	if err := s.signs(t, "rollup", "proposer", "op-batcher", credential); err != nil {
		t.Error(err)
	}
	// All of them.
	s.run(t, spec(s.Namespace, withSigner, rollup("")))
	if err := s.signs(t, "rollup", "batcher", "op-batcher", credential); err == nil {
		t.Error("a key signs where Git has none")
	}
}

func TestAKeyThatTheJobDidNotMakeIsNotAdopted(t *testing.T) {
	s := newServer(t)
	s.withAuthority(t)
	s.run(t, spec(s.Namespace, withSigner, rollup("")))
	admin := must(t)(s.asAdmin(t, "rollup", s.password(t, "rollup")))
	if _, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/keys/batcher", nil); err != nil {
		t.Fatal(err)
	}
	o := s.job(t, spec(s.Namespace, withSigner, rollup("", "batcher"))).Run(t)
	if o.Code == 0 || !strings.Contains(o.Log, "key batcher: a key of this name is there, and this Job did not make it") {
		t.Errorf("exit %d\n%s", o.Code, o.Log)
	}
	if kind := s.read(t, "tenant-rollup", jobs.PluginName+"/keys/batcher")["type"]; kind != "raw" {
		t.Errorf("it has become %v", kind)
	}
}

// An older backup that is restored knows nothing of a key that was made since.
func TestAKeyThatARestoreHasLostIsNotMadeAnew(t *testing.T) {
	s := newServer(t)
	s.withAuthority(t)
	document := spec(s.Namespace, withSigner, rollup("", "batcher"))
	s.run(t, document)
	address := s.read(t, "tenant-rollup", jobs.PluginName+"/keys/batcher")["eth_address"].(string)

	s.write(t, "tenant-rollup", jobs.PluginName+"/keys/batcher/config", map[string]any{"deletion_allowed": true})
	if _, err := s.in("tenant-rollup").Logical().DeleteWithContext(t.Context(), jobs.PluginName+"/keys/batcher"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.in("").Logical().JSONMergePatch(t.Context(), "sys/namespaces/tenant-rollup", map[string]any{"custom_metadata": map[string]any{"key.batcher": nil, "applied": nil}}); err != nil {
		t.Fatal(err)
	}
	o := s.job(t, document).Run(t)
	if o.Code == 0 || !strings.Contains(o.Log, "key batcher: it is gone, and had the address "+address) {
		t.Errorf("exit %d\n%s", o.Code, o.Log)
	}
	if other, err := s.in("tenant-rollup").Logical().ReadWithContext(t.Context(), jobs.PluginName+"/keys/batcher"); err != nil || other != nil {
		t.Errorf("another key is there: %v %v", other, err)
	}
}

// A document that opens something and fails half way is taken back by the one before it,
// and what it took away has gone all the same.
func TestWhatGitTakesAwayGoesThoughAnotherKeyFails(t *testing.T) {
	s := newServer(t)
	s.withAuthority(t)
	before := spec(s.Namespace, withSigner, rollup("", "batcher", "proposer"))
	s.run(t, before)
	credential := s.credential(t, "rollup", "op-batcher")
	admin := must(t)(s.asAdmin(t, "rollup", s.password(t, "rollup")))
	if _, err := admin.Logical().WriteWithContext(t.Context(), jobs.PluginName+"/keys/taken", nil); err != nil {
		t.Fatal(err)
	}
	helper := strings.Replace(rollup("", "batcher", "taken"), "    clients:\n", "    clients:\n    - {name: helper, auth: apiKey, namespace: tools}\n", 1)
	if o := s.job(t, spec(s.Namespace, withSigner, helper)).Run(t); o.Code == 0 || !strings.Contains(o.Log, "key taken: a key of this name is there") {
		t.Fatalf("exit %d\n%s", o.Code, o.Log)
	}
	if err := s.signs(t, "rollup", "proposer", "op-batcher", credential); err == nil {
		t.Error("the key that left Git signs, since another fails")
	}
	opened := s.credential(t, "rollup", "helper")
	if err := s.signs(t, "rollup", "batcher", "helper", opened); err != nil {
		t.Errorf("this test opens nothing: %v", err)
	}

	s.run(t, before)
	if err := s.signs(t, "rollup", "batcher", "helper", opened); err == nil {
		t.Error("the document was taken back, and its client signs")
	}
	if err := s.signs(t, "rollup", "proposer", "op-batcher", credential); err != nil {
		t.Error(err)
	}
}

// deliveredTo is a namespace of a client's pods.
func (s *server) deliveredTo(t *testing.T, namespace string) {
	t.Helper()
	namespaces := s.CoreV1().Namespaces()
	if _, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.WithoutCancel(t.Context()), namespace, metav1.DeleteOptions{}); err != nil {
			t.Log(err)
		}
	})
}

// delivers is a tenant like rollup's, whose clients' credentials are delivered: op-batcher's
// to one namespace and poster's to another.
func delivers(rotate, batcher, poster string) string {
	return strings.NewReplacer(
		"auth: mtls, namespace: rollup", "auth: mtls, deliver: true, namespace: "+batcher,
		"auth: apiKey, namespace: rollup", "auth: apiKey, deliver: true, namespace: "+poster,
	).Replace(rollup(rotate, "batcher"))
}

// What is delivered signs, with the rights that are rendered and no others, and follows a
// rotation. A namespace that is not there, or a Secret of others in it, holds up neither the
// other client nor what Git takes away.
func TestCredentialsAreDeliveredToWhereClientsRun(t *testing.T) {
	s := newServer(t)
	s.withAuthority(t)
	ours, theirs := s.Namespace+"-rollup", s.Namespace+"-bridge"
	s.deliveredTo(t, ours)
	name := func(client string) string { return jobs.TenantClientSecret("rollup", client) }
	in := func(namespace, client string) map[string][]byte {
		t.Helper()
		secret, err := s.CoreV1().Secrets(namespace).Get(t.Context(), name(client), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return secret.Data
	}

	// Each run that fails is one of a pod; the Job has another.
	o := s.job(t, spec(s.Namespace, withSigner, delivers("", ours, theirs))).Run(t)
	if o.Code == 0 || !strings.Contains(o.Log, "client poster: nothing can be brought to namespace "+theirs) || !strings.Contains(o.Log, "kubectl create namespace "+theirs) {
		t.Fatalf("exit %d\n%s", o.Code, o.Log)
	}
	if err := s.signs(t, "rollup", "batcher", "op-batcher", sha(certificate(t, in(ours, "op-batcher")["tls.crt"]).RawSubjectPublicKeyInfo)); err != nil {
		t.Errorf("with what was delivered: %v", err)
	}
	settings, err := s.CoreV1().ConfigMaps(ours).Get(t.Context(), name("op-batcher"), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address := s.read(t, "tenant-rollup", jobs.PluginName+"/keys/batcher")["eth_address"]
	if want := fmt.Sprintf("OP_BATCHER_SIGNER_ADDRESS=%s\n", address); !strings.Contains(settings.Data["batcher.op-batcher.env"], want) {
		t.Errorf("settings %v, want %s", settings.Data, want)
	}

	s.deliveredTo(t, theirs)
	s.run(t, spec(s.Namespace, withSigner, delivers("", ours, theirs)))
	before := in(theirs, "poster")["api-key"]
	if again := s.run(t, spec(s.Namespace, withSigner, delivers("", ours, theirs))); !strings.Contains(again.Log, `"changed":0`) {
		t.Errorf("another run changes something:\n%s", again.Log)
	}
	s.run(t, spec(s.Namespace, withSigner, delivers("again", ours, theirs)))
	after := in(theirs, "poster")["api-key"]
	if string(after) == string(before) || string(after) != string(s.Secret(t, name("poster"))["api-key"]) {
		t.Error("what was delivered does not follow a rotation")
	}
	if err := s.signs(t, "rollup", "batcher", "poster", sha(after)); err != nil {
		t.Error(err)
	}

	// Its rights are over its clients' by name.
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	job, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	secrets := job.CoreV1().Secrets(ours)
	_, err1 := secrets.List(t.Context(), metav1.ListOptions{})
	_, err2 := secrets.Get(t.Context(), "other", metav1.GetOptions{})
	err3 := secrets.Delete(t.Context(), name("op-batcher"), metav1.DeleteOptions{})
	for what, err := range map[string]error{"list": err1, "get another": err2, "delete": err3} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v", what, err)
		}
	}

	// A Secret of others; and the client that has left signs no more although that one fails.
	if err := s.CoreV1().Secrets(ours).Delete(t.Context(), name("op-batcher"), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name("op-batcher")}, Data: map[string][]byte{"mine": []byte("1")}}
	if _, err := s.CoreV1().Secrets(ours).Create(t.Context(), other, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	text := delivers("again", ours, theirs)
	o = s.job(t, spec(s.Namespace, withSigner, text[:strings.LastIndex(text, "\n")])).Run(t)
	if o.Code == 0 || !strings.Contains(o.Log, "Secret "+name("op-batcher")+" in namespace "+ours+" is not this Job's, and is not overwritten") {
		t.Errorf("exit %d\n%s", o.Code, o.Log)
	}
	if string(in(ours, "op-batcher")["mine"]) != "1" {
		t.Error("it was overwritten")
	}
	if err := s.signs(t, "rollup", "batcher", "poster", sha(after)); err == nil {
		t.Error("a client that has left signs")
	}
	if !strings.Contains(o.Log, "kubectl delete secret,configmap -n "+theirs+" "+name("poster")) {
		t.Errorf("what is left is not told:\n%s", o.Log)
	}
	in(theirs, "poster")
}
