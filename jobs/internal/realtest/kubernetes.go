package realtest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Kubernetes is the real API server, and a namespace of the test's own on it.
type Kubernetes struct {
	kubernetes.Interface
	Config    *rest.Config
	Namespace string
}

// NewKubernetes makes a namespace on the cluster that KUBECONFIG names.
func NewKubernetes(t *testing.T) *Kubernetes {
	t.Helper()
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		t.Fatal("KUBECONFIG names no cluster")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1 // a test does not wait its turn
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	k := &Kubernetes{Interface: client, Config: config, Namespace: "jobs-" + strings.ToLower(rand.Text()[:10])}
	namespaces := client.CoreV1().Namespaces()
	if _, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.Namespace}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.WithoutCancel(t.Context()), k.Namespace, metav1.DeleteOptions{}); err != nil {
			t.Log(err)
		}
	})
	return k
}

// MakeSecret makes a Secret, empty if data is nil.
func (k *Kubernetes) MakeSecret(t *testing.T, name string, data map[string][]byte) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
	if _, err := k.CoreV1().Secrets(k.Namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// Secret is a Secret's data.
func (k *Kubernetes) Secret(t *testing.T, name string) map[string][]byte {
	t.Helper()
	secret, err := k.CoreV1().Secrets(k.Namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return secret.Data
}

// ServiceAccount makes a service account.
func (k *Kubernetes) ServiceAccount(t *testing.T, name string) {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := k.CoreV1().ServiceAccounts(k.Namespace).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// Token is a token of a service account for an audience; the API server's own
// when it is "".
func (k *Kubernetes) Token(t *testing.T, account, audience string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	if audience != "" {
		request.Spec.Audiences = []string{audience}
	}
	answer, err := k.CoreV1().ServiceAccounts(k.Namespace).CreateToken(t.Context(), account, request, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Token
}

// TokenFile is a file with such a token.
func (k *Kubernetes) TokenFile(t *testing.T, account, audience string) string {
	t.Helper()
	return tokenFile(t, k.Token(t, account, audience))
}
