package tenants

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// The API finds what a tenant's webhooks need under the names that its list of
// tenants says: HMAC secrets, and the authorities of those that have their own.
func TestAWebhooksFilesAreThoseOfTheList(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if path.Base(r.URL.Path) != "hook" {
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound})
			return
		}
		_ = json.NewEncoder(w).Encode(corev1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Name: "hook"},
			Data: map[string][]byte{"hmac": []byte("shared"), "ca": []byte("an authority"), "other": []byte("nobody's")},
		})
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	w := &work{Session: &run.Session{Namespace: "keys", Kubernetes: client}}
	key := func(name string) *jobs.SecretKey { return &jobs.SecretKey{Name: "hook", Key: name} }
	tenant := jobs.Tenant{Name: "acme", Webhooks: []jobs.TenantWebhook{
		{URL: "https://a.example.com"},
		{URL: "https://b.example.com", Secret: key("hmac"), SecretFile: "acme.1"},
		{URL: "https://c.example.com", CACert: key("ca"), CAFile: "acme.2.ca.crt"},
		{URL: "https://d.example.com", Secret: key("hmac"), SecretFile: "acme.3", CACert: key("ca"), CAFile: "acme.3.ca.crt"},
	}}
	got, err := w.files(t.Context(), tenant)
	want := map[string]string{"acme.1": "shared", "acme.2.ca.crt": "an authority", "acme.3": "shared", "acme.3.ca.crt": "an authority"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for missing, key := range map[string]jobs.SecretKey{
		"webhook: there is no Secret hook with key none": {Name: "hook", Key: "none"},
		"webhook: there is no Secret gone with key ca":   {Name: "gone", Key: "ca"},
	} {
		_, err := w.files(t.Context(), jobs.Tenant{Webhooks: []jobs.TenantWebhook{{CACert: &key, CAFile: "a"}}})
		if err == nil || err.Error() != missing {
			t.Errorf("want %q, got %v", missing, err)
		}
	}
}
