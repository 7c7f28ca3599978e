package exporter

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

type fake struct {
	jobs  []batchv1.Job
	crons []batchv1.CronJob
	err   error
	maps  map[string]map[string]string
}

func (f fake) ConfigMap(_ context.Context, name string) (map[string]string, error) {
	return f.maps[name], nil
}

func (f fake) Jobs(context.Context) ([]batchv1.Job, error)         { return f.jobs, f.err }
func (f fake) CronJobs(context.Context) ([]batchv1.CronJob, error) { return f.crons, nil }
func (f fake) Deployments(context.Context) ([]appsv1.Deployment, error) {
	two := int32(2)
	return []appsv1.Deployment{
		{ObjectMeta: metav1.ObjectMeta{Name: "banhbaoring-api"}, Spec: appsv1.DeploymentSpec{Replicas: &two}, Status: appsv1.DeploymentStatus{ReadyReplicas: 1}},
		{ObjectMeta: metav1.ObjectMeta{Name: "someone-elses"}},
	}, nil
}

func (f fake) StatefulSets(context.Context) ([]appsv1.StatefulSet, error) {
	return []appsv1.StatefulSet{{ObjectMeta: metav1.ObjectMeta{Name: "banhbaoring-openbao"}, Status: appsv1.StatefulSetStatus{ReadyReplicas: 1}}}, nil
}

func (f fake) Claims(context.Context) ([]corev1.PersistentVolumeClaim, error) {
	bound := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data-banhbaoring-openbao-0"}}
	bound.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Ki")}
	return []corev1.PersistentVolumeClaim{bound, {ObjectMeta: metav1.ObjectMeta{Name: "pending"}}}, nil
}

func scrape(t *testing.T, e *Exporter) (int, string) {
	t.Helper()
	e.Log = slog.New(slog.DiscardHandler)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return w.Code, w.Body.String()
}

// at is a moment on 1 January 2026.
func at(hour int) metav1.Time { return metav1.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC) }

func job(name string, made metav1.Time, cron string, conditions ...batchv1.JobConditionType) batchv1.Job {
	j := batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: made}}
	if yes := true; cron != "" {
		j.OwnerReferences = []metav1.OwnerReference{{Kind: "CronJob", Name: cron, Controller: &yes}}
	}
	for _, c := range conditions {
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: c, Status: corev1.ConditionTrue})
	}
	return j
}

func TestTellsOfTheStack(t *testing.T) {
	last := at(3)
	e := &Exporter{
		Config: jobs.ExporterConfig{Cluster: "prod"},
		Kubernetes: fake{
			jobs: []batchv1.Job{
				job("banhbaoring-init-1", at(1), ""),
				job("banhbaoring-configure-1", at(1), "", batchv1.JobFailed),
				job("banhbaoring-backup-1", at(1), "banhbaoring-backup", batchv1.JobFailed),
				job("banhbaoring-backup-2", at(2), "banhbaoring-backup", batchv1.JobComplete),
				job("someone-elses", at(1), "", batchv1.JobFailed),
			},
			crons: []batchv1.CronJob{{
				ObjectMeta: metav1.ObjectMeta{Name: jobs.BackupCronJob, CreationTimestamp: at(0)},
				Spec:       batchv1.CronJobSpec{Schedule: "0 2 * * *"},
				Status:     batchv1.CronJobStatus{LastSuccessfulTime: &last},
			}},
		},
	}
	code, got := scrape(t, e)
	want := `# HELP banhbaoring_job_failed Whether the Job has failed for good.
# TYPE banhbaoring_job_failed gauge
banhbaoring_job_failed{job_name="banhbaoring-init-1"} 0
banhbaoring_job_failed{job_name="banhbaoring-configure-1"} 1
banhbaoring_job_failed{job_name="banhbaoring-backup-2"} 0
# HELP banhbaoring_job_finished Whether the Job has succeeded or failed for good.
# TYPE banhbaoring_job_finished gauge
banhbaoring_job_finished{job_name="banhbaoring-init-1"} 0
banhbaoring_job_finished{job_name="banhbaoring-configure-1"} 1
banhbaoring_job_finished{job_name="banhbaoring-backup-2"} 1
# HELP banhbaoring_backup_last_success_timestamp When a scheduled backup last succeeded.
# TYPE banhbaoring_backup_last_success_timestamp gauge
banhbaoring_backup_last_success_timestamp{cluster="prod"} 1767236400
# HELP banhbaoring_backup_due_timestamp_seconds When the next success of the scheduled backup is due.
# TYPE banhbaoring_backup_due_timestamp_seconds gauge
banhbaoring_backup_due_timestamp_seconds{cluster="prod"} 1767319200
# HELP banhbaoring_cluster_status Whether the component has all the ready pods that it should have.
# TYPE banhbaoring_cluster_status gauge
banhbaoring_cluster_status{cluster="prod",component="api"} 0
banhbaoring_cluster_status{cluster="prod",component="openbao"} 1
# HELP banhbaoring_claim_capacity_bytes Capacity of the claim's volume.
# TYPE banhbaoring_claim_capacity_bytes gauge
banhbaoring_claim_capacity_bytes{claim="data-banhbaoring-openbao-0"} 1024
`
	if code != http.StatusOK || got != want {
		t.Errorf("%d:\n%s", code, got)
	}
}

// Backups that are encrypted to a minted key are told of until the keys of the newest
// one were taken out; others are not.
func TestTellsWhetherBackupsCanBeReadWithoutTheCluster(t *testing.T) {
	keys := func(recipient string) map[string]string {
		return map[string]string{jobs.RecoveryRecipient: recipient, jobs.RecoverySigner: "ed25519:a"}
	}
	for name, c := range map[string]struct {
		maps map[string]map[string]string
		want string
	}{
		"never taken out": {map[string]map[string]string{jobs.BackupChain: keys("age1a")}, "0"},
		"taken out":       {map[string]map[string]string{jobs.RecoveryReceipt: keys("age1b age1a"), jobs.BackupChain: keys("age1a")}, "1"},
		"rotated since":   {map[string]map[string]string{jobs.RecoveryReceipt: keys("age1a"), jobs.BackupChain: keys("age1c")}, "0"},
	} {
		_, got := scrape(t, &Exporter{Config: jobs.ExporterConfig{Cluster: "prod"}, Kubernetes: fake{maps: c.maps}})
		if want := `banhbaoring_backup_recoverable{cluster="prod"} ` + c.want + "\n"; !strings.Contains(got, want) {
			t.Errorf("%s: no %s in\n%s", name, want, got)
		}
	}
	for _, maps := range []map[string]map[string]string{nil, {jobs.BackupChain: {"s3___a": "{}"}, jobs.RecoveryReceipt: keys("age1a")}} {
		if _, got := scrape(t, &Exporter{Kubernetes: fake{maps: maps}}); strings.Contains(got, "recoverable") {
			t.Errorf("backups with recipients, or none, are told of:\n%s", got)
		}
	}
}

func TestAFirstBackupIsDueAfterTheCronJobWasMade(t *testing.T) {
	var out metrics
	err := tellBackups(&out, "c", []batchv1.CronJob{{
		ObjectMeta: metav1.ObjectMeta{Name: jobs.BackupCronJob, CreationTimestamp: at(0)},
		Spec:       batchv1.CronJobSpec{Schedule: "0 2 * * *"},
	}})
	if got := out.text(); err != nil || strings.Contains(got, "last_success") || !strings.Contains(got, `due_timestamp_seconds{cluster="c"} 1767232800`) {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestAScrapeIsWholeOrAnError(t *testing.T) {
	code, got := scrape(t, &Exporter{Kubernetes: fake{err: errors.New("forbidden")}})
	if code != http.StatusServiceUnavailable || got != "forbidden\n" {
		t.Errorf("%d %q", code, got)
	}
}

func TestLooksAtCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	end := server.Certificate().NotAfter.Unix()

	postgres := listen(t, func(conn net.Conn) {
		request := make([]byte, len(sslRequest))
		if _, err := io.ReadFull(conn, request); err != nil || string(request) != string(sslRequest) {
			return
		}
		upstream, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			return
		}
		defer upstream.Close()
		_, _ = conn.Write([]byte("S"))
		go io.Copy(upstream, conn) //nolint:errcheck // ends with the test
		_, _ = io.Copy(conn, upstream)
	})
	plain := listen(t, func(conn net.Conn) { _, _ = conn.Write([]byte("N")) })

	got := map[string]seen{}
	for _, s := range look(t.Context(), []jobs.Endpoint{
		{Name: "tls", Address: server.Listener.Addr().String(), Protocol: jobs.ProtocolTLS},
		{Name: "postgres", Address: postgres, Protocol: jobs.ProtocolPostgres},
		{Name: "plain", Address: plain, Protocol: jobs.ProtocolPostgres},
		{Name: "nobody", Address: "127.0.0.1:1", Protocol: jobs.ProtocolTLS},
	}) {
		got[s.name] = s
	}
	for _, name := range []string{"tls", "postgres"} {
		if s := got[name]; s.err != nil || s.notAfter.Unix() != end {
			t.Errorf("%s: %v, want %d", name, s, end)
		}
	}
	if err := got["plain"].err; err == nil || err.Error() != "the server speaks no TLS" {
		t.Errorf("plain: %v", err)
	}
	if got["nobody"].err == nil {
		t.Error("an endpoint that nobody serves was seen")
	}
}

// listen serves connections until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func TestMeasuresVolumes(t *testing.T) {
	code, got := scrape(t, &Exporter{Config: jobs.ExporterConfig{Volumes: []jobs.Volume{{Name: "data", Path: t.TempDir()}}}})
	for _, want := range []string{`banhbaoring_volume_size_bytes{volume="data"} `, `banhbaoring_volume_free_bytes{volume="data"} `} {
		if code != http.StatusOK || !strings.Contains(got, want) {
			t.Errorf("%d: no %s in\n%s", code, want, got)
		}
	}
	if code, _ := scrape(t, &Exporter{Config: jobs.ExporterConfig{Volumes: []jobs.Volume{{Name: "data", Path: "/nowhere"}}}}); code == http.StatusOK {
		t.Error("a volume that is not there was measured")
	}
}

func TestAsksKubernetesWithThePodsToken(t *testing.T) {
	var path, authorization string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, authorization = r.URL.Path, r.Header.Get("Authorization")
		if strings.HasSuffix(path, "/configmaps/none") {
			http.NotFound(w, r)
			return
		}
		if strings.HasSuffix(path, "/configmaps/one") {
			_ = json.NewEncoder(w).Encode(corev1.ConfigMap{Data: map[string]string{"a": "b"}})
			return
		}
		if strings.HasSuffix(path, "/cronjobs") {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(batchv1.JobList{Items: []batchv1.Job{job("a", at(1), "")}})
	}))
	defer server.Close()
	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600), os.WriteFile(filepath.Join(dir, "token"), []byte("t0k\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	api, err := newAPIServer(server.URL, "keys", dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := api.Jobs(t.Context())
	if err != nil || len(list) != 1 || path != "/apis/batch/v1/namespaces/keys/jobs" || authorization != "Bearer t0k" {
		t.Errorf("%v %v: %s with %q", list, err, path, authorization)
	}
	if _, err := api.CronJobs(t.Context()); err == nil || err.Error() != "listing cronjobs: the API server says 403 Forbidden" {
		t.Errorf("got %v", err)
	}
	if data, err := api.ConfigMap(t.Context(), "one"); err != nil || data["a"] != "b" || path != "/api/v1/namespaces/keys/configmaps/one" {
		t.Errorf("%v %v by %s", data, err, path)
	}
	if data, err := api.ConfigMap(t.Context(), "none"); err != nil || data != nil {
		t.Errorf("%v %v", data, err)
	}
}
