// Package backup renders the CronJob of scheduled backups, a Job for each backup
// that was asked for by name, and the Job that backs up before an upgrade.
package backup

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// attempts of a Job's pod: what a person must mend first heals without a new Job.
const attempts int32 = 100

// Component renders backups. The guard stands before what holds data, the rest
// in the last stage: a backup that fails must not hold up anything.
func Component() render.Component {
	return render.Component{
		Name:    jobs.Backup,
		Stage:   render.Exposure,
		Enabled: func(s *render.Stack) bool { return *s.Cluster.Spec.Backup.Enabled || len(s.Backups) > 0 },
		Build:   build,
	}
}

// backups builds the objects of one stack.
type backups struct {
	*render.Stack
	pod      corev1.PodTemplateSpec
	receipts []string
	objects  []runtime.Object
}

func build(s *render.Stack) ([]runtime.Object, error) {
	c := &s.Cluster.Spec
	objects := base.Objects()
	cron := kustomize.Find[*batchv1.CronJob](objects)
	config := kustomize.Find[*corev1.ConfigMap](objects)
	role := kustomize.Find[*rbacv1.Role](objects)
	s.BackupIdentity(objects)
	kustomize.Find[*rbacv1.RoleBinding](objects).Subjects[0].Namespace = s.Cluster.Namespace

	b := &backups{Stack: s, receipts: []string{jobs.BackupChain}, pod: *cron.Spec.JobTemplate.Spec.Template.DeepCopy()}
	for _, o := range objects {
		if o != runtime.Object(cron) && o != runtime.Object(config) {
			b.objects = append(b.objects, o)
		}
	}
	if *c.Backup.Enabled {
		if err := b.scheduled(cron, config); err != nil {
			return nil, err
		}
	}
	for _, document := range s.Backups {
		if err := b.onDemand(document); err != nil {
			return nil, err
		}
	}
	role.Rules = slices.DeleteFunc(role.Rules, func(r rbacv1.PolicyRule) bool {
		return r.Resources[0] == "secrets" && !b.holdsSecrets()
	})
	s.LetReadReceipts(role)
	for i := range role.Rules {
		switch r := &role.Rules[i]; {
		case r.Resources[0] == "secrets":
			r.ResourceNames = b.secrets()
		case r.Resources[0] == "configmaps" && slices.Contains(r.Verbs, "update"):
			r.ResourceNames = b.receipts
		}
	}
	return b.objects, nil
}

// scheduled adds the CronJob, and the guard.
func (b *backups) scheduled(cron *batchv1.CronJob, config *corev1.ConfigMap) error {
	spec := b.Cluster.Spec.Backup
	c := b.config(jobs.BackupScheduled, v1.BackupIncremental, b.all(), *spec.Destination)
	c.Retention = spec.Retention
	data, err := jobs.Encode(c)
	if err != nil {
		return err
	}
	config.Data = data
	cron.Spec.Schedule = spec.Schedule
	b.complete(&cron.Spec.JobTemplate.Spec.Template.Spec, config.Name, c)
	b.objects = append(b.objects, config, cron)
	if spec.Guard == v1.GuardOff {
		return nil
	}

	guard := b.config(jobs.BackupBefore, v1.BackupFull, b.all(), *spec.Destination)
	guard.BestEffort = spec.Guard == v1.GuardBestEffort
	guard.StatefulSets = []string{jobs.OpenBaoName, jobs.PostgresName}
	guard.Receipt = "banhbaoring-receipt-" + jobs.BackupGuard
	guard.Request = fmt.Sprintf("openbao %s, database %s", b.Cluster.Spec.OpenBao.Version, b.Cluster.Spec.Database.Image)
	return b.job("banhbaoring-"+jobs.BackupGuard, render.Guard, guard)
}

// complete puts into a pod what one backup needs.
func (b *backups) complete(pod *corev1.PodSpec, config string, c jobs.BackupConfig) {
	b.BackupPod(pod, config, c.Destination, c.Components)
	keys := []string{jobs.KeySigning, jobs.KeyPublic, jobs.KeyTrusted}
	if b.Cluster.Spec.Backup.Minted() {
		keys = append(keys, jobs.KeyRecipient)
	}
	render.MountBackupKeys(pod, keys...)
}

// onDemand adds the Job of a document.
func (b *backups) onDemand(document *v1.BanhBaoRingBackup) error {
	request, err := requestOf(document)
	if err != nil {
		return err
	}
	c := b.config(jobs.BackupOnDemand, document.Spec.Type, document.Spec.Components, *b.DestinationOf(document.Name))
	c.Name = document.Name
	c.Receipt = "banhbaoring-receipt-backup-" + document.Name
	c.Request = request
	return b.job("banhbaoring-backup-"+document.Name, render.Exposure, c)
}

// requestOf identifies what a document asks for.
func requestOf(document *v1.BanhBaoRingBackup) (string, error) {
	text, err := json.Marshal(document.Spec)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// job adds a Job and its ConfigMap.
func (b *backups) job(name string, stage render.Stage, c jobs.BackupConfig) error {
	data, err := jobs.Encode(c)
	if err != nil {
		return err
	}
	b.receipts = append(b.receipts, c.Receipt)
	meta := metav1.ObjectMeta{Name: name, Annotations: map[string]string{render.StageAnnotation: stage.String()}, Labels: b.pod.Labels}
	template := *b.pod.DeepCopy()
	b.complete(&template.Spec, name, c)
	limit := attempts
	b.objects = append(b.objects,
		&corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: *meta.DeepCopy(), Data: data},
		&batchv1.Job{TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: *meta.DeepCopy(),
			Spec: batchv1.JobSpec{BackoffLimit: &limit, Template: template}},
	)
	return nil
}
