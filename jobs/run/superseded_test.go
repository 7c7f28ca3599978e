package run

import (
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestJobsWithANewerOneGo(t *testing.T) {
	job := func(name, component string, minute int, ends bool, owner string) batchv1.Job {
		j := batchv1.Job{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"app.kubernetes.io/component": component},
			CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)),
		}}
		if ends {
			j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
		}
		if owner != "" {
			yes := true
			j.OwnerReferences = []metav1.OwnerReference{{Kind: "CronJob", Name: owner, Controller: &yes}}
		}
		return j
	}
	got := older([]batchv1.Job{
		job("peers-newest", "peers", 3, true, ""),
		job("peers-old", "peers", 1, true, ""),
		job("peers-running", "peers", 2, false, ""),
		job("init-only", "init", 0, true, ""),
		job("secrets-newest", "secrets", 1, true, ""),
		job("secrets-scheduled-later", "secrets", 9, true, "banhbaoring-secrets-renew"),
		job("secrets-scheduled-before", "secrets", 0, true, "banhbaoring-secrets-renew"),
		job("tenants-scheduled-retrying", "tenants", 1, false, "banhbaoring-tenants-renew"),
		job("tenants-newest", "tenants", 2, false, ""),
		job("tenants-scheduled-now", "tenants", 2, false, "banhbaoring-tenants-renew"),
	})
	if want := []string{"peers-old", "peers-running", "tenants-scheduled-retrying"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
