//go:build integration

package tenants_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	openbao "github.com/openbao/openbao/api/v2"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	component "github.com/banhbaoring/banhbaoring/components/tenants"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/tenants"
	"github.com/banhbaoring/banhbaoring/render"
)

func TestMain(m *testing.M) { realtest.Main(m, tenants.Run) }

const pluginVersion = "v1.1.0"

// server is a real OpenBao with the secp256k1 plugin in its catalog, as the
// configure Job leaves it, and the API server that it asks whose tokens are.
type server struct {
	*realtest.Kubernetes
	bao  *realtest.OpenBao
	root *openbao.Client
	// kubeconfig is that of the Job's service account.
	kubeconfig string
	dir        string
}

// Where the plugin's binary comes from: PLUGIN, or the module beside this one.
func plugin(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("PLUGIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "secp256k1")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/secp256k1")
	cmd.Dir, cmd.Env = filepath.Join("..", "..", "secp256k1"), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the plugin (PLUGIN names one that is built): %v\n%s", err, out)
	}
	return path
}

func newServer(t *testing.T) *server {
	t.Helper()
	k := realtest.NewKubernetes(t)
	s := &server{Kubernetes: k, bao: realtest.NewOpenBao(t, realtest.OpenBaoOptions{Static: true, Kubernetes: k}), dir: t.TempDir()}
	token, _ := s.bao.Initialise(t)
	s.root = s.bao.Client(t, 0, token)

	binary, err := os.ReadFile(plugin(t))
	if err != nil {
		t.Fatal(err)
	}
	command := jobs.PluginCommand(pluginVersion)
	if err := os.WriteFile(filepath.Join(s.bao.PluginDir, command), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(binary)
	s.write(t, "", "sys/plugins/catalog/secret/"+jobs.PluginName, map[string]any{"sha256": hex.EncodeToString(sum[:]), "command": command, "version": pluginVersion})
	s.write(t, "", "sys/auth/kubernetes", map[string]any{"type": "kubernetes"})
	s.write(t, "", "auth/kubernetes/config", map[string]any{"kubernetes_host": k.Config.Host})
	policy, err := os.ReadFile(filepath.Join("..", "configure", "policies", jobs.Tenants+".hcl"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "", "sys/policies/acl/"+jobs.Tenants, map[string]any{"policy": string(policy)})
	s.write(t, "", "auth/kubernetes/role/"+jobs.Tenants, map[string]any{
		"bound_service_account_names": jobs.TenantsName, "bound_service_account_namespaces": k.Namespace,
		"audience": jobs.TokenAudience, "token_policies": jobs.Tenants, "token_no_default_policy": true, "token_ttl": "20m",
	})
	k.ServiceAccount(t, jobs.TenantsName)
	s.kubeconfig = s.kubeconfigOf(t, jobs.TenantsName)
	return s
}

// kubeconfigOf has the rights of a service account, and no others.
func (s *server) kubeconfigOf(t *testing.T, account string) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: s.Config.Host, CertificateAuthority: s.Config.CAFile, CertificateAuthorityData: s.Config.CAData}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: s.Token(t, account, "")}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *server) in(namespace string) *openbao.Client {
	if namespace == "" {
		return s.root
	}
	return s.root.WithNamespace(namespace)
}

func (s *server) write(t *testing.T, namespace, path string, data map[string]any) map[string]any {
	t.Helper()
	secret, err := s.in(namespace).Logical().WriteWithContext(t.Context(), path, data)
	if err != nil {
		t.Fatal(err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}

func (s *server) read(t *testing.T, namespace, path string) map[string]any {
	t.Helper()
	secret, err := s.in(namespace).Logical().ReadWithContext(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if secret == nil {
		t.Fatalf("there is no %s in %q", path, namespace)
	}
	return secret.Data
}

// spec is a cluster and its tenants' documents.
func spec(namespace, cluster string, tenants ...string) string {
	text := fmt.Sprintf("apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: test, namespace: %s}\nspec:\n  domain: keys.example.com\n%s", namespace, cluster)
	for _, tenant := range tenants {
		name, rest, _ := strings.Cut(tenant, "\n")
		text += fmt.Sprintf("\n---\napiVersion: banhbaoring.io/v1\nkind: BanhBaoRingTenant\nmetadata: {name: %s, namespace: %s}\nspec:\n  clusterRef: {name: test}\n%s", name, namespace, rest)
	}
	return text
}

// job renders a spec, gives the Job the rights that are rendered and no others,
// and is the Job with the configuration that is rendered.
func (s *server) job(t *testing.T, text string) realtest.Job {
	t.Helper()
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := render.Render(in.Stacks[0], []render.Component{component.Component()})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var config jobs.TenantsConfig
	shards := 0
	for _, u := range objects {
		switch u.GetKind() {
		case "ConfigMap":
			data := u.Object["data"].(map[string]any)
			if list, ok := data[jobs.TenantsFile].(string); ok {
				path := filepath.Join(dir, fmt.Sprintf("%d.json", shards))
				if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
					t.Fatal(err)
				}
				shards++
				continue
			}
			if err := json.Unmarshal([]byte(data[jobs.ConfigFile].(string)), &config); err != nil {
				t.Fatal(err)
			}
		case "Role":
			role := &rbacv1.Role{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, role); err != nil {
				t.Fatal(err)
			}
			s.grant(t, role)
		}
	}
	config.Address = s.bao.Peers[0]
	for i := range config.Shards {
		config.Shards[i].File = filepath.Join(dir, fmt.Sprintf("%d.json", i))
	}
	return realtest.Job{
		Name: jobs.Tenants, Namespace: s.Namespace, Config: config,
		TrustFile: s.bao.TrustFile, TokenFile: s.TokenFile(t, jobs.TenantsName, jobs.TokenAudience), Kubeconfig: s.kubeconfig,
	}
}

func (s *server) grant(t *testing.T, role *rbacv1.Role) {
	t.Helper()
	ctx := t.Context()
	roles, bindings := s.RbacV1().Roles(role.Namespace), s.RbacV1().RoleBindings(role.Namespace)
	role.ObjectMeta = metav1.ObjectMeta{Name: role.Name}
	if _, err := roles.Get(ctx, role.Name, metav1.GetOptions{}); err == nil {
		if _, err := roles.Update(ctx, role, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		return
	}
	if _, err := roles.Create(ctx, role, metav1.CreateOptions{}); apierrors.IsNotFound(err) {
		return // its namespace is not there, as an engine would find too
	} else if err != nil {
		t.Fatal(err)
	}
	_, err := bindings.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: jobs.TenantsName, Namespace: s.Namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// run renders and runs, and the run ends well.
func (s *server) run(t *testing.T, text string) realtest.Outcome {
	t.Helper()
	o := s.job(t, text).Run(t)
	realtest.Finished(t, o)
	return o
}

// client is one of a tenant, without a token.
func (s *server) client(t *testing.T, tenant string) *openbao.Client {
	t.Helper()
	return s.bao.Client(t, 0, "").WithNamespace(jobs.TenantNamespace(tenant))
}

// withKey is logged in by an API key, as its Secret has it.
func (s *server) withKey(t *testing.T, tenant, key string) (*openbao.Client, error) {
	t.Helper()
	return s.withKeyOf(t, tenant, s.Secret(t, jobs.TenantKeySecret(tenant, key)))
}

func (s *server) withKeyOf(t *testing.T, tenant string, secret map[string][]byte) (*openbao.Client, error) {
	t.Helper()
	return s.login(t, tenant, "auth/approle/login", map[string]any{"role_id": string(secret["role-id"]), "secret_id": string(secret["secret-id"])})
}

// asAdmin is logged in as the admin.
func (s *server) asAdmin(t *testing.T, tenant, password string) (*openbao.Client, error) {
	t.Helper()
	return s.login(t, tenant, "auth/userpass/login/admin", map[string]any{"password": password})
}

func (s *server) password(t *testing.T, tenant string) string {
	t.Helper()
	return string(s.Secret(t, jobs.TenantAdminSecret(tenant))["password"])
}

func (s *server) login(t *testing.T, tenant, path string, data map[string]any) (*openbao.Client, error) {
	t.Helper()
	client := s.client(t, tenant)
	secret, err := client.Logical().WriteWithContext(t.Context(), path, data)
	if err != nil {
		return nil, err
	}
	client.SetToken(secret.Auth.ClientToken)
	return client, nil
}

func must(t *testing.T) func(*openbao.Client, error) *openbao.Client {
	return func(client *openbao.Client, err error) *openbao.Client {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
}

// sign signs, as a client does.
func sign(ctx context.Context, client *openbao.Client, key string) error {
	secret, err := client.Logical().WriteWithContext(ctx, jobs.PluginName+"/sign/"+key, map[string]any{"input": "aGVsbG8="})
	if err == nil && (secret == nil || secret.Data["signature"] == nil) {
		err = fmt.Errorf("there is no signature")
	}
	return err
}
