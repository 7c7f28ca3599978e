package status_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/status"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

func labels(component string) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name": "banhbaoring", "app.kubernetes.io/part-of": "banhbaoring",
		"app.kubernetes.io/instance": "prod", "app.kubernetes.io/component": component,
	}
}

func pod(name string, with map[string]string, ready bool) corev1.Pod {
	state := corev1.ConditionFalse
	if ready {
		state = corev1.ConditionTrue
	}
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: with, CreationTimestamp: ago(time.Hour)},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: state}}},
	}
}

func set(name string, with map[string]string, wanted int32) appsv1.StatefulSet {
	return appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels(with["app.kubernetes.io/component"])},
		Spec:       appsv1.StatefulSetSpec{Replicas: &wanted, Selector: &metav1.LabelSelector{MatchLabels: with}},
		Status:     appsv1.StatefulSetStatus{ReadyReplicas: wanted, UpdatedReplicas: wanted},
	}
}

func job(name, component, wave string) batchv1.Job {
	return batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "banhbaoring-" + name, Labels: labels(component), CreationTimestamp: ago(time.Hour), Annotations: map[string]string{"argocd.argoproj.io/sync-wave": wave}},
		Status:     batchv1.JobStatus{Succeeded: 1, Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}},
	}
}

var openbaoLabels = map[string]string{"app.kubernetes.io/name": "openbao", "component": "server"}

func server(i int, ready, sealed, leads bool) corev1.Pod {
	with := map[string]string{
		"openbao-initialized": "true", "openbao-sealed": fmt.Sprint(sealed),
		"openbao-active": fmt.Sprint(leads), "openbao-version": "2.7.1",
	}
	for key, value := range openbaoLabels {
		with[key] = value
	}
	return pod(fmt.Sprintf("banhbaoring-openbao-%d", i), with, ready)
}

// healthy is a stack of three OpenBao pods that lacks nothing.
func healthy() *status.Seen {
	one := int32(1)
	openbao := set("banhbaoring-openbao", openbaoLabels, 3)
	openbao.Labels = map[string]string{"app.kubernetes.io/instance": "banhbaoring", "app.kubernetes.io/part-of": "banhbaoring"} // the chart's
	api := labels("api")
	return &status.Seen{
		Namespace: "keys", At: now,
		Pods: []corev1.Pod{
			server(0, true, false, false), server(1, true, false, true), server(2, true, false, false),
			pod("banhbaoring-postgres-0", labels("database"), true), pod("banhbaoring-api-5d4-x", api, true),
		},
		StatefulSets: []appsv1.StatefulSet{openbao, set("banhbaoring-postgres", labels("database"), 1)},
		Deployments: []appsv1.Deployment{{
			ObjectMeta: metav1.ObjectMeta{Name: "banhbaoring-api", Labels: api},
			Spec:       appsv1.DeploymentSpec{Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: api}},
			Status:     appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1},
		}},
		Jobs: []batchv1.Job{
			job("secrets-0a", "secrets", "10"), job("init-0a", "init", "40"), job("configure-0a", "configure", "50"), job("tenants-0a", "tenants", "60"),
		},
		CronJobs: []batchv1.CronJob{{
			ObjectMeta: metav1.ObjectMeta{Name: jobs.BackupCronJob, CreationTimestamp: ago(48 * time.Hour)},
			Spec:       batchv1.CronJobSpec{Schedule: "0 3 * * *"},
			Status:     batchv1.CronJobStatus{LastSuccessfulTime: &metav1.Time{Time: now.Add(-9 * time.Hour)}},
		}},
		Claims: []corev1.PersistentVolumeClaim{{
			ObjectMeta: metav1.ObjectMeta{Name: "data-banhbaoring-openbao-0"}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
		}},
		Ingresses: []networkingv1.Ingress{{
			ObjectMeta: metav1.ObjectMeta{Name: "banhbaoring-api"},
			Spec:       networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: "api.keys.example"}}},
			Status:     networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}}}},
		}},
	}
}

func warning(kind, name, reason, message string) corev1.Event {
	return corev1.Event{
		Type: corev1.EventTypeWarning, Reason: reason, Message: message, LastTimestamp: ago(time.Minute),
		InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name},
	}
}

func waits(p corev1.Pod, container, reason, message string) corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: container, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}
	return p
}

func ended(p corev1.Pod, container, reason string, code int32) corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: container, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code}}}}
	return p
}

func unplaced(p corev1.Pod, message string) corev1.Pod {
	p.Status.Phase = corev1.PodPending
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: message})
	return p
}

// running is a Job that has not completed, with one pod.
func running(s *status.Seen, i int, failed int32, p corev1.Pod) {
	j := &s.Jobs[i]
	j.Status = batchv1.JobStatus{Active: 1, Failed: failed}
	p.Name, p.Labels = j.Name+"-x", map[string]string{batchv1.JobNameLabel: j.Name}
	p.CreationTimestamp = ago(time.Hour)
	s.Pods = append(s.Pods, p)
}

// TestTheFirstLine has each broken stack with the line that a person should read
// first, and what to do.
func TestTheFirstLine(t *testing.T) {
	var none corev1.Pod
	for _, c := range []struct {
		name   string
		broken func(*status.Seen)
		health status.Health
		says   string // the whole summary
		do     string // what the thing to do begins with
	}{
		{"nothing is broken", func(*status.Seen) {}, status.Well, "keys/prod is well", ""},
		{"an empty namespace", func(s *status.Seen) { *s = status.Seen{Namespace: "keys", At: now} },
			status.Absent, "namespace keys: there is no stack", "name the stack's namespace with -n"},
		{"nothing may be listed", func(s *status.Seen) {
			*s = status.Seen{Namespace: "keys", At: now, Unseen: map[string]string{"pods": "pods is forbidden"}}
		}, status.Unknown, "namespace keys: you may not see whether there is a stack: pods: pods is forbidden", "have somebody bind the ClusterRole view"},
		{"all sealed", func(s *status.Seen) {
			for i := range 3 {
				s.Pods[i] = server(i, false, true, false)
			}
		}, status.Down, "keys/prod does not sign: openbao: sealed: 3 of 3 pods, version 2.7.1", "see why nothing unseals it: kubectl -n keys logs banhbaoring-openbao-0 -c keeper"},
		{"no majority, for want of memory", func(s *status.Seen) {
			s.Pods[1] = ended(server(1, false, false, false), "openbao", "OOMKilled", 137)
			s.Pods[2] = ended(server(2, false, false, false), "openbao", "OOMKilled", 137)
		}, status.Down, "keys/prod does not sign: openbao: 1 of 3 pods ready, and it takes 2: no majority, version 2.7.1: pod banhbaoring-openbao-1: container openbao ended with exit code 137 (OOMKilled)", "kubectl -n keys describe pod -l app.kubernetes.io/name=openbao"},
		{"nobody leads", func(s *status.Seen) { s.Pods[1] = server(1, true, false, false) },
			status.Down, "keys/prod does not sign: openbao: 3 of 3 pods ready, but none leads, version 2.7.1", "kubectl -n keys logs -l app.kubernetes.io/name=openbao"},
		{"the label of a dead leader does not count", func(s *status.Seen) {
			s.Pods[1] = server(1, false, false, true)
			s.Pods[2] = server(2, true, false, true)
		}, status.Degraded, "keys/prod signs, but not all is well: openbao: 2 of 3 pods ready, and without one more nothing signs, banhbaoring-openbao-2 leads, version 2.7.1", "kubectl -n keys describe pod"},
		{"a pod that no node takes", func(s *status.Seen) {
			s.Pods[2] = unplaced(server(2, false, false, false), "0/3 nodes are available: 1 Insufficient memory")
		}, status.Degraded, "keys/prod signs, but not all is well: openbao: 2 of 3 pods ready, and without one more nothing signs, banhbaoring-openbao-1 leads, version 2.7.1: pod banhbaoring-openbao-2: no node takes it: 0/3 nodes are available: 1 Insufficient memory", "kubectl -n keys describe pod"},
		{"scaled to nothing", func(s *status.Seen) {
			zero := int32(0)
			s.StatefulSets[0].Spec.Replicas = &zero
			s.Pods = s.Pods[3:]
		}, status.Down, "keys/prod does not sign: openbao: scaled to no pod", "let the GitOps engine, or banhbaoring apply"},
		{"the first start waits for the init Job", func(s *status.Seen) {
			for i := range 3 {
				s.Pods[i] = server(i, false, true, false)
				s.Pods[i].Labels["openbao-initialized"] = "false"
			}
			running(s, 1, 0, none)
			s.Jobs = s.Jobs[:2]
		}, status.Starting, "keys/prod is on its way: openbao: is not initialised yet, version 2.7.1", "kubectl -n keys logs -l app.kubernetes.io/component=init"},
		{"the first Job's image is missing", func(s *status.Seen) {
			running(s, 0, 0, waits(none, "secrets", "ImagePullBackOff", `Back-off pulling image "banhbaoring:9"`))
			s.StatefulSets, s.Deployments, s.Jobs, s.Pods = nil, nil, s.Jobs[:1], s.Pods[5:]
		}, status.Degraded, `keys/prod does not sign yet: jobs: secrets-0a has not completed: pod banhbaoring-secrets-0a-x: container secrets: ImagePullBackOff: Back-off pulling image "banhbaoring:9"`, "kubectl -n keys logs job/banhbaoring-secrets-0a"},
		{"a Job gave up, and a later one waits", func(s *status.Seen) {
			running(s, 2, 7, none)
			s.Jobs[2].Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}
			running(s, 3, 0, none)
		}, status.Degraded, "keys/prod does not sign yet: jobs: configure-0a gave up after 7 failed pods", "kubectl -n keys logs job/banhbaoring-configure-0a"},
		{"a tenant fails", func(s *status.Seen) {
			running(s, 3, 2, none)
			s.Events = append(s.Events, warning("Job", "banhbaoring-tenants-0a", "Failed", "tenant acme:\n\x1b[2JSecret acme-admin\u202e is missing"))
		}, status.Degraded, "keys/prod signs, but not all is well: jobs: tenants-0a tries again, after 2 failed pods: job banhbaoring-tenants-0a: Failed: tenant acme: [2JSecret acme-admin is missing", "kubectl -n keys logs job/banhbaoring-tenants-0a"},
		{"a quota refuses the API", func(s *status.Seen) {
			s.Deployments[0].Status.ReadyReplicas = 0
			s.Pods = s.Pods[:4]
			s.Events = append(s.Events, warning("ReplicaSet", "banhbaoring-api-5d4", "FailedCreate", "exceeded quota: small"))
		}, status.Degraded, "keys/prod signs, but not all is well: api: 0 of 1 pods ready: replicaset banhbaoring-api-5d4: FailedCreate: exceeded quota: small", "kubectl -n keys describe deployment banhbaoring-api"},
		{"a pod that has just begun is no fault", func(s *status.Seen) {
			s.Deployments[0].Status.ReadyReplicas = 0
			s.Pods[4] = waits(pod("banhbaoring-api-5d4-x", labels("api"), false), "api", "CreateContainerConfigError", "secret not found")
			s.Pods[4].CreationTimestamp = ago(time.Minute)
		}, status.Starting, "keys/prod is on its way: api: 0 of 1 pods ready: pod banhbaoring-api-5d4-x: container api: CreateContainerConfigError: secret not found", "kubectl -n keys describe deployment"},
		{"a pod that has just begun and whose image is missing", func(s *status.Seen) {
			s.Deployments[0].Status.ReadyReplicas = 0
			s.Pods[4] = waits(pod("banhbaoring-api-5d4-x", labels("api"), false), "api", "ErrImagePull", "not found")
			s.Pods[4].CreationTimestamp = ago(time.Minute)
		}, status.Degraded, "keys/prod signs, but not all is well: api: 0 of 1 pods ready: pod banhbaoring-api-5d4-x: container api: ErrImagePull: not found", "kubectl -n keys describe deployment"},
		{"a rollout whose new pod has no image, beside the old pod that serves", func(s *status.Seen) {
			s.Deployments[0].Status.Replicas = 2 // as counted of the newest, ready or not: 1
			s.Pods = append(s.Pods, waits(pod("banhbaoring-api-77f-y", labels("api"), false), "api", "ImagePullBackOff", "not found"))
		}, status.Degraded, "keys/prod signs, but not all is well: api: 1 of 1 pods ready, 0 of the newest spec: pod banhbaoring-api-77f-y: container api: ImagePullBackOff: not found", "kubectl -n keys describe deployment"},
		{"no signer runs", func(s *status.Seen) {
			s.Deployments = append(s.Deployments, s.Deployments[0])
			d := &s.Deployments[1]
			d.Name, d.Spec.Selector = jobs.SignerName, &metav1.LabelSelector{MatchLabels: labels("signer")}
			d.Status = appsv1.DeploymentStatus{}
			s.Pods = append(s.Pods, ended(pod("banhbaoring-signer-5d4-x", labels("signer"), false), "signer", "Error", 1))
		}, status.Down, "keys/prod does not sign: signer: 0 of 1 pods ready: pod banhbaoring-signer-5d4-x: container signer ended with exit code 1 (Error)", "kubectl -n keys describe deployment banhbaoring-signer"},
		{"the database is away, and so is the API", func(s *status.Seen) {
			s.StatefulSets[1].Status.ReadyReplicas, s.Deployments[0].Status.ReadyReplicas = 0, 0
			s.Pods[3] = ended(pod("banhbaoring-postgres-0", labels("database"), false), "postgres", "Error", 1)
			s.Pods[4] = ended(pod("banhbaoring-api-5d4-x", labels("api"), false), "api", "Error", 1)
		}, status.Degraded, "keys/prod signs, but not all is well: postgres: 0 of 1 pods ready: pod banhbaoring-postgres-0: container postgres ended with exit code 1 (Error)", "kubectl -n keys describe statefulset banhbaoring-postgres"},
		{"a volume that nobody provides", func(s *status.Seen) {
			s.Claims[0].Status.Phase = corev1.ClaimPending
			s.Events = append(s.Events, warning("PersistentVolumeClaim", "data-banhbaoring-openbao-0", "ProvisioningFailed", "storageclass fast not found"))
			s.Pods[0] = unplaced(server(0, false, false, false), "unbound PersistentVolumeClaims")
		}, status.Degraded, "keys/prod signs, but not all is well: volumes: data-banhbaoring-openbao-0 has no volume yet: persistentvolumeclaim data-banhbaoring-openbao-0: ProvisioningFailed: storageclass fast not found", "kubectl -n keys describe pvc data-banhbaoring-openbao-0"},
		{"a restore runs, and has stopped the API", func(s *status.Seen) {
			s.ConfigMaps = []corev1.ConfigMap{{ObjectMeta: metav1.ObjectMeta{Name: jobs.RestoreReceipt("monday")}, Data: map[string]string{
				jobs.ReceiptStarted: "2026-03-01T11:58:00Z", jobs.ReceiptBackup: "s3://b/2026",
			}}}
			zero := int32(0)
			s.Deployments[0].Spec.Replicas, s.Deployments[0].Status.ReadyReplicas = &zero, 0
		}, status.Starting, "keys/prod is on its way: restore monday: under way since 2026-03-01T11:58:00Z, from s3://b/2026", "kubectl -n keys logs -f -l app.kubernetes.io/component=restore"},
		{"backups are overdue", func(s *status.Seen) {
			s.CronJobs[0].Status.LastSuccessfulTime = &metav1.Time{Time: now.Add(-57 * time.Hour)}
		}, status.Degraded, "keys/prod signs, but not all is well: backups: overdue for 33h; the last one 2d ago, the next at 2026-02-28T03:00:00Z", "take one by hand: kubectl -n keys create job --from=cronjob/banhbaoring-backup"},
		{"backups are suspended", func(s *status.Seen) {
			yes := true
			s.CronJobs[0].Spec.Suspend = &yes
		}, status.Degraded, "keys/prod signs, but not all is well: backups: suspended; the last one 9h ago, the next at 2026-03-02T03:00:00Z", "kubectl -n keys patch cronjob banhbaoring-backup"},
		{"backups that only this cluster can read", func(s *status.Seen) {
			s.ConfigMaps = []corev1.ConfigMap{{ObjectMeta: metav1.ObjectMeta{Name: jobs.BackupChain}, Data: map[string]string{
				jobs.RecoverySigner: "k", jobs.RecoveryRecipient: "age1",
			}}}
		}, status.Degraded, "keys/prod signs, but not all is well: backups: cannot be read without this cluster: their keys were never taken out; the last one 9h ago, the next at 2026-03-02T03:00:00Z", "banhbaoring recovery export -n keys"},
		{"a certificate has ended", func(s *status.Seen) {
			s.Certificates = []status.Certificate{{Name: "banhbaoring-api", Ready: true, Ends: now.Add(-3 * time.Hour)}}
		}, status.Degraded, "keys/prod signs, but not all is well: certificates: banhbaoring-api has ended 3h ago", "kubectl -n keys describe certificate banhbaoring-api"},
		{"an Ingress without a controller", func(s *status.Seen) { s.Ingresses[0].Status = networkingv1.IngressStatus{} },
			status.Degraded, "keys/prod signs, but not all is well: endpoints: Ingress banhbaoring-api has no address: no controller has taken it", "kubectl -n keys describe ingress banhbaoring-api"},
		{"the spec has more than the cluster", func(s *status.Seen) {
			s.Compared, s.Missing = true, []string{"Job banhbaoring-tenants-ff"}
		}, status.Degraded, "keys/prod signs, but not all is well: spec: 1 of its objects are not in the cluster, Job banhbaoring-tenants-ff first: Job banhbaoring-tenants-ff", "banhbaoring diff --live"},
		{"pods of two versions", func(s *status.Seen) {
			s.StatefulSets[0].Status = appsv1.StatefulSetStatus{ReadyReplicas: 3, UpdatedReplicas: 1, CurrentRevision: "a", UpdateRevision: "b"}
			s.Pods[2].Labels["openbao-version"] = "2.6.2"
		}, status.Starting, "keys/prod is on its way: openbao: 3 of 3 pods ready, 1 of the newest spec, banhbaoring-openbao-1 leads, version 2.6.2 and 2.7.1", ""},
		{"a failure that a later run made good", func(s *status.Seen) {
			failed := job("tenants-09", "tenants", "60")
			failed.CreationTimestamp = ago(24 * time.Hour)
			failed.Status = batchv1.JobStatus{Failed: 7, Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}}
			s.Jobs = append(s.Jobs, failed)
		}, status.Well, "keys/prod is well", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			c.broken(s)
			got := status.Of(s)
			if got.Health != c.health || got.Summary != c.says {
				t.Errorf("%s: %s\nwant %s: %s", got.Health, got.Summary, c.health, c.says)
			}
			if !strings.HasPrefix(got.Do, c.do) || (c.do == "") != (got.Do == "") {
				t.Errorf("do: %s\nwant %s…", got.Do, c.do)
			}
		})
	}
}
