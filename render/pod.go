package render

import (
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

// Place puts what the spec says of a workload into its pod: image and
// resources into the first container, and where the pod may run.
func (s *Stack) Place(pod *corev1.PodSpec, w v1.Workload) {
	pod.Containers[0].Image = w.Image
	pod.Containers[0].Resources = w.Resources
	pod.NodeSelector = w.NodeSelector
	pod.Tolerations = w.Tolerations
	if w.Affinity != nil {
		pod.Affinity = w.Affinity
		pod.TopologySpreadConstraints = nil
	}
	for _, secret := range s.Cluster.Spec.ImagePullSecrets {
		pod.ImagePullSecrets = append(pod.ImagePullSecrets, corev1.LocalObjectReference{Name: secret.Name})
	}
}

// BackupPod puts what the Jobs of a backup have in common into a pod: where it may
// run, its configuration, what opens the bucket, and where components name the
// database, the container that runs the database's programs. That one has the
// database's Secret and no other.
func (s *Stack) BackupPod(pod *corev1.PodSpec, config string, bucket v1.Destination, components []v1.BackupComponent) {
	spec := &s.Cluster.Spec
	s.Place(pod, spec.Jobs.Workload)
	pod.Containers[0].Resources = spec.Backup.Resources
	for _, v := range pod.Volumes {
		if v.ConfigMap != nil {
			v.ConfigMap.Name = config
		}
	}
	pod.Containers[0].Env = append(pod.Containers[0].Env, s.ProxyEnv()...)
	if ref := bucket.Credentials(); ref != nil {
		MountSecret(pod, "bucket", ref.SecretName, jobs.BucketDir)
	}
	MountAuthority(pod, "bucket-ca", bucket.CACert(), jobs.BucketCADir)
	s.MountProxyAuthority(pod)
	if !slices.Contains(components, v1.BackupDatabase) {
		pod.InitContainers = nil
		return
	}
	tools, programs := &pod.InitContainers[0], &pod.InitContainers[1]
	tools.Image, tools.Resources = spec.Jobs.Image, spec.Jobs.Resources
	programs.Image, programs.Resources = spec.Database.Image, spec.Backup.Resources
	secret, key := jobs.SecretPostgres, "url"
	if ref := spec.Database.ConnectionString; ref != nil {
		secret, key = ref.SecretName, ref.Key
	}
	mountSecret(pod, programs, "database", secret, jobs.DatabaseDir, corev1.KeyToPath{Key: key, Path: "url"})
	if mountAuthority(pod, programs, "database-ca", spec.Database.CACert, jobs.DatabaseCADir) {
		env := DatabaseAuthorityEnv()
		for _, name := range slices.Sorted(maps.Keys(env)) {
			programs.Env = append(programs.Env, corev1.EnvVar{Name: name, Value: env[name]})
		}
	}
}

// MountLoader lets the container of the database's programs log in as the role that
// loads dumps, where the stack's own database has it.
func (s *Stack) MountLoader(pod *corev1.PodSpec) {
	d := s.Cluster.Spec.Database
	if !*d.Managed || d.Engine != v1.DatabaseStatefulSet {
		return
	}
	for i := range pod.Volumes {
		if v := &pod.Volumes[i]; v.Name == "database" && v.Secret != nil {
			v.Secret.Items = append(v.Secret.Items, corev1.KeyToPath{Key: "restore-url", Path: jobs.LoaderURLFile})
		}
	}
}

// MountBackupKeys lets a pod's first container read keys of what backups are signed
// with and encrypted to. Each may be absent.
func MountBackupKeys(pod *corev1.PodSpec, keys ...string) {
	var items []corev1.KeyToPath
	for _, key := range keys {
		items = append(items, corev1.KeyToPath{Key: key, Path: key})
	}
	MountSecret(pod, "backup-keys", jobs.SecretBackupKeys, jobs.BackupKeysDir, items...)
	optional := true
	pod.Volumes[len(pod.Volumes)-1].Secret.Optional = &optional
}

// BackupIdentity ties the service account of such Jobs to a cloud identity.
func (s *Stack) BackupIdentity(objects []runtime.Object) {
	account := kustomize.Find[*corev1.ServiceAccount](objects)
	for key, value := range s.Cluster.Spec.Backup.ServiceAccount.Annotations {
		metav1.SetMetaDataAnnotation(&account.ObjectMeta, key, value)
	}
}

// MountSecret lets a pod's first container, and its group, read a Secret, or some
// keys of it.
func MountSecret(pod *corev1.PodSpec, volume, secret, dir string, items ...corev1.KeyToPath) {
	mountSecret(pod, &pod.Containers[0], volume, secret, dir, items...)
}

func mountSecret(pod *corev1.PodSpec, c *corev1.Container, volume, secret, dir string, items ...corev1.KeyToPath) {
	mode := int32(0o440)
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: secret, Items: items, DefaultMode: &mode},
	}})
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: dir, ReadOnly: true})
}

// Job completes the base of a Job: a ConfigMap that holds config, the Job
// itself and its rights, if it needs any.
func (s *Stack) Job(name string, base kustomize.Base, config any) ([]runtime.Object, *batchv1.Job, error) {
	objects := base.Objects()
	data, err := jobs.Encode(config)
	if err != nil {
		return nil, nil, err
	}
	kustomize.Find[*corev1.ConfigMap](objects).Data = data
	for _, o := range objects {
		// A Job that asks nothing of the API server has no rights.
		if binding, ok := o.(*rbacv1.RoleBinding); ok {
			binding.Subjects[0].Namespace = s.Cluster.Namespace
		}
	}

	job := kustomize.Find[*batchv1.Job](objects)
	s.Place(&job.Spec.Template.Spec, s.Cluster.Spec.Jobs.Workload)
	if value := s.Cluster.Spec.Rerun[name]; value != "" {
		job.Spec.Template.Annotations = map[string]string{"banhbaoring.io/rerun": value}
	}
	return objects, job, nil
}
