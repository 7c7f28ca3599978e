package run

import (
	"context"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RemoveSuperseded removes those of the named Jobs that have a newer one beside them,
// and returns their names. A Job is named after what it does: one that is done and
// still there would keep a spec that goes back from running it again, and one that
// still retries would bring back what its older document says, such as the rights of
// who was taken out since. An engine that prunes removes them too.
func (s *Session) RemoveSuperseded(ctx context.Context, names ...string) (removed []string, err error) {
	all, err := s.Kubernetes.BatchV1().Jobs(s.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: fmt.Sprintf("app.kubernetes.io/managed-by=banhbaoring,app.kubernetes.io/component in (%s)", strings.Join(names, ",")),
	})
	if err != nil {
		return nil, err
	}
	pods := metav1.DeletePropagationBackground
	for _, job := range older(all.Items) {
		err := s.Kubernetes.BatchV1().Jobs(s.Namespace).Delete(ctx, job, metav1.DeleteOptions{PropagationPolicy: &pods})
		if err != nil && !apierrors.IsNotFound(err) {
			return removed, err
		}
		removed = append(removed, job)
	}
	return removed, nil
}

// older are the names of the Jobs of which there is a newer one for the same work. A
// CronJob looks after those of its own that have ended.
func older(all []batchv1.Job) []string {
	newest := map[string]metav1.Time{}
	component := func(j batchv1.Job) string { return j.Labels["app.kubernetes.io/component"] }
	for _, j := range all {
		if at := newest[component(j)]; metav1.GetControllerOf(&j) == nil && at.Before(&j.CreationTimestamp) {
			newest[component(j)] = j.CreationTimestamp
		}
	}
	var names []string
	for _, j := range all {
		at := newest[component(j)]
		if j.CreationTimestamp.Before(&at) && (metav1.GetControllerOf(&j) == nil || !ended(j)) {
			names = append(names, j.Name)
		}
	}
	return names
}

func ended(j batchv1.Job) bool {
	for _, c := range j.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}
