//go:build integration

package backup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
	"github.com/banhbaoring/banhbaoring/jobs/database"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// config is the Job's, and where this test mounts its Secrets.
type config struct {
	jobs.BackupConfig
	Mounts jobs.Mounts
}

func TestMain(m *testing.M) {
	realtest.Main(m, func(ctx context.Context, s *run.Session, c config) error {
		return Run(ctx, s, c.BackupConfig, c.Mounts)
	})
}

const account = "banhbaoring-backup"

// stack is what a backup is taken of.
type stack struct {
	*realtest.Kubernetes
	bao      *realtest.OpenBao
	s3       *realtest.S3
	sql      func(string) string
	identity *age.X25519Identity
	signer   *signing.Signer
	job      realtest.Job
	config   config
}

func newStack(t *testing.T) *stack {
	t.Helper()
	k := realtest.NewKubernetes(t)
	s := &stack{Kubernetes: k, s3: realtest.NewS3(t)}
	s.bao = realtest.NewOpenBao(t, realtest.OpenBaoOptions{Static: true, Kubernetes: k})
	root, _ := s.bao.Initialise(t)
	s.bao.EnableLogin(t, k, root)
	k.ServiceAccount(t, account)
	policy, err := os.ReadFile("../configure/policies/backup.hcl")
	if err != nil {
		t.Fatal(err)
	}
	s.bao.MakeRole(t, k, root, jobs.Backup, account, string(policy))
	k.MakeSecret(t, "keys", map[string][]byte{"unseal-keys": []byte("a-very-secret-share")})
	if s.identity, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	url, sql := realtest.NewPostgres(t)
	s.sql = sql
	sql("CREATE TABLE users (id bigint, name text); INSERT INTO users SELECT n, md5(n::text) FROM generate_series(1, 5000) n; CREATE TABLE none (id int);")
	dir := t.TempDir()
	private := signing.New()
	if s.signer, err = signing.Parse(private); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"url": url, "access-key-id": realtest.S3AccessKeyID, "secret-access-key": realtest.S3SecretAccessKey,
		jobs.KeySigning: string(private), jobs.KeyPublic: string(s.signer.Public()), jobs.KeyRecipient: s.identity.Recipient().String(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket := realtest.Socket(t, dir, database.Serve)
	s.config = config{Mounts: jobs.Mounts{Bucket: dir, Socket: socket, Keys: dir}, BackupConfig: jobs.BackupConfig{
		Cluster: "prod", Namespace: k.Namespace, Reason: jobs.BackupOnDemand, Type: v1.BackupIncremental, Name: "first",
		Components:  []v1.BackupComponent{v1.BackupOpenBao, v1.BackupDatabase, v1.BackupSecrets},
		Destination: s.s3.Destination("production/"), Recipients: []string{s.identity.Recipient().String()}, Retention: 30,
		Address: s.bao.Peers[0], PluginMount: jobs.PluginName, Secrets: []string{"keys", "absent"}, Receipt: "receipt", Request: "one",
	}}
	s.job = realtest.Job{Name: jobs.Backup, Namespace: k.Namespace, TrustFile: s.bao.TrustFile, TokenFile: k.TokenFile(t, account, jobs.TokenAudience)}
	return s
}

// run runs the Job with the configuration that change makes.
func (s *stack) run(t *testing.T, change func(*jobs.BackupConfig)) realtest.Outcome {
	t.Helper()
	c := s.config
	if change != nil {
		change(&c.BackupConfig)
	}
	job := s.job
	job.Config = c
	o := job.Run(t)
	for _, secret := range []string{"a-very-secret-share", realtest.S3SecretAccessKey, "tester:any"} {
		if strings.Contains(o.Log, secret) {
			t.Errorf("the log shows %s:\n%s", secret, o.Log)
		}
	}
	return o
}

func (s *stack) repository(t *testing.T) *archive.Repository {
	t.Helper()
	opened, err := store.Open(t.Context(), s.config.Destination, store.Credentials{AccessKeyID: realtest.S3AccessKeyID, SecretAccessKey: realtest.S3SecretAccessKey}, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &archive.Repository{Store: opened, Log: slog.New(slog.DiscardHandler), Signer: s.signer, Trusted: []signing.Key{s.signer.Public()}}
}

// whole fails the test unless a backup holds all of the stack.
func (s *stack) whole(t *testing.T, name string) *archive.Manifest {
	t.Helper()
	r := s.repository(t)
	m, err := r.Manifest(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Trust(m); err != nil {
		t.Error(err)
	}
	content := map[v1.BackupComponent]string{}
	for _, p := range m.Parts {
		var out bytes.Buffer
		if err := r.Read(t.Context(), m, p, []age.Identity{s.identity}, &out); err != nil {
			t.Fatal(err)
		}
		content[p.Component] = out.String()
	}
	if _, err := CheckSnapshot(strings.NewReader(content[v1.BackupOpenBao])); err != nil {
		t.Error(err)
	}
	if rows := m.Parts[1].Rows; rows["public.users"] != 5000 || len(rows) != 2 {
		t.Errorf("rows %v", rows)
	}
	if !strings.Contains(content[v1.BackupSecrets], "YS12ZXJ5LXNlY3JldC1zaGFyZQ==") {
		t.Error("the Secret is not in the backup")
	}
	if n := m.Needs; n.ClusterID == "" || n.Versions.OpenBao == "" || n.Versions.Database == "" || n.Seal.Type != "static" {
		t.Errorf("needs %+v", n)
	}
	return m
}

func TestABackupHoldsAllAndIsTakenOnce(t *testing.T) {
	s := newStack(t)
	realtest.Finished(t, s.run(t, nil))
	m := s.whole(t, "first")

	// The dump is one that PostgreSQL reads.
	var dump bytes.Buffer
	if err := s.repository(t).Read(t.Context(), m, m.Parts[1], []age.Identity{s.identity}, &dump); err != nil {
		t.Fatal(err)
	}
	before := s.sql("SELECT md5(string_agg(name, '' ORDER BY id)) FROM users")
	s.sql("DROP TABLE users, none;")
	if err := database.Open(s.config.Mounts.Socket).Load(t.Context(), "postgres", false, &dump); err != nil {
		t.Fatal(err)
	}
	if after := s.sql("SELECT md5(string_agg(name, '' ORDER BY id)) FROM public.users"); after != before {
		t.Errorf("%q was backed up, %q restored", before, after)
	}

	if o := s.run(t, nil); o.Code != 0 || !strings.Contains(o.Log, "taken already") {
		t.Errorf("again: %s", o.Log)
	}
	if o := s.run(t, func(c *jobs.BackupConfig) { c.Request = "two" }); o.Code != run.CodeByHand || !strings.Contains(o.Log, "give the document another name") {
		t.Errorf("changed: exit %d\n%s", o.Code, o.Log)
	}
	scheduled := s.run(t, func(c *jobs.BackupConfig) {
		c.Name, c.Receipt, c.Reason = "", "", jobs.BackupScheduled
	})
	realtest.Finished(t, scheduled)
}

func TestTwoBackupsAtOnce(t *testing.T) {
	s := newStack(t)
	logs := map[string]string{}
	var mutex sync.Mutex
	t.Run("at once", func(t *testing.T) {
		for pod, name := range map[string]string{"a": "first", "b": "first", "c": "second", "d": ""} {
			t.Run(pod, func(t *testing.T) {
				t.Parallel()
				c, job := s.config, s.job
				c.Name, c.Request, c.Receipt = name, name, "receipt-"+name
				if name == "" {
					c.Receipt, c.Reason = "", jobs.BackupScheduled
				}
				job.Pod, job.Config = pod, c
				o := job.Run(t)
				realtest.Finished(t, o)
				mutex.Lock()
				defer mutex.Unlock()
				logs[pod] = o.Log
			})
		}
	})
	if again := strings.Contains(logs["a"], "taken already") != strings.Contains(logs["b"], "taken already"); !again {
		t.Errorf("the same document was taken by both or by none:\n%s\n%s", logs["a"], logs["b"])
	}
	n := 0
	for b, err := range s.repository(t).Backups(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		s.whole(t, b.Name)
		n++
	}
	if n != 3 {
		t.Errorf("%d backups, want 3", n)
	}
}

func TestTheGuard(t *testing.T) {
	s := newStack(t)
	guard := func(c *jobs.BackupConfig) {
		c.Name, c.Reason, c.Request, c.StatefulSets = "", jobs.BackupBefore, "openbao 1", []string{jobs.OpenBaoName}
	}
	if o := s.run(t, guard); o.Code != 0 || !strings.Contains(o.Log, nothing) {
		t.Errorf("first installation: exit %d\n%s", o.Code, o.Log)
	}
	if o := s.run(t, guard); o.Code != 0 || !strings.Contains(o.Log, "taken already") {
		t.Errorf("the same versions: exit %d\n%s", o.Code, o.Log)
	}
	// Everything is applied at once: OpenBao is there, and holds nothing.
	labels := map[string]string{"app": "none"}
	_, err := s.AppsV1().StatefulSets(s.Namespace).Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: jobs.OpenBaoName},
		Spec: appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Replicas: new(int32), Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "none", Image: "none"}}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	empty := func(c *jobs.BackupConfig) {
		guard(c)
		c.Receipt, c.Components = "fresh", []v1.BackupComponent{v1.BackupOpenBao}
	}
	if o := s.run(t, empty); o.Code != 0 || !strings.Contains(o.Log, nothing) {
		t.Errorf("an OpenBao without keys: exit %d\n%s", o.Code, o.Log)
	}
	if o := s.run(t, func(c *jobs.BackupConfig) { guard(c); c.Receipt = "tables" }); o.Code != 0 || strings.Contains(o.Log, nothing) {
		t.Errorf("a database with tables: exit %d\n%s", o.Code, o.Log)
	}
	upgrade := func(c *jobs.BackupConfig) {
		guard(c)
		c.Request, c.StatefulSets = "openbao 2", nil
	}
	broken := func(c *jobs.BackupConfig) {
		upgrade(c)
		c.Destination.S3 = c.Destination.S3.DeepCopy()
		c.Destination.S3.Bucket = "nowhere"
	}
	if o := s.run(t, broken); o.Code != run.CodeFailed {
		t.Errorf("required: exit %d\n%s", o.Code, o.Log)
	}
	if o := s.run(t, func(c *jobs.BackupConfig) { broken(c); c.BestEffort = true }); o.Code != 0 || !strings.Contains(o.Log, "there is no backup before this change") {
		t.Errorf("best effort: exit %d\n%s", o.Code, o.Log)
	}
	realtest.Finished(t, s.run(t, upgrade))
	receipt, err := s.CoreV1().ConfigMaps(s.Namespace).Get(t.Context(), "receipt", metav1.GetOptions{})
	if err != nil || receipt.Data["request"] != "openbao 2" {
		t.Errorf("receipt %v, %v", receipt, err)
	}
}

// The bucket goes away at each of its changes: what is left is no backup, and the
// next run is whole.
func TestTheBucketGoesAwayAtEachChange(t *testing.T) {
	s := newStack(t)
	direct := s.config.Destination
	for n := int32(1); ; n++ {
		var changes atomic.Int32
		harmed := s.s3.Through(t, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.Method != http.MethodGet && r.Method != http.MethodHead && changes.Add(1) >= n {
				_, _ = io.CopyN(io.Discard, r.Body, 100)
				panic(http.ErrAbortHandler)
			}
			return false
		})
		name := "backup-" + string(rune('a'+n))
		change := func(d v1.Destination) func(*jobs.BackupConfig) {
			return func(c *jobs.BackupConfig) {
				c.Name, c.Request, c.Receipt, c.Destination, c.Retention = name, name, "receipt-"+name, d, 0
			}
		}
		first := s.run(t, change(harmed.Destination("production/")))
		if first.Code == 0 {
			if n < 4 {
				t.Errorf("only %d changes", n-1)
			}
			return
		}
		if _, err := s.repository(t).Manifest(t.Context(), name); !errors.Is(err, archive.ErrNoBackup) {
			t.Errorf("change %d: a manifest is there: %v", n, err)
		}
		realtest.Finished(t, s.run(t, change(direct)))
		s.whole(t, name)
		t.Logf("bucket gone at change %d (%s): no backup, then a whole one", n, first.Step)
	}
}

func TestABackupIsKilledAtEachChange(t *testing.T) {
	var s *stack
	realtest.KillEverywhere(t, func(t *testing.T) realtest.Job {
		s = newStack(t)
		s.job.Config = s.config
		return s.job
	}, func(t *testing.T, _ realtest.Job, o realtest.Outcome) string {
		s.whole(t, "first")
		return realtest.Finished(t, o)
	})
}

// What the stack minted opens its backups, which is told until it was taken out of
// the cluster; the newest backup is remembered where the bucket cannot reach.
func TestTheStateIsDegradedUntilTheRecoverySetIsTakenOut(t *testing.T) {
	s := newStack(t)
	minted := func(c *jobs.BackupConfig) {
		c.Recipients, c.Name, c.Receipt, c.Reason = nil, "", "", jobs.BackupScheduled
	}
	o := s.run(t, minted)
	realtest.Finished(t, o)
	if !strings.Contains(o.Log, "degraded: backups cannot be read without this cluster") {
		t.Errorf("nothing is told:\n%s", o.Log)
	}
	chain, err := s.CoreV1().ConfigMaps(s.Namespace).Get(t.Context(), jobs.BackupChain, metav1.GetOptions{})
	if err != nil || chain.Data[jobs.RecoveryRecipient] != s.identity.Recipient().String() || jobs.Recoverable(nil, chain.Data) {
		t.Errorf("the exporter sees no keys: %v %v", err, chain.Data)
	}
	_, err = s.CoreV1().ConfigMaps(s.Namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: jobs.RecoveryReceipt},
		Data:       map[string]string{jobs.RecoverySigner: string(s.signer.Public()), jobs.RecoveryRecipient: s.identity.Recipient().String()},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) func(*jobs.BackupConfig) {
		return func(c *jobs.BackupConfig) { minted(c); c.Name = name }
	}
	o = s.run(t, named("second"))
	realtest.Finished(t, o)
	if strings.Contains(o.Log, "degraded") {
		t.Errorf("it is told still:\n%s", o.Log)
	}
	if m := s.whole(t, "second"); m.Degraded {
		t.Error("the second backup is degraded still")
	}

	if err := s.repository(t).Store.Delete(t.Context(), "second/manifest.json"); err != nil {
		t.Fatal(err)
	}
	o = s.run(t, named("third"))
	realtest.Finished(t, o)
	if !strings.Contains(o.Log, "somebody took it away") {
		t.Errorf("the lost backup is not told:\n%s", o.Log)
	}
	if m := s.whole(t, "third"); m.Sequence != 3 {
		t.Errorf("the third is number %d", m.Sequence)
	}
}

func TestNothingIsBackedUpWhileARestoreIsUnderWay(t *testing.T) {
	s := newStack(t)
	during := func(reason jobs.BackupReason) func(*jobs.BackupConfig) {
		return func(c *jobs.BackupConfig) { c.Restores, c.Reason = []string{jobs.RestoreReceipt("after")}, reason }
	}
	if o := s.run(t, during(jobs.BackupScheduled)); o.Code != 0 || !strings.Contains(o.Log, "while a restore is under way") {
		t.Errorf("scheduled: exit %d\n%s", o.Code, o.Log)
	}
	if o := s.run(t, during(jobs.BackupOnDemand)); o.Code != run.CodeFailed || !strings.Contains(o.Log, "hint: look at how the restore Job ended") {
		t.Errorf("on demand: exit %d\n%s", o.Code, o.Log)
	}
	for b := range s.repository(t).Backups(t.Context()) {
		t.Errorf("backup %s was taken", b.Name)
	}
}
