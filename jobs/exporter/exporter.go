// Package exporter tells Prometheus what only Kubernetes knows of a stack, and
// what none of its programs tells: Jobs, backups, certificates, volumes. It
// reads no Secret and changes nothing.
package exporter

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// Cluster is what the exporter asks of Kubernetes, in its own namespace.
type Cluster interface {
	Jobs(context.Context) ([]batchv1.Job, error)
	CronJobs(context.Context) ([]batchv1.CronJob, error)
	Deployments(context.Context) ([]appsv1.Deployment, error)
	StatefulSets(context.Context) ([]appsv1.StatefulSet, error)
	Claims(context.Context) ([]corev1.PersistentVolumeClaim, error)
	// ConfigMap is the data of one; nothing where there is none.
	ConfigMap(ctx context.Context, name string) (map[string]string, error)
}

// Exporter answers scrapes.
type Exporter struct {
	Config jobs.ExporterConfig
	// Kubernetes is nil where only volumes are told about.
	Kubernetes Cluster
	Log        *slog.Logger
}

// scrapeTimeout is less than Prometheus waits.
const scrapeTimeout = 8 * time.Second

// ServeHTTP answers /metrics, and /ready, which says no more than that it runs:
// were it bound to Kubernetes, an API server that is away would restart it.
func (e *Exporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/ready":
		w.WriteHeader(http.StatusOK)
	case "/metrics":
		ctx, cancel := context.WithTimeout(r.Context(), scrapeTimeout)
		defer cancel()
		text, err := e.collect(ctx)
		if err != nil {
			// All or nothing: a part would look like Jobs that are gone.
			e.Log.Error("cannot answer a scrape", "error", err)
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write([]byte(text)) // a scraper that is gone needs no answer
	default:
		http.NotFound(w, r)
	}
}

func (e *Exporter) collect(ctx context.Context) (string, error) {
	var out metrics
	certificates := make(chan []seen, 1)
	go func() { certificates <- look(ctx, e.Config.Endpoints) }()
	if e.Kubernetes != nil {
		if err := e.kubernetes(ctx, &out); err != nil {
			return "", err
		}
	}
	for _, c := range <-certificates {
		out.flag("banhbaoring_certificate_seen", "Whether the endpoint showed a certificate.", c.err == nil, "endpoint", c.name)
		if c.err != nil {
			e.Log.Warn("cannot see a certificate", "endpoint", c.name, "error", c.err)
			continue
		}
		out.gauge("banhbaoring_certificate_not_after_timestamp_seconds", "When the endpoint's certificate ends.", unix(c.notAfter), "endpoint", c.name)
	}
	for _, v := range e.Config.Volumes {
		size, free, err := statfs(v.Path)
		if err != nil {
			return "", err
		}
		out.gauge("banhbaoring_volume_size_bytes", "Size of the volume's file system.", size, "volume", v.Name)
		out.gauge("banhbaoring_volume_free_bytes", "What a program that is not root may still write.", free, "volume", v.Name)
	}
	return out.text(), nil
}

func (e *Exporter) kubernetes(ctx context.Context, out *metrics) error {
	k := e.Kubernetes
	all, err1 := k.Jobs(ctx)
	crons, err2 := k.CronJobs(ctx)
	deployments, err3 := k.Deployments(ctx)
	sets, err4 := k.StatefulSets(ctx)
	claims, err5 := k.Claims(ctx)
	if err := cmp.Or(err1, err2, err3, err4, err5); err != nil {
		return errors.Join(err1, err2, err3, err4, err5)
	}
	tellJobs(out, all)
	if err := tellBackups(out, e.Config.Cluster, crons); err != nil {
		return err
	}
	if err := e.recoverable(ctx, out); err != nil {
		return err
	}
	for _, d := range deployments {
		tellStatus(out, e.Config.Cluster, d.Name, d.Spec.Replicas, d.Status.ReadyReplicas)
	}
	for _, s := range sets {
		tellStatus(out, e.Config.Cluster, s.Name, s.Spec.Replicas, s.Status.ReadyReplicas)
	}
	for _, c := range claims {
		if size, ok := c.Status.Capacity[corev1.ResourceStorage]; ok {
			out.gauge("banhbaoring_claim_capacity_bytes", "Capacity of the claim's volume.", size.AsApproximateFloat64(), "claim", c.Name)
		}
	}
	return nil
}

// recoverable tells whether backups can be read without the cluster, where the newest
// is encrypted to a key that it minted.
func (e *Exporter) recoverable(ctx context.Context, out *metrics) error {
	newest, err1 := e.Kubernetes.ConfigMap(ctx, jobs.BackupChain)
	receipt, err2 := e.Kubernetes.ConfigMap(ctx, jobs.RecoveryReceipt)
	if err := errors.Join(err1, err2); err != nil || newest[jobs.RecoveryRecipient] == "" {
		return err
	}
	out.flag("banhbaoring_backup_recoverable", "Whether backups can be read without this cluster: whether their keys were taken out.", jobs.Recoverable(receipt, newest), "cluster", e.Config.Cluster)
	return nil
}

func unix(t time.Time) float64 { return float64(t.Unix()) }
