//go:build integration

package restore_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	openbao "github.com/openbao/openbao/api/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/jobs/database"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/restore"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// config is that of either Job, and where this test mounts its Secrets.
type config struct {
	Backup  *jobs.BackupConfig
	Restore *jobs.RestoreConfig
	Mounts  jobs.Mounts
}

func TestMain(m *testing.M) {
	realtest.Main(m, func(ctx context.Context, s *run.Session, c config) error {
		if c.Backup != nil {
			return backup.Run(ctx, s, *c.Backup, c.Mounts)
		}
		return restore.Run(ctx, s, *c.Restore, c.Mounts)
	})
}

const (
	rows = 5000
	key  = "rollup"
)

// stack is one that was backed up.
type stack struct {
	*realtest.Kubernetes
	bao    *realtest.OpenBao
	s3     *realtest.S3
	sql    func(string) string
	mounts jobs.Mounts
	signer *signing.Signer
	// recipient is whom backups are encrypted to.
	recipient *age.X25519Recipient
	root      string
	keysKey   string // of what keys are, in their Secret
	keys      string // that unseal, or recover
	public    string // of the key that signs
	checksum  string // of the table's rows
	backup    jobs.BackupConfig
	restore   jobs.RestoreConfig
	// kubeconfig is that of the restore's service account; KUBECONFIG's when it
	// is "".
	kubeconfig string
}

// plugin builds the secrets engine.
func plugin(t *testing.T, dir string) (sum string) {
	t.Helper()
	out := filepath.Join(dir, jobs.PluginCommand("v1.1.0"))
	cmd := exec.Command("go", "build", "-o", out, "./cmd/secp256k1")
	cmd.Dir = "../../secp256k1"
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:])
}

func newStack(t *testing.T, nodes int) *stack {
	t.Helper()
	return newStackWith(t, realtest.OpenBaoOptions{Nodes: nodes})
}

func newStackWith(t *testing.T, o realtest.OpenBaoOptions) *stack {
	t.Helper()
	k := realtest.NewKubernetes(t)
	o.Kubernetes = k
	s := &stack{Kubernetes: k, s3: realtest.NewS3(t), bao: realtest.NewOpenBao(t, o), keysKey: jobs.KeyUnseal}
	if o.Seal != "" {
		s.keysKey = jobs.KeyRecovery
	}
	k.ServiceAccount(t, "banhbaoring-backup")
	k.ServiceAccount(t, "banhbaoring-restore")
	k.MakeSecret(t, jobs.SecretOpenBaoKeys, nil)
	oauth := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "oauth", Annotations: map[string]string{"example.com/accessor": "of-before"}},
		Data:       map[string][]byte{"secret": []byte("of-before")},
	}
	if _, err := k.CoreV1().Secrets(k.Namespace).Create(t.Context(), oauth, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.initialise(t)
	sum := plugin(t, s.bao.PluginDir)
	client := s.bao.Client(t, 0, s.root)
	err := client.Sys().RegisterPlugin(&openbao.RegisterPluginInput{
		Name: jobs.PluginName, Type: openbao.PluginTypeSecrets, SHA256: sum, Version: "v1.1.0", Command: jobs.PluginCommand("v1.1.0"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Sys().Mount(jobs.PluginName, &openbao.MountInput{Type: jobs.PluginName, Config: openbao.MountConfigInput{PluginVersion: "v1.1.0"}}); err != nil {
		t.Fatal(err)
	}
	s.public = fmt.Sprint(s.bao.Write(t, s.root, "secp256k1/keys/"+key, map[string]any{})["public_key"])

	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	url, sql := realtest.NewPostgres(t)
	sql("CREATE ROLE keys LOGIN CREATEDB; CREATE DATABASE keys OWNER keys; CREATE ROLE banhbaoring_restore LOGIN; GRANT banhbaoring_restore TO keys")
	s.sql = func(script string) string { return strings.TrimSpace(sql("\\connect keys\n" + script)) }
	s.sql(fmt.Sprintf("SET ROLE keys; CREATE TABLE public.users (id bigint, name text); INSERT INTO users SELECT n, md5(n::text) FROM generate_series(1, %d) n", rows))
	s.checksum = s.sum()
	dir := t.TempDir()
	private := signing.New()
	if s.signer, err = signing.Parse(private); err != nil {
		t.Fatal(err)
	}
	s.recipient = identity.Recipient()
	for name, text := range map[string]string{
		"url":              strings.Replace(strings.Replace(url, "tester:any@", "keys:any@", 1), "/postgres?", "/keys?", 1),
		jobs.LoaderURLFile: strings.Replace(strings.Replace(url, "tester:any@", jobs.PostgresLoader+":any@", 1), "/postgres?", "/keys?", 1),
		"access-key-id":    realtest.S3AccessKeyID, "secret-access-key": realtest.S3SecretAccessKey, "identity": identity.String(),
		jobs.KeySigning: string(private), jobs.KeyPublic: string(s.signer.Public()),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.mounts = jobs.Mounts{Bucket: dir, Socket: realtest.Socket(t, dir, database.Serve), Identity: dir, Keys: dir}
	s.applications(t)
	components := []v1.BackupComponent{v1.BackupOpenBao, v1.BackupDatabase, v1.BackupSecrets}
	needs := jobs.BackupNeeds{Versions: jobs.BackupVersions{OpenBao: realtest.Version(t), Plugin: "1.1.0"}}
	s.backup = jobs.BackupConfig{
		Cluster: "prod", Namespace: k.Namespace, Reason: jobs.BackupOnDemand, Type: v1.BackupFull, Name: "first", Components: components,
		Destination: s.s3.Destination("production/"), Recipients: []string{identity.Recipient().String()},
		Address: s.bao.Peers[0], Secrets: []string{jobs.SecretOpenBaoKeys, "oauth"}, Needs: needs,
	}
	s.restore = jobs.RestoreConfig{
		Cluster: "prod", Namespace: k.Namespace, Name: "after", Backup: "first", Source: s.backup.Destination, Components: components,
		Verify: true, Force: true, Encrypted: true, Address: s.bao.Peers[0], Peers: s.bao.Peers, KeySecret: jobs.SecretOpenBaoKeys, PluginMount: jobs.PluginName,
		Applications: map[string]int32{jobs.APIName: 2, jobs.DashboardName: 1}, Secrets: []string{"oauth"}, Has: needs,
		Receipt: jobs.RestoreReceipt("after"), Request: "one",
	}
	return s
}

// initialise sets a new OpenBao up, as the init Job does, and keeps its keys.
func (s *stack) initialise(t *testing.T) {
	t.Helper()
	var keys []string
	s.root, keys = s.bao.Initialise(t)
	s.keys = strings.Join(keys, "\n") + "\n"
	s.write(t, jobs.SecretOpenBaoKeys, map[string][]byte{s.keysKey: []byte(s.keys), jobs.KeyConfigured: []byte("yes")})
	s.bao.EnableLogin(t, s.Kubernetes, s.root)
	for _, role := range []string{jobs.Backup, jobs.Restore} {
		policy, err := os.ReadFile("../configure/policies/" + role + ".hcl")
		if err != nil {
			t.Fatal(err)
		}
		s.bao.MakeRole(t, s.Kubernetes, s.root, role, "banhbaoring-"+role, string(policy))
	}
}

// applications has a Deployment, whose pods find no node.
func (s *stack) applications(t *testing.T) {
	t.Helper()
	two, labels := int32(2), map[string]string{"app": "none"}
	_, err := s.AppsV1().Deployments(s.Namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: jobs.APIName},
		Spec: appsv1.DeploymentSpec{Replicas: &two, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec:       corev1.PodSpec{NodeSelector: map[string]string{"no": "node"}, Containers: []corev1.Container{{Name: "none", Image: "none"}}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stack) write(t *testing.T, name string, data map[string][]byte) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
	if _, err := s.CoreV1().Secrets(s.Namespace).Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (s *stack) sum() string {
	return s.sql("SELECT md5(string_agg(name, '' ORDER BY id)) FROM public.users")
}

func (s *stack) job(t *testing.T, role string, c config) realtest.Job {
	t.Helper()
	c.Mounts = s.mounts
	kubeconfig := s.kubeconfig
	if role != jobs.Restore {
		kubeconfig = ""
	}
	return realtest.Job{Kubeconfig: kubeconfig, Name: role, Namespace: s.Namespace, Config: c, TrustFile: s.bao.TrustFile, TokenFile: s.TokenFile(t, "banhbaoring-"+role, jobs.TokenAudience)}
}

// least lets the restore have no more than the rights that are rendered.
func (s *stack) least(t *testing.T) {
	t.Helper()
	file, err := os.Open("../../components/restore/base/rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	documents := utilyaml.NewYAMLOrJSONDecoder(file, 4096)
	var account corev1.ServiceAccount
	var role rbacv1.Role
	var binding rbacv1.RoleBinding
	for _, into := range []any{&account, &role, &binding} {
		if err := documents.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	role.Rules[0].ResourceNames = []string{jobs.SecretOpenBaoKeys, "oauth"}
	role.Rules[1].ResourceNames = []string{jobs.SecretRestoreKeys}
	role.Rules[2].ResourceNames = []string{s.restore.Receipt}
	binding.Subjects[0].Namespace = s.Namespace
	if _, err := s.RbacV1().Roles(s.Namespace).Create(t.Context(), &role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RbacV1().RoleBindings(s.Namespace).Create(t.Context(), &binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := clientcmd.LoadFromFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig.AuthInfos = map[string]*clientcmdapi.AuthInfo{account.Name: {Token: s.Token(t, account.Name, "")}}
	kubeconfig.Contexts[kubeconfig.CurrentContext].AuthInfo = account.Name
	s.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*kubeconfig, s.kubeconfig); err != nil {
		t.Fatal(err)
	}
}

func (s *stack) takeBackup(t *testing.T, change func(*jobs.BackupConfig)) {
	t.Helper()
	c := s.backup
	if change != nil {
		change(&c)
	}
	realtest.Finished(t, s.job(t, jobs.Backup, config{Backup: &c}).Run(t))
}

func (s *stack) runs(t *testing.T, change func(*jobs.RestoreConfig)) realtest.Outcome {
	t.Helper()
	c := s.restore
	if change != nil {
		change(&c)
	}
	o := s.job(t, jobs.Restore, config{Restore: &c}).Run(t)
	s.tellsNothing(t, o)
	return o
}

func (s *stack) tellsNothing(t *testing.T, o realtest.Outcome) {
	t.Helper()
	for _, secret := range []string{strings.TrimSpace(s.keys), s.root, realtest.S3SecretAccessKey, "AGE-SECRET", "of-before"} {
		if strings.Contains(o.Log, secret) {
			t.Errorf("the log shows %s:\n%s", secret, o.Log)
		}
	}
}

// lose takes all data, and has new servers in its place, as a stack has that was
// stood up anew.
func (s *stack) lose(t *testing.T) {
	t.Helper()
	for i := range s.bao.Peers {
		s.bao.Stop(i)
	}
	for i := range s.bao.Peers {
		s.bao.Wipe(t, i)
	}
	for i := range s.bao.Peers {
		s.bao.Start(t, i)
	}
	s.initialise(t)
	s.sql("DROP TABLE IF EXISTS public.users")
	s.write(t, "oauth", map[string][]byte{"secret": []byte("another")})
	if s.sql("SELECT to_regclass('public.users') IS NULL") != "t" {
		t.Fatal("the rows are there still")
	}
	if client := s.bao.Client(t, 0, s.root); client != nil {
		if found, err := client.Logical().Read("secp256k1/keys/" + key); err == nil && found != nil {
			t.Fatal("the key is there still")
		}
	}
}

// whole fails the test unless all is what it was: the key signs, the rows and
// Secrets are there, and what was in their place is kept.
func (s *stack) whole(t *testing.T, before string, keys string) {
	t.Helper()
	for i := range s.bao.Peers {
		s.bao.Unsealed(t, i)
	}
	input := base64.StdEncoding.EncodeToString([]byte("block 1"))
	signed := s.bao.Write(t, before, "secp256k1/sign/"+key, map[string]any{"input": input})
	if signed["public_key"] != s.public {
		t.Errorf("the key is %v, and was %s", signed["public_key"], s.public)
	}
	if got := s.bao.Write(t, before, "secp256k1/verify/"+key, map[string]any{"input": input, "signature": signed["signature"]}); got["valid"] != true {
		t.Errorf("the signature is not valid: %v", got)
	}
	if got := s.sum(); got != s.checksum {
		t.Errorf("rows have the sum %s, and had %s", got, s.checksum)
	}
	oauth, err := s.CoreV1().Secrets(s.Namespace).Get(t.Context(), "oauth", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if data, note := string(oauth.Data["secret"]), oauth.Annotations["example.com/accessor"]; data != "of-before" || note != "of-before" {
		t.Errorf("the Secret holds %q and says %q", data, note)
	}
	if got := string(s.Secret(t, jobs.SecretOpenBaoKeys)[s.keysKey]); got != keys {
		t.Error("the key Secret does not hold the backup's keys")
	}
	receipt, err := s.CoreV1().ConfigMaps(s.Namespace).Get(t.Context(), s.restore.Receipt, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"StopApplications", "RestoreOpenBao", "RestoreDatabase", "RestoreSecrets", "StartApplications", "VerifyHealth", jobs.ReceiptCompleted} {
		if receipt.Data[step] == "" {
			t.Errorf("the receipt lacks %s", step)
		}
	}
	if receipt.Annotations["kustomize.toolkit.fluxcd.io/prune"] != "disabled" {
		t.Error("the receipt can be pruned")
	}
	if got := s.sql("SELECT count(*) FROM pg_database WHERE datname = '" + receipt.Data["databaseBefore"] + "'"); got != "1" {
		t.Errorf("the database of before, %q, is not kept", receipt.Data["databaseBefore"])
	}
	scale, err := s.AppsV1().Deployments(s.Namespace).GetScale(t.Context(), jobs.APIName, metav1.GetOptions{})
	if err != nil || scale.Spec.Replicas != 2 {
		t.Errorf("the API is to have %v pods: %v", scale, err)
	}
}

// kept are the Secrets of before.
func (s *stack) kept(t *testing.T, prefix string) []corev1.Secret {
	t.Helper()
	all, err := s.CoreV1().Secrets(s.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all.Items, func(c corev1.Secret) bool { return !strings.HasPrefix(c.Name, prefix+"-before-") })
}

// untouched fails the test unless a refusal left all as it was.
func (s *stack) untouched(t *testing.T, o realtest.Outcome, says string) {
	t.Helper()
	if o.Code != run.CodeByHand || !strings.Contains(o.Log, says) || !strings.Contains(o.Log, "hint: ") {
		t.Errorf("exit %d, want %d and %q:\n%s", o.Code, run.CodeByHand, says, o.Log)
	}
	if _, err := s.CoreV1().ConfigMaps(s.Namespace).Get(t.Context(), s.restore.Receipt, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("there is a receipt: %v", err)
	}
	if got := string(s.Secret(t, jobs.SecretOpenBaoKeys)[s.keysKey]); got != s.keys {
		t.Error("the key Secret was changed")
	}
	if n := len(s.kept(t, jobs.SecretOpenBaoKeys)); n != 0 {
		t.Errorf("%d Secrets were made", n)
	}
	if got := s.sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'keys\\_%'"); got != "0" {
		t.Errorf("%s databases were made", got)
	}
	if scale, err := s.AppsV1().Deployments(s.Namespace).GetScale(t.Context(), jobs.APIName, metav1.GetOptions{}); err != nil || scale.Spec.Replicas != 2 {
		t.Errorf("the API was stopped: %v %v", scale, err)
	}
	if s.bao.Read(t, s.root, "auth/token/lookup-self") == nil {
		t.Error("OpenBao is another")
	}
}

func TestAllIsRestoredAfterAllWasLost(t *testing.T) {
	t.Parallel()
	for kind, nodes := range map[v1.BackupType]int{v1.BackupFull: 3, v1.BackupIncremental: 1} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newStack(t, nodes)
			s.least(t)
			root, keys := s.root, s.keys
			s.takeBackup(t, func(c *jobs.BackupConfig) { c.Type = kind })
			s.lose(t)
			lost := s.keys
			s.untouched(t, s.runs(t, func(c *jobs.RestoreConfig) { c.Force = false }), "set spec.options.force to true")
			realtest.Finished(t, s.runs(t, nil))
			s.whole(t, root, keys)
			if kept := s.kept(t, jobs.SecretOpenBaoKeys); len(kept) != 1 || string(kept[0].Data[jobs.KeyUnseal]) != lost {
				t.Errorf("the keys of before are not kept: %d Secrets", len(kept))
			}
			if kept := s.kept(t, "oauth"); len(kept) != 1 || string(kept[0].Data["secret"]) != "another" {
				t.Errorf("the Secret of before is not kept: %d Secrets", len(kept))
			}

			// Once is enough.
			s.sql("DELETE FROM public.users WHERE id = 1")
			if o := s.runs(t, nil); o.Code != 0 || !strings.Contains(o.Log, "was done already") {
				t.Errorf("again: exit %d\n%s", o.Code, o.Log)
			}
			if s.sql("SELECT count(*) FROM public.users") != fmt.Sprint(rows-1) {
				t.Error("the second run restored again")
			}
			if o := s.runs(t, func(c *jobs.RestoreConfig) { c.Request = "two" }); o.Code != run.CodeByHand || !strings.Contains(o.Log, "give the document another name") {
				t.Errorf("changed: exit %d\n%s", o.Code, o.Log)
			}
		})
	}
}

// A snapshot is opened by the key that its OpenBao had, which the KMS has still when
// all else is lost, and its alias another.
func TestWhatAKMSUnsealsIsRestored(t *testing.T) {
	t.Parallel()
	kms := realtest.NewKMS(t)
	s := newStackWith(t, kms.Seals(t, realtest.OpenBaoOptions{Nodes: 3}))
	s.least(t)
	s.backup.Needs.Seal.Key, s.restore.Has.Seal.Key = kms.Alias, kms.Alias
	root, keys := s.root, s.keys
	s.takeBackup(t, nil)
	kms.Point(t, kms.NewKey(t))
	s.lose(t)
	if s.keys == keys {
		t.Fatal("the new OpenBao has the keys of before")
	}
	s.untouched(t, s.runs(t, func(c *jobs.RestoreConfig) { c.Has.Seal.Key = "alias/another" }), `it is unsealed by awskms key \"alias/unseal\", and the spec names \"alias/another\"`)
	realtest.Finished(t, s.runs(t, nil))
	s.whole(t, root, keys)

	// Each comes back with nobody there.
	for i := range s.bao.Peers {
		s.bao.Stop(i)
	}
	for i := range s.bao.Peers {
		s.bao.Start(t, i)
	}
	s.bao.Led(t)
	s.whole(t, root, keys)
}

// OpenBao takes the snapshot and ends before it applies it.
func TestASnapshotThatOpenBaoForgotIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t, 1)
	root, keys := s.root, s.keys
	s.takeBackup(t, nil)
	for name, fault := range map[string]realtest.Fault{
		"unseen": func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusNoContent)
			return true
		},
		"killed": func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			pass.ServeHTTP(w, r)
			s.bao.Crash(0)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.lose(t)
			var sent atomic.Int32
			address := s.bao.Through(t, 0, func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
				return strings.HasSuffix(r.URL.Path, "/snapshot-force") && sent.Add(1) == 1 && fault(w, r, pass)
			})
			s.restore.Receipt, s.restore.Request = jobs.RestoreReceipt(name), name
			realtest.Finished(t, s.runs(t, func(c *jobs.RestoreConfig) { c.Address = address }))
			s.whole(t, root, keys)
			t.Logf("sent %d times", sent.Load())
		})
	}
}

// The same OpenBao goes back in time, without force.
func TestARunningStackGoesBack(t *testing.T) {
	t.Parallel()
	s := newStack(t, 3)
	s.takeBackup(t, nil)
	s.bao.Write(t, s.root, "secp256k1/keys/later", map[string]any{})
	s.sql("UPDATE public.users SET name = ''")
	s.write(t, "oauth", map[string][]byte{"secret": []byte("another")})
	realtest.Finished(t, s.runs(t, func(c *jobs.RestoreConfig) { c.Force = false }))
	s.whole(t, s.root, s.keys)
	if found, err := s.bao.Client(t, 0, s.root).Logical().Read("secp256k1/keys/later"); err == nil && found != nil {
		t.Error("a key of later is there")
	}
}

func TestABackupThatDoesNotFitTouchesNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t, 1)
	s.takeBackup(t, nil)
	s.takeBackup(t, func(c *jobs.BackupConfig) {
		c.Name, c.Components, c.Recipients, c.Secrets, c.Clear = "clear", []v1.BackupComponent{v1.BackupOpenBao}, nil, nil, true
	})
	for name, test := range map[string]struct {
		change func(*jobs.RestoreConfig)
		says   string
	}{
		"no such backup": {func(c *jobs.RestoreConfig) { c.Backup = "none" }, "there is no such backup"},
		"wrong cluster":  {func(c *jobs.RestoreConfig) { c.Cluster = "staging" }, "it is of cluster"},
		"older OpenBao":  {func(c *jobs.RestoreConfig) { c.Has.Versions.OpenBao = "2.3.0" }, "set spec.openbao.version to " + realtest.Version(t)},
		"other plugin":   {func(c *jobs.RestoreConfig) { c.Has.Versions.Plugin = "2.0.0" }, "set spec.openbao.plugin.version to 1.1.0"},
		"in the clear":   {func(c *jobs.RestoreConfig) { c.Backup = "clear" }, "is in the clear, and the spec has backups encrypted"},
		"no key shares":  {func(c *jobs.RestoreConfig) { c.Backup, c.Encrypted = "clear", false }, "1 of 1 unseal key shares are needed"},
	} {
		t.Run(name, func(t *testing.T) { s.untouched(t, s.runs(t, test.change), test.says) })
	}
	t.Run("no private key", func(t *testing.T) {
		mounts := s.mounts
		defer func() { s.mounts = mounts }()
		keys := t.TempDir()
		if err := os.WriteFile(filepath.Join(keys, jobs.KeyPublic), []byte(s.signer.Public()), 0o600); err != nil {
			t.Fatal(err)
		}
		s.mounts.Identity, s.mounts.Keys = t.TempDir(), keys
		s.untouched(t, s.runs(t, nil), "spec.backup.encryption.identitySecret")
	})
	t.Run("no right to make databases", func(t *testing.T) {
		s.sql("ALTER ROLE keys NOCREATEDB")
		defer s.sql("ALTER ROLE keys CREATEDB")
		s.untouched(t, s.runs(t, nil), `ALTER ROLE \"keys\" CREATEDB`)
	})
	objects := 0
	err := filepath.WalkDir(filepath.Join(s.s3.Dir, "production", "first"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		objects++
		t.Run("one wrong byte in "+entry.Name(), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text[len(text)/2] ^= 1
			flip := func() {
				file, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				if _, err := file.WriteAt(text[len(text)/2:len(text)/2+1], int64(len(text)/2)); err != nil {
					t.Fatal(err)
				}
			}
			flip()
			s.untouched(t, s.runs(t, nil), "is corrupt")
			text[len(text)/2] ^= 1
			flip()
		})
		return nil
	})
	if err != nil || objects != 4 {
		t.Errorf("%d objects: %v", objects, err)
	}
	realtest.Finished(t, s.runs(t, nil))
	s.whole(t, s.root, s.keys)
}

func TestARestoreIsKilledAtEachChange(t *testing.T) {
	t.Parallel()
	realtest.KillSideBySide(t, func(t *testing.T) (realtest.Setup, realtest.Check) {
		s := newStack(t, 1)
		root, keys := s.root, s.keys
		s.takeBackup(t, nil)
		n := 0
		return func(t *testing.T) realtest.Job {
				s.lose(t)
				n++
				s.restore.Receipt, s.restore.Request = fmt.Sprintf("receipt-%d", n), fmt.Sprint(n)
				c := s.restore
				return s.job(t, jobs.Restore, config{Restore: &c})
			}, func(t *testing.T, _ realtest.Job, o realtest.Outcome) string {
				s.tellsNothing(t, o)
				verdict := realtest.Finished(t, o)
				s.whole(t, root, keys)
				if len(s.kept(t, jobs.SecretOpenBaoKeys)) < n {
					t.Errorf("the keys of %d stacks are kept of %d", len(s.kept(t, jobs.SecretOpenBaoKeys)), n)
				}
				return verdict
			}
	})
}
