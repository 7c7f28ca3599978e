package status

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// workloads are all StatefulSets and Deployments but OpenBao's.
func (s *Seen) workloads() []Part {
	var parts []Part
	for _, set := range s.StatefulSets {
		if set.Name != jobs.OpenBaoName && strings.HasPrefix(set.Name, namePrefix) {
			parts = append(parts, s.workload(workload{"statefulset", set.Name, set.Spec.Selector, replicas(set.Spec.Replicas), int(set.Status.ReadyReplicas), rolled(&set)}))
		}
	}
	for _, d := range s.Deployments {
		if strings.HasPrefix(d.Name, namePrefix) {
			// While old pods are left, those that are ready are counted as theirs.
			old := d.Status.Replicas - d.Status.UpdatedReplicas
			parts = append(parts, s.workload(workload{"deployment", d.Name, d.Spec.Selector, replicas(d.Spec.Replicas), int(d.Status.ReadyReplicas), int(max(0, d.Status.ReadyReplicas-old))}))
		}
	}
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	return parts
}

// rankOf puts what others need before them.
func rankOf(name string) rank {
	if name == "postgres" || name == "redis" {
		return ofData
	}
	return ofPrograms
}

// workload is a StatefulSet or a Deployment.
type workload struct {
	kind, name            string
	selector              *metav1.LabelSelector
	wanted, ready, rolled int // pods; rolled are of the newest template
}

// rolled counts the pods of a StatefulSet that are of its newest template.
func rolled(set *appsv1.StatefulSet) int {
	if set.Status.UpdateRevision == set.Status.CurrentRevision {
		return replicas(set.Spec.Replicas)
	}
	return int(set.Status.UpdatedReplicas)
}

func (s *Seen) workload(w workload) Part {
	part := Part{Name: short(w.name), rank: rankOf(short(w.name)), Health: Well, Text: fmt.Sprintf("%d of %d pods ready", w.ready, w.wanted)}
	switch {
	case w.wanted == 0:
		part.Health, part.Text = Degraded, "scaled to no pod"
		if s.restoring() {
			part.Health, part.Text = Starting, "stopped while a restore is under way"
		}
		return part
	case w.ready >= w.wanted && w.rolled >= w.wanted:
		return part
	case w.rolled < w.ready:
		part.Text += fmt.Sprintf(", %d of the newest spec", w.rolled)
	}
	part.Health, part.Do = Starting, s.command("describe %s %s", w.kind, w.name)
	its := func(pod *corev1.Pod) bool { return owns(w.selector, pod.Labels) }
	part.Reasons = s.reasons(w.name, its)
	if len(part.Reasons) > 0 && !s.young(its) {
		part.Health = Degraded
		if w.name == jobs.SignerName && w.ready == 0 { // rollups' clients have no other way
			part.Health = Down
		}
	}
	return part
}

// reasons are those of the pods of something that are not ready, and the last
// warning about it.
func (s *Seen) reasons(name string, its func(*corev1.Pod) bool) []string {
	var reasons []string
	for i := range s.Pods {
		if pod := &s.Pods[i]; its(pod) && !isReady(pod) {
			reasons = append(reasons, PodReasons(pod)...)
		}
	}
	if warning := s.Warning(name); warning != "" {
		reasons = append(reasons, warning)
	}
	return reasons
}

// patience is how long a pod may lack what others still make, such as a Secret,
// before that counts as a fault.
const patience = 2 * time.Minute

// young tells whether those of something's pods that are not ready are all new.
func (s *Seen) young(its func(*corev1.Pod) bool) bool {
	young := false
	for i := range s.Pods {
		if pod := &s.Pods[i]; its(pod) && !isReady(pod) {
			if s.At.Sub(pod.CreationTimestamp.Time) > patience || lacksImage(pod) {
				return false
			}
			young = true
		}
	}
	return young
}

// lacksImage tells whether a pod waits for an image, which nothing in the stack makes.
func lacksImage(pod *corev1.Pod) bool {
	return slices.ContainsFunc(slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses), func(c corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && strings.Contains(c.State.Waiting.Reason, "Image")
	})
}

// jobs are the Jobs of the stack, of each series the newest.
func (s *Seen) jobs() Part {
	part := Part{Name: "jobs", rank: ofJobs, Health: Well}
	newest := map[string]*batchv1.Job{}
	for i := range s.Jobs {
		job := &s.Jobs[i]
		if at := series(job); strings.HasPrefix(job.Name, namePrefix) && (newest[at] == nil || newest[at].CreationTimestamp.Before(&job.CreationTimestamp)) {
			newest[at] = job
		}
	}
	var wrong, waiting []*batchv1.Job
	for _, job := range newest {
		switch {
		case finished(job, batchv1.JobComplete):
		case finished(job, batchv1.JobFailed) || job.Status.Failed > 0 || len(s.jobReasons(job)) > 0 && !s.young(of(job)):
			wrong = append(wrong, job)
		default:
			waiting = append(waiting, job)
		}
	}
	slices.SortFunc(wrong, byStage)
	slices.SortFunc(waiting, byStage)
	switch {
	case len(wrong) > 0:
		job := wrong[0]
		part.Health = Degraded
		part.Text = fmt.Sprintf("%s %s", short(job.Name), JobState(job))
		part.Reasons = s.jobReasons(job)
		part.Do = s.command("logs job/%s --tail=20", job.Name)
		for _, other := range wrong[1:] {
			part.Reasons = append(part.Reasons, fmt.Sprintf("also: %s %s", short(other.Name), JobState(other)))
		}
	case len(waiting) > 0:
		part.Health = Starting
		part.Text = fmt.Sprintf("%s %s", short(waiting[0].Name), JobState(waiting[0]))
	default:
		part.Text = fmt.Sprintf("%d have done their work", len(newest))
	}
	return part
}

func byStage(a, b *batchv1.Job) int {
	return cmp.Or(cmp.Compare(wave(a), wave(b)), cmp.Compare(a.Name, b.Name))
}

// wave is where in the order of a sync a Job stands; those of CronJobs come last.
func wave(job *batchv1.Job) int {
	n, err := strconv.Atoi(job.Annotations["argocd.argoproj.io/sync-wave"])
	if err != nil {
		return 1000
	}
	return n
}

// series is the CronJob that a Job is a run of, or the Job without its hash.
func series(job *batchv1.Job) string {
	if owner := metav1.GetControllerOf(job); owner != nil {
		return owner.Kind + "/" + owner.Name
	}
	if i := strings.LastIndexByte(job.Name, '-'); i > 0 {
		return job.Name[:i]
	}
	return job.Name
}

func finished(job *batchv1.Job, as batchv1.JobConditionType) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == as && c.Status == corev1.ConditionTrue
	})
}

// JobState is what a Job that has not completed does.
func JobState(job *batchv1.Job) string {
	switch {
	case finished(job, batchv1.JobFailed):
		return fmt.Sprintf("gave up after %d failed pods", job.Status.Failed)
	case job.Status.Failed > 0:
		return fmt.Sprintf("tries again, after %d failed pods", job.Status.Failed)
	case job.Status.Active > 0:
		return "has not completed"
	}
	return "has not begun"
}

// of tells which pods are a Job's.
func of(job *batchv1.Job) func(*corev1.Pod) bool {
	return func(pod *corev1.Pod) bool { return pod.Labels[batchv1.JobNameLabel] == job.Name }
}

func (s *Seen) jobReasons(job *batchv1.Job) []string { return s.reasons(job.Name, of(job)) }
