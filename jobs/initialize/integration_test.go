//go:build integration

package initialize_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/initialize"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

func TestMain(m *testing.M) { realtest.Main(m, initialize.Run) }

const (
	account   = "banhbaoring-init"
	configure = "banhbaoring-configure"
)

// stack is a fresh OpenBao with what the stages before it have made.
type stack struct {
	*realtest.Kubernetes
	bao *realtest.OpenBao
	job realtest.Job
}

func newStack(t *testing.T, o realtest.OpenBaoOptions) *stack {
	t.Helper()
	k := realtest.NewKubernetes(t)
	o.Kubernetes = k
	s := &stack{Kubernetes: k, bao: realtest.NewOpenBao(t, o)}
	k.MakeSecret(t, jobs.SecretOpenBaoKeys, nil)
	s.bao.Keep(t, k)
	k.ServiceAccount(t, account)
	k.ServiceAccount(t, configure)
	s.job = realtest.Job{
		Name: jobs.Init, Namespace: k.Namespace,
		Config: jobs.InitConfig{
			Namespace: k.Namespace, Peers: s.bao.Peers, AutoUnseal: o.Static || o.Seal != "", Shares: 3, Threshold: 2,
			KeySecret: jobs.SecretOpenBaoKeys, ServiceAccount: account,
			ConfigureServiceAccount: configure, TokenAudience: jobs.TokenAudience,
			KubernetesHost: k.Config.Host,
		},
		TrustFile: s.bao.TrustFile, TokenFile: k.TokenFile(t, account, jobs.TokenAudience),
	}
	return s
}

// finished checks that nothing is left to do: all peers are unsealed, the keys
// are kept, the root token is gone, and configure can log in and work.
func (s *stack) finished(t *testing.T, o realtest.Outcome) {
	t.Helper()
	realtest.Finished(t, o)
	for i := range s.bao.Peers {
		s.bao.Unsealed(t, i)
	}
	if len(s.bao.Peers) > 1 {
		s.bao.UnsealedOnce(t)
	}
	kept := s.Secret(t, jobs.SecretOpenBaoKeys)
	keys, other := jobs.KeyUnseal, jobs.KeyRecovery
	if s.job.Config.(jobs.InitConfig).AutoUnseal {
		keys, other = other, keys
	}
	if n := len(strings.Fields(string(kept[keys]))); n != 3 {
		t.Errorf("%d keys are kept, want 3", n)
	}
	for _, key := range []string{jobs.KeyRootToken, other, "canary"} {
		if kept[key] != nil {
			t.Errorf("%s is still in the Secret", key)
		}
	}
	if string(kept[jobs.KeyThreshold]) != "2" || kept[jobs.KeyInitialized] == nil || kept[jobs.KeyConfigured] == nil {
		t.Errorf("threshold %q, initialized %q, configured %q", kept[jobs.KeyThreshold], kept[jobs.KeyInitialized], kept[jobs.KeyConfigured])
	}
	token := s.login(t)
	client := s.bao.Client(t, 0, token)
	if err := client.Sys().PutPolicyWithContext(t.Context(), "probe", `path "x" { capabilities = ["read"] }`); err != nil {
		t.Error(err)
	}
	roles, err := client.Logical().ListWithContext(t.Context(), "auth/kubernetes/role")
	if err != nil {
		t.Fatal(err)
	}
	want := "[configure]"
	if s.job.Config.(jobs.InitConfig).RestoreServiceAccount != "" {
		want = "[configure restore]"
	}
	if got := fmt.Sprint(roles.Data["keys"]); got != want {
		t.Errorf("there are the roles %s, want %s", got, want)
	}
	accessors, err := client.Logical().ListWithContext(t.Context(), "auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	for _, accessor := range accessors.Data["keys"].([]any) {
		about, err := client.Auth().Token().LookupAccessorWithContext(t.Context(), accessor.(string))
		if err == nil && strings.Contains(fmt.Sprint(about.Data["policies"]), "root") {
			t.Error("a root token lives")
		}
	}
	s.noSecretIn(t, kept, o.Log)
}

func (s *stack) login(t *testing.T) string {
	t.Helper()
	answer, err := s.bao.Client(t, 0, "").Logical().WriteWithContext(t.Context(), "auth/kubernetes/login", map[string]any{
		"role": jobs.Configure, "jwt": s.Token(t, configure, jobs.TokenAudience),
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Auth.ClientToken
}

func (s *stack) noSecretIn(t *testing.T, kept map[string][]byte, log string) {
	t.Helper()
	events, err := s.EventsV1().Events(s.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	var secrets []string
	for _, key := range []string{jobs.KeyUnseal, jobs.KeyRecovery, jobs.KeyRootToken} {
		secrets = append(secrets, strings.Fields(string(kept[key]))...)
	}
	if len(secrets) == 0 {
		t.Error("there is no secret to look for")
	}
	for _, secret := range secrets {
		if strings.Contains(log, secret) || bytes.Contains(told, []byte(secret)) {
			t.Error("a key or token is in the log or an Event")
		}
	}
}

func TestFirstStart(t *testing.T) {
	for name, o := range map[string]realtest.OpenBaoOptions{
		"one peer with Shamir":         {},
		"three peers with Shamir":      {Nodes: 3},
		"three peers with auto-unseal": {Nodes: 3, Static: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, o)
			s.finished(t, s.job.Run(t))
			t.Run("and again changes nothing", func(t *testing.T) {
				before := s.Secret(t, jobs.SecretOpenBaoKeys)
				s.finished(t, s.job.Run(t))
				if after := s.Secret(t, jobs.SecretOpenBaoKeys); fmt.Sprint(after) != fmt.Sprint(before) {
					t.Error("the Secret changed")
				}
			})
			t.Run("and waits for a peer that was started again", func(t *testing.T) {
				last := len(s.bao.Peers) - 1
				s.bao.Stop(last)
				s.bao.Start(t, last)
				s.finished(t, s.job.Run(t))
			})
		})
	}
}

func TestKilledAtEachChange(t *testing.T) {
	for name, o := range map[string]realtest.OpenBaoOptions{"Shamir": {}, "auto-unseal": {Static: true}} {
		t.Run(name, func(t *testing.T) {
			var s *stack
			points := map[string]int{}
			realtest.KillEverywhere(t, func(t *testing.T) realtest.Job {
				s = newStack(t, o)
				return s.job
			}, func(t *testing.T, _ realtest.Job, o realtest.Outcome) string {
				points[realtest.Side(t)]++
				if o.Code == run.CodeByHand {
					return s.startsAnew(t, o)
				}
				s.finished(t, o)
				return "finished"
			})
			if len(points) == 0 {
				t.Error("it was killed nowhere")
			}
			for side, n := range points {
				if n < 10 {
					t.Errorf("killed %s %d changes", side, n)
				}
			}
		})
	}
}

// startsAnew checks the one state that a kill leaves to a human: initialised,
// and no key was stored.
func (s *stack) startsAnew(t *testing.T, o realtest.Outcome) string {
	t.Helper()
	kept := s.Secret(t, jobs.SecretOpenBaoKeys)
	if kept[jobs.KeyUnseal] != nil || kept[jobs.KeyRecovery] != nil {
		t.Fatalf("keys are there, and yet it is left to a human:\n%s", o.Log)
	}
	for _, want := range []string{"kubectl delete pvc -n " + s.Namespace, "data-banhbaoring-openbao-0", "put the Secret back"} {
		if !strings.Contains(o.Log, want) {
			t.Errorf("the message lacks %q:\n%s", want, o.Log)
		}
	}
	for i := range s.bao.Peers {
		s.bao.Stop(i)
	}
	for i := range s.bao.Peers {
		s.bao.Wipe(t, i)
		s.bao.Start(t, i)
	}
	s.finished(t, s.job.Run(t))
	return "by hand: volumes deleted; then finished"
}

func TestDataThatIsLostIsNotAFirstStart(t *testing.T) {
	s := newStack(t, realtest.OpenBaoOptions{Static: true})
	s.finished(t, s.job.Run(t))
	before := s.Secret(t, jobs.SecretOpenBaoKeys)
	s.bao.Stop(0)
	s.bao.Wipe(t, 0)
	s.bao.Start(t, 0)
	o := s.job.Run(t)
	if o.Code != run.CodeByHand || !strings.Contains(o.Log, "its data is gone") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
	if s.initialized(t, 0) {
		t.Error("it was initialised again")
	}
	if after := s.Secret(t, jobs.SecretOpenBaoKeys); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("the Secret changed")
	}
}

// A restore in the spec brings the data back, into an OpenBao that is new. The
// keys of the lost one are kept, wherever the Job is killed.
func TestLostDataBeginsAnewForARestore(t *testing.T) {
	for change := range 4 {
		t.Run(fmt.Sprintf("killed at change %d", change), func(t *testing.T) {
			s := newStack(t, realtest.OpenBaoOptions{})
			s.finished(t, s.job.Run(t))
			before := s.Secret(t, jobs.SecretOpenBaoKeys)
			s.bao.Stop(0)
			s.bao.Wipe(t, 0)
			s.bao.Start(t, 0)
			config := s.job.Config.(jobs.InitConfig)
			config.Restores, config.RestoreServiceAccount = []string{"receipt"}, "banhbaoring-restore"
			s.job.Config = config

			receipt := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "receipt"}, Data: map[string]string{jobs.ReceiptCompleted: "2026-01-02T02:00:00Z"}}
			receipt, err := s.CoreV1().ConfigMaps(s.Namespace).Create(t.Context(), receipt, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if o := s.job.Run(t); o.Code != run.CodeByHand || s.initialized(t, 0) {
				t.Fatalf("with a restore that is complete: exit %d:\n%s", o.Code, o.Log)
			}
			receipt.Data = nil
			if _, err := s.CoreV1().ConfigMaps(s.Namespace).Update(t.Context(), receipt, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			if o := s.job.Until(t, realtest.Kill{Change: change, After: change%2 == 0}); (o.Killed == "") != (change == 0) {
				t.Fatalf("killed: %q", o.Killed)
			}
			s.finished(t, s.job.Run(t))
			all, err := s.CoreV1().Secrets(s.Namespace).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			kept := 0
			for _, secret := range all.Items {
				if strings.HasPrefix(secret.Name, jobs.SecretOpenBaoKeys+"-lost-") && bytes.Equal(secret.Data[jobs.KeyUnseal], before[jobs.KeyUnseal]) {
					kept++
				}
			}
			if kept != 1 {
				t.Errorf("the keys of the lost OpenBao are kept in %d Secrets", kept)
			}
		})
	}
}

func TestAPeerThatLostItsDataJoinsAgain(t *testing.T) {
	s := newStack(t, realtest.OpenBaoOptions{Nodes: 3})
	s.finished(t, s.job.Run(t))
	s.bao.Voters(t, s.login(t))
	s.bao.Stop(0)
	s.bao.Wipe(t, 0)
	s.bao.Start(t, 0)
	s.finished(t, s.job.Run(t))
}

func TestNothingIsInitialisedWhereKeysCannotBeStored(t *testing.T) {
	s := newStack(t, realtest.OpenBaoOptions{})
	s.job.Kubeconfig = s.reader(t)
	o := s.job.Run(t)
	if o.Code != run.CodeFailed || !strings.Contains(o.Log, "Forbidden") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
	if s.initialized(t, 0) {
		t.Error("it was initialised")
	}
}

func TestARootTokenOfAHumansIsTakenAndRevoked(t *testing.T) {
	s := newStack(t, realtest.OpenBaoOptions{Static: true})
	if o := s.job.Until(t, realtest.Kill{Change: 4}); o.Killed == "" {
		t.Fatal("not killed")
	}
	root := string(s.Secret(t, jobs.SecretOpenBaoKeys)[jobs.KeyRootToken])
	client := s.bao.Client(t, 0, root)
	another, err := client.Auth().Token().CreateOrphan(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Auth().Token().RevokeSelf(""); err != nil {
		t.Fatal(err)
	}
	if o := s.job.Run(t); o.Code != run.CodeByHand || !strings.Contains(o.Log, "generate-root") {
		t.Fatalf("exit %d:\n%s", o.Code, o.Log)
	}
	secrets := s.CoreV1().Secrets(s.Namespace)
	secret, err := secrets.Get(t.Context(), jobs.SecretOpenBaoKeys, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	secret.Data[jobs.KeyRootToken] = []byte(another.Auth.ClientToken + "\n")
	if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.finished(t, s.job.Run(t))
	_, err = s.bao.Client(t, 0, another.Auth.ClientToken).Auth().Token().LookupSelf()
	if run.Status(err) != http.StatusForbidden {
		t.Errorf("the token is looked up with %v", err)
	}
}

func TestRecoveryKeysAreEncryptedForTheirHolders(t *testing.T) {
	// As docs/initialisation.md has it for those who make a root token; servers before
	// 2.5.3 pass it over.
	s := newStack(t, realtest.OpenBaoOptions{Static: true, Listener: "disable_unauthed_generate_root_endpoints = false"})
	config := s.job.Config.(jobs.InitConfig)
	var holders []*openpgp.Entity
	for i := range 3 {
		holder, err := openpgp.NewEntity(fmt.Sprintf("Holder %d", i), "", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		var public bytes.Buffer
		if err := holder.Serialize(&public); err != nil {
			t.Fatal(err)
		}
		holders = append(holders, holder)
		config.PGPKeys = append(config.PGPKeys, base64.StdEncoding.EncodeToString(public.Bytes()))
	}
	s.job.Config = config
	s.finished(t, s.job.Run(t))
	kept := s.Secret(t, jobs.SecretOpenBaoKeys)
	shares := strings.Fields(string(kept[jobs.KeyRecovery]))
	prints := strings.Fields(string(kept[jobs.KeyFingerprints]))
	for i, holder := range holders {
		if want := fmt.Sprintf("%x", holder.PrimaryKey.Fingerprint); prints[i] != want {
			t.Errorf("fingerprint %s, want %s", prints[i], want)
		}
		encrypted, err := base64.StdEncoding.DecodeString(shares[i])
		if err != nil {
			t.Fatal(err)
		}
		message, err := openpgp.ReadMessage(bytes.NewReader(encrypted), openpgp.EntityList{holder}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		share, err := io.ReadAll(message.UnverifiedBody)
		if err != nil {
			t.Fatal(err)
		}
		shares[i] = string(share)
	}
	// Two shares are the threshold: they generate a root token.
	var progress struct {
		Nonce    string
		Complete bool
	}
	s.put(t, "sys/generate-root/attempt", nil, &progress)
	for i, share := range shares[:2] {
		s.put(t, "sys/generate-root/update", map[string]string{"key": share, "nonce": progress.Nonce}, &progress)
		if progress.Complete != (i == 1) {
			t.Errorf("complete after %d shares: %v", i+1, progress.Complete)
		}
	}
}

// put sends a request without a token.
func (s *stack) put(t *testing.T, path string, body map[string]string, answer any) {
	t.Helper()
	client := s.bao.Client(t, 0, "")
	r := client.NewRequest(http.MethodPut, "/v1/"+path)
	if err := r.SetJSONBody(body); err != nil {
		t.Fatal(err)
	}
	response, err := client.RawRequestWithContext(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := response.DecodeJSON(answer); err != nil {
		t.Fatal(err)
	}
}

func (s *stack) initialized(t *testing.T, ordinal int) bool {
	t.Helper()
	status, err := s.bao.Client(t, ordinal, "").Sys().SealStatus()
	if err != nil {
		t.Fatal(err)
	}
	return status.Initialized
}

// reader is a kubeconfig of the Job's own account, which may do all that it
// needs but write the Secret.
func (s *stack) reader(t *testing.T) string {
	t.Helper()
	roles := s.RbacV1()
	_, err := roles.Roles(s.Namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}},
			{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = roles.RoleBindings(s.Namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: account},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: s.Namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.AuthInfos = map[string]*clientcmdapi.AuthInfo{account: {Token: s.Token(t, account, "")}}
	config.Contexts[config.CurrentContext].AuthInfo = account
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}
