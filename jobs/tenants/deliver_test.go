package tenants

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// rollup is a tenant whose batcher and sequencer sign for clients in two namespaces.
func rollup() jobs.Tenant {
	batcher := jobs.KeyClient{Name: "op-batcher", Auth: v1.AuthMTLS, DeliverTo: "rollup"}
	return jobs.Tenant{Name: "acme", Keys: []jobs.SigningKey{
		{Name: "batcher", Type: v1.KeyEVM, Policy: json.RawMessage(`{"rules": [{"chain": 1}]}`), Clients: []jobs.KeyClient{
			batcher, {Name: "poster", Auth: v1.AuthAPIKey, DeliverTo: "bridge"}, {Name: "home", Auth: v1.AuthAPIKey},
		}},
		{Name: "sequencer", Type: v1.KeyEVM, Policy: json.RawMessage(`{"blocks": {"chainIDs": [901]}}`), Clients: []jobs.KeyClient{batcher}},
		{Name: "celestia", Type: v1.KeyCosmos, Policy: json.RawMessage(`{"chains": ["a"]}`), Clients: []jobs.KeyClient{batcher}},
	}}
}

// mintedFor is a client's Secret as the Job keeps it.
func (w *work) mintedFor(client string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: jobs.TenantClientSecret("acme", client), Labels: w.labels("acme")}, Data: bytesOf(data),
	}
}

// delivery is a Job in whose namespace there are the clients' Secrets, the cluster that it
// writes to, and its log.
func delivery(t *testing.T) (*work, *fake.Clientset, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	w := &work{Session: &run.Session{Namespace: "keys", Log: slog.New(slog.NewTextHandler(&log, nil))}}
	cluster := fake.NewClientset(
		w.mintedFor("op-batcher", map[string]string{
			"tls.crt": "a certificate", "tls.key": "its key", "ca.crt": "an authority", "url": "https://signer:8546",
			"addresses": `{"batcher":"0xb","celestia":"cosmos1","sequencer":"0x5"}`,
		}),
		w.mintedFor("poster", map[string]string{"api-key": "bbr_secret", "ca.crt": "an authority", "url": "https://signer:8545", "addresses": `{"batcher":"0xb"}`}),
	)
	w.Kubernetes = cluster
	return w, cluster, &log
}

func brought(t *testing.T, cluster *fake.Clientset, namespace, client string) (*corev1.Secret, *corev1.ConfigMap) {
	t.Helper()
	name := jobs.TenantClientSecret("acme", client)
	secret, err1 := cluster.CoreV1().Secrets(namespace).Get(t.Context(), name, metav1.GetOptions{})
	settings, err2 := cluster.CoreV1().ConfigMaps(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return secret, settings
}

// The names are those of the programs' own flags and environment variables.
func TestAClientGetsItsCredentialAndTheSettingsOfItsProgram(t *testing.T) {
	w, cluster, log := delivery(t)
	o := &outcome{}
	if err := w.deliver(t.Context(), rollup(), o); err != nil {
		t.Fatal(err)
	}
	secret, settings := brought(t, cluster, "rollup", "op-batcher")
	original, _ := cluster.CoreV1().Secrets("keys").Get(t.Context(), secret.Name, metav1.GetOptions{})
	if d := cmp.Diff(original.Data, secret.Data); d != "" {
		t.Error(d)
	}
	opStack := func(program, address string) string {
		return strings.ReplaceAll(`OP_X_SIGNER_ENDPOINT=https://signer:8546
OP_X_SIGNER_ADDRESS=`+address+`
OP_X_SIGNER_TLS_CA=/etc/banhbaoring-signer/ca.crt
OP_X_SIGNER_TLS_CERT=/etc/banhbaoring-signer/tls.crt
OP_X_SIGNER_TLS_KEY=/etc/banhbaoring-signer/tls.key
`, "OP_X", program)
	}
	nitro := func(part string) string {
		return strings.ReplaceAll(`--node.X.data-poster.external-signer.url=https://signer:8546
--node.X.data-poster.external-signer.address=0xb
--node.X.data-poster.external-signer.method=eth_signTransaction
--node.X.data-poster.external-signer.root-ca=/etc/banhbaoring-signer/ca.crt
--node.X.data-poster.external-signer.client-cert=/etc/banhbaoring-signer/tls.crt
--node.X.data-poster.external-signer.client-private-key=/etc/banhbaoring-signer/tls.key
`, "X", part)
	}
	want := map[string]string{
		"url": "https://signer:8546", "addresses": `{"batcher":"0xb","celestia":"cosmos1","sequencer":"0x5"}`,
		"batcher.op-batcher.env": opStack("OP_BATCHER", "0xb"), "batcher.op-proposer.env": opStack("OP_PROPOSER", "0xb"),
		"batcher.op-challenger.env": opStack("OP_CHALLENGER", "0xb"), "sequencer.op-node.env": opStack("OP_NODE", "0x5"),
		"batcher.nitro-batch-poster.args": nitro("batch-poster"), "batcher.nitro-staker.args": nitro("staker"),
	}
	if d := cmp.Diff(want, settings.Data); d != "" {
		t.Error(d)
	}

	// Of a client with an API key, that stands in the Secret alone.
	secret, settings = brought(t, cluster, "bridge", "poster")
	if string(secret.Data["api-key"]) != "bbr_secret" {
		t.Errorf("the Secret holds %d keys", len(secret.Data))
	}
	op := "OP_BATCHER_SIGNER_ENDPOINT=https://signer:8545\nOP_BATCHER_SIGNER_ADDRESS=0xb\nOP_BATCHER_SIGNER_TLS_ENABLED=false\nSSL_CERT_FILE=/etc/banhbaoring-signer/ca.crt\n"
	if d := cmp.Diff(op, settings.Data["batcher.op-batcher.env"]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("SSL_CERT_FILE=/etc/banhbaoring-signer/ca.crt\n", settings.Data["batcher.agglayer.env"]); d != "" {
		t.Error(d)
	}
	if text := settings.Data["batcher.nitro-batch-poster.args"]; strings.Contains(text, ".url=") || strings.Contains(text, "client-cert") || !strings.Contains(text, ".root-ca=") {
		t.Errorf("of Nitro: %s", text)
	}
	for _, o := range []metav1.Object{secret, settings} {
		if l := o.GetLabels(); l[labelManagedBy] != "banhbaoring-tenants" || l[labelTenant] != "acme" || l[jobs.LabelStack] != "keys" || o.GetAnnotations()["kustomize.toolkit.fluxcd.io/prune"] != "disabled" {
			t.Errorf("labels %v, annotations %v", l, o.GetAnnotations())
		}
	}
	said := log.String()
	for _, c := range settings.Data {
		said += c
	}
	for _, credential := range []string{"bbr_secret", "its key"} {
		if strings.Contains(said, credential) {
			t.Error("a credential is in the log or among the settings")
		}
	}
	if want := []string{"rollup/banhbaoring-tenant-acme.client.op-batcher", "bridge/banhbaoring-tenant-acme.client.poster"}; !slices.Equal(o.Delivered, want) || !o.Changed {
		t.Errorf("delivered: %v", o.Delivered)
	}
}

func TestWhatIsDeliveredFollowsTheCredential(t *testing.T) {
	w, cluster, _ := delivery(t)
	if err := w.deliver(t.Context(), rollup(), &outcome{}); err != nil {
		t.Fatal(err)
	}
	cluster.ClearActions()
	again := &outcome{}
	if err := w.deliver(t.Context(), rollup(), again); err != nil || again.Changed {
		t.Errorf("once more: %v, changed: %t", err, again.Changed)
	}
	for _, a := range cluster.Actions() {
		if a.GetVerb() != "get" {
			t.Errorf("nothing has changed, and it is %s %s", a.GetVerb(), a.GetResource().Resource)
		}
	}
	renewed := w.mintedFor("op-batcher", map[string]string{"tls.crt": "another", "tls.key": "its key", "ca.crt": "an authority", "url": "https://signer:8546", "addresses": `{"batcher":"0xc"}`})
	if _, err := cluster.CoreV1().Secrets("keys").Update(t.Context(), renewed, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.deliver(t.Context(), rollup(), again); err != nil || !again.Changed {
		t.Errorf("renewed: %v, changed: %t", err, again.Changed)
	}
	secret, settings := brought(t, cluster, "rollup", "op-batcher")
	if string(secret.Data["tls.crt"]) != "another" || !strings.Contains(settings.Data["batcher.op-batcher.env"], "ADDRESS=0xc\n") || settings.Data["sequencer.op-node.env"] != "" {
		t.Errorf("it still has %s, %v", secret.Data["tls.crt"], settings.Data)
	}
}

func TestNothingOfOthersIsOverwritten(t *testing.T) {
	name := jobs.TenantClientSecret("acme", "op-batcher")
	ours := func(w *work, stack, tenant string) metav1.ObjectMeta {
		labels := w.labels(tenant)
		labels[jobs.LabelStack] = stack
		return metav1.ObjectMeta{Namespace: "rollup", Name: name, Labels: labels}
	}
	for what, make := range map[string]func(w *work) runtime.Object{
		"Secret": func(*work) runtime.Object {
			return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "rollup", Name: name}}
		},
		"ConfigMap": func(*work) runtime.Object {
			return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "rollup", Name: name}}
		},
		"Secret ":  func(w *work) runtime.Object { return &corev1.Secret{ObjectMeta: ours(w, "other", "acme")} },
		"Secret  ": func(w *work) runtime.Object { return &corev1.Secret{ObjectMeta: ours(w, "keys", "beta")} },
	} {
		w, cluster, _ := delivery(t)
		theirs := make(w)
		if err := cluster.Tracker().Add(theirs); err != nil {
			t.Fatal(err)
		}
		o := &outcome{}
		err := w.deliver(t.Context(), rollup(), o)
		if want := "client op-batcher: " + strings.TrimSpace(what) + " " + name + " in namespace rollup is not this Job's, and is not overwritten: remove it, or give the client another name or namespace"; err == nil || err.Error() != want {
			t.Errorf("%s: %v", what, err)
		}
		for _, a := range cluster.Actions() {
			if a.GetVerb() == "update" {
				t.Errorf("%s: %s is updated", what, a.GetResource().Resource)
			}
		}
		brought(t, cluster, "bridge", "poster")
		if len(o.Delivered) != 1 {
			t.Errorf("%s: delivered: %v", what, o.Delivered)
		}
	}
}

func TestANamespaceThatIsNotThereIsThatClientsAlone(t *testing.T) {
	for what, refuse := range map[string]func(name string) error{
		"without rights": func(name string) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, name, errors.New("no"))
		},
		"gone": func(string) error {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "rollup")
		},
	} {
		w, cluster, _ := delivery(t)
		cluster.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
			return a.GetNamespace() == "rollup", nil, refuse("x")
		})
		err := w.deliver(t.Context(), rollup(), &outcome{})
		for _, want := range []string{
			"client op-batcher: nothing can be brought to namespace rollup: ", "kubectl create namespace rollup", "stage clients has Role and RoleBinding banhbaoring-keys-tenants",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", what, err, want)
			}
		}
		brought(t, cluster, "bridge", "poster")
	}
}

// What is not delivered any more is told once, with what it still is.
func TestWhatIsLeftInANamespaceIsTold(t *testing.T) {
	w, cluster, log := delivery(t)
	report := func(tenants ...jobs.Tenant) string {
		t.Helper()
		log.Reset()
		outcomes := map[string]*outcome{}
		for _, tenant := range tenants {
			o := &outcome{Tenant: tenant.Name, State: active}
			outcomes[tenant.Name] = o
			if err := w.deliver(t.Context(), tenant, o); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.report(t.Context(), [][]jobs.Tenant{tenants}, outcomes); err != nil {
			t.Fatal(err)
		}
		said, err := cluster.CoreV1().ConfigMaps("keys").Get(t.Context(), jobs.TenantsReport, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return said.Data["report.json"]
	}
	const batcher, poster = "rollup/banhbaoring-tenant-acme.client.op-batcher", "bridge/banhbaoring-tenant-acme.client.poster"
	if said := report(rollup()); !strings.Contains(said, batcher) || !strings.Contains(said, poster) || strings.Contains(log.String(), "not kept up") {
		t.Errorf("report %s, log %s", said, log)
	}
	less := rollup()
	less.Keys[0].Clients = less.Keys[0].Clients[:2]
	less.Keys[0].Clients[1].DeliverTo = ""
	const remove = "kubectl delete secret,configmap -n bridge banhbaoring-tenant-acme.client.poster"
	if said := report(less); strings.Contains(said, poster) || !strings.Contains(said, batcher) || !strings.Contains(log.String(), remove) || !strings.Contains(log.String(), "counts=true") {
		t.Errorf("report %s, log %s", said, log)
	}
	if report(less); strings.Contains(log.String(), "not kept up") {
		t.Errorf("it is told again: %s", log)
	}
	if said := report(); strings.Contains(said, "delivered") || !strings.Contains(log.String(), "counts=false") {
		t.Errorf("report %s, log %s", said, log)
	}
	brought(t, cluster, "rollup", "op-batcher")
	brought(t, cluster, "bridge", "poster")
}
