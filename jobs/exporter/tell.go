package exporter

import (
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// prefix is that of every object of the stack; others may share its namespace.
const prefix = "banhbaoring-"

func isOurs(name string) bool { return strings.HasPrefix(name, prefix) }

// tellJobs tells whether each Job has finished or failed. Of a CronJob's only
// the newest counts: its history keeps failures that a later run has made good.
func tellJobs(out *metrics, all []batchv1.Job) {
	newest := map[string]batchv1.Job{}
	for _, job := range all {
		run := series(job)
		if other, ok := newest[run]; !ok || other.CreationTimestamp.Before(&job.CreationTimestamp) {
			newest[run] = job
		}
	}
	for _, job := range all {
		if newest[series(job)].Name != job.Name || !isOurs(job.Name) {
			continue
		}
		failed := has(job, batchv1.JobFailed)
		out.flag("banhbaoring_job_failed", "Whether the Job has failed for good.", failed, "job_name", job.Name)
		out.flag("banhbaoring_job_finished", "Whether the Job has succeeded or failed for good.", failed || has(job, batchv1.JobComplete), "job_name", job.Name)
	}
}

// series is the CronJob that a Job is a run of, or the Job itself.
func series(job batchv1.Job) string {
	if owner := metav1.GetControllerOf(&job); owner != nil {
		return owner.Kind + "/" + owner.Name
	}
	return job.Name
}

func has(job batchv1.Job, condition batchv1.JobConditionType) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == condition && c.Status == corev1.ConditionTrue
	})
}

// tellBackups tells when the last scheduled backup succeeded, and when the one
// after it is due.
func tellBackups(out *metrics, cluster string, crons []batchv1.CronJob) error {
	for i := range crons {
		c := &crons[i]
		if c.Name != jobs.BackupCronJob {
			continue
		}
		due, err := jobs.BackupDue(c)
		if err != nil {
			return err
		}
		if last := c.Status.LastSuccessfulTime; last != nil {
			out.gauge("banhbaoring_backup_last_success_timestamp", "When a scheduled backup last succeeded.", unix(last.Time), "cluster", cluster)
		}
		out.gauge("banhbaoring_backup_due_timestamp_seconds", "When the next success of the scheduled backup is due.", unix(due), "cluster", cluster)
	}
	return nil
}

// tellStatus tells whether a component has all the pods that it should have.
func tellStatus(out *metrics, cluster, name string, wanted *int32, ready int32) {
	if !isOurs(name) {
		return
	}
	want := int32(1)
	if wanted != nil {
		want = *wanted
	}
	component := strings.TrimPrefix(name, prefix)
	out.flag("banhbaoring_cluster_status", "Whether the component has all the ready pods that it should have.", ready >= want, "cluster", cluster, "component", component)
}
