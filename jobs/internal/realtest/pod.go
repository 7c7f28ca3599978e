package realtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// enter runs a program, $1…, that sees what a pod has: its service account's
// token and the API server's authority. $0 is a folder that holds them.
const enter = `
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io
cp -r "$0/serviceaccount" /run/secrets/kubernetes.io/
[ /var/run -ef /run ] || mount --bind /run /var/run
exec "$@"`

// pod is a folder of what OpenBao's pods have, with a service account that may
// have tokens reviewed.
func (k *Kubernetes) pod(t *testing.T) string {
	t.Helper()
	k.ServiceAccount(t, jobs.OpenBaoName)
	bindings := k.RbacV1().ClusterRoleBindings()
	_, err := bindings.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: k.Namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:auth-delegator"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: jobs.OpenBaoName, Namespace: k.Namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bindings.Delete(context.Background(), k.Namespace, metav1.DeleteOptions{}); err != nil {
			t.Log(err)
		}
	})
	authority := k.Config.CAData
	if len(authority) == 0 {
		if authority, err = os.ReadFile(k.Config.CAFile); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	account := filepath.Join(dir, "serviceaccount")
	if err := os.Mkdir(account, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(account, "token"):     k.Token(t, jobs.OpenBaoName, ""),
		filepath.Join(account, "ca.crt"):    string(authority),
		filepath.Join(account, "namespace"): k.Namespace,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
