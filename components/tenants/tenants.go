// Package tenants renders the Job that provisions tenants, and what it and the
// API are told of them.
package tenants

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

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

// Component renders the tenants Job. A stack without tenants has it too: who
// has just been removed from the spec must be locked.
func Component() render.Component {
	return render.Component{
		Name:    jobs.Tenants,
		Stage:   render.Tenants,
		Enabled: func(s *render.Stack) bool { return v1.HasNamespaces(s.Cluster.Spec.OpenBao.Version) },
		Build:   build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	c := s.Cluster
	shards, err := jobs.TenantShards(s.Tenants)
	if err != nil {
		return nil, err
	}
	config := jobs.TenantsConfig{
		Cluster:       c.Name,
		Namespace:     c.Namespace,
		Address:       jobs.ActiveAddress(c.Namespace),
		PublicAddress: "https://vault." + c.Spec.Domain,
		Plugin: jobs.TenantPlugin{
			Name:    jobs.PluginName,
			Version: jobs.PluginVersion(c.Spec.OpenBao.Plugin.Version),
			Mount:   jobs.PluginName,
		},
		SMTP:  smtp(c.Spec.Email.SMTP, c.Spec.Networking.PrivateTargets),
		Rerun: c.Spec.Rerun[jobs.Tenants],

		Restores: s.RestoreReceipts(),
	}
	if *c.Spec.Signer.Enabled {
		url := func(port int) string { return fmt.Sprintf("https://%s.%s.svc:%d", jobs.SignerName, c.Namespace, port) }
		config.Signer = &jobs.TenantSigner{KeyURL: url(jobs.SignerKeyPort), MTLSURL: url(jobs.SignerMTLSPort)}
	}
	for i, shard := range shards {
		entry := jobs.Shard{File: path.Join(jobs.TenantsDir, strconv.Itoa(i), jobs.TenantsFile)}
		if shard.Secrets() {
			entry.Secret = jobs.TenantsShardSecret(i)
		}
		config.Shards = append(config.Shards, entry)
	}
	objects, job, err := s.Job(jobs.Tenants, base, config)
	if err != nil {
		return nil, err
	}
	pod := &job.Spec.Template.Spec
	for i, shard := range shards {
		objects = append(objects, configMap(i, shard))
		mount(pod, fmt.Sprintf("tenants-%d", i), path.Join(jobs.TenantsDir, strconv.Itoa(i)), corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: jobs.TenantsShard(i)}},
		})
	}
	if sources := credentials(c.Spec.Email.SMTP); len(sources) > 0 {
		mode := int32(0o440)
		mount(pod, "smtp", jobs.SMTPDir, corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources, DefaultMode: &mode}})
	}
	// What renews clients' certificates is the same pod, once a day.
	objects = slices.DeleteFunc(objects, func(o runtime.Object) bool {
		renew, is := o.(*batchv1.CronJob)
		if is {
			renew.Spec.JobTemplate.Spec.Template = *job.Spec.Template.DeepCopy()
		}
		return is && !slices.ContainsFunc(s.Tenants, hasClients)
	})
	role := kustomize.Find[*rbacv1.Role](objects)
	s.LetReadReceipts(role)
	return slices.Concat(objects, rights(role, c.Namespace, shards), deliveries(c.Namespace, shards)), nil
}

func hasClients(t *v1.BanhBaoRingTenant) bool { return len(jobs.TenantOf(t).Clients()) > 0 }

func mount(pod *corev1.PodSpec, name, dir string, source corev1.VolumeSource) {
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: source})
	container := &pod.Containers[0]
	container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: dir, ReadOnly: true})
}

// configMap is a shard. It stands here and not in the base, as there are as
// many as the tenants fill.
func configMap(shard int, s jobs.TenantShard) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{
			Name:   jobs.TenantsShard(shard),
			Labels: labels(),
			Annotations: map[string]string{
				render.NameByContent: "true",
				// It may be larger than the annotation in which a client that
				// applies would repeat it. Source: Argo CD's sync options.
				"argocd.argoproj.io/sync-options": "ServerSideApply=true",
			},
		},
		Data: map[string]string{jobs.TenantsFile: s.Text},
	}
}

func labels() map[string]string {
	return map[string]string{"app.kubernetes.io/name": "banhbaoring", "app.kubernetes.io/component": jobs.Tenants}
}

func smtp(m *v1.SMTP, targets []string) *jobs.SMTPConfig {
	if m == nil {
		return nil
	}
	config := &jobs.SMTPConfig{Host: m.Host, Port: int(m.Port), TLS: m.TLS, From: m.From, Login: m.Username != nil, CACert: m.CACert != nil, Targets: targets}
	if config.Login || config.CACert {
		config.Dir = jobs.SMTPDir
	}
	return config
}

// credentials are the files in jobs.SMTPDir.
func credentials(m *v1.SMTP) []corev1.VolumeProjection {
	if m == nil {
		return nil
	}
	var sources []corev1.VolumeProjection
	for _, file := range []struct {
		name string
		ref  *v1.SecretKeyRef
	}{{jobs.SMTPUsername, m.Username}, {jobs.SMTPPassword, m.Password}, {jobs.SMTPCACert, m.CACert}} {
		if file.ref != nil {
			sources = append(sources, corev1.VolumeProjection{Secret: &corev1.SecretProjection{
				LocalObjectReference: corev1.LocalObjectReference{Name: file.ref.SecretName},
				Items:                []corev1.KeyToPath{{Key: file.ref.Key, Path: file.name}},
			}})
		}
	}
	return sources
}

// namesPerRole keeps a Role small enough to be applied in any way.
const namesPerRole = 2000

// rights are those over Secrets, by name: the Job's own it may change, those
// that the spec names it may read. They stand in the Job's Role, and where they
// are too many for it in others.
func rights(role *rbacv1.Role, namespace string, shards []jobs.TenantShard) []runtime.Object {
	if len(shards) == 0 {
		return nil
	}
	own, given := secrets(shards)
	role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}}) // which has no names
	room := namesPerRole
	var objects []runtime.Object
	for _, r := range []struct{ names, verbs []string }{{own, []string{"get", "update"}}, {given, []string{"get"}}} {
		for names := r.names; len(names) > 0; {
			if room == 0 {
				room = namesPerRole
				var binding *rbacv1.RoleBinding
				role, binding = another(metav1.ObjectMeta{
					Name: fmt.Sprintf("%s-%d", jobs.TenantsName, len(objects)/2+1), Labels: labels(),
					Annotations: map[string]string{render.StageAnnotation: render.Foundation.String()},
				}, namespace)
				objects = append(objects, role, binding)
			}
			n := min(room, len(names))
			role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: names[:n], Verbs: r.verbs})
			names, room = names[n:], room-n
		}
	}
	return objects
}

// deliveries are the rights to bring credentials to the namespaces of clients. They have a
// stage of their own: a namespace that is not there holds up nothing else.
func deliveries(namespace string, shards []jobs.TenantShard) []runtime.Object {
	var tenants []jobs.Tenant
	for _, shard := range shards {
		tenants = append(tenants, shard.Tenants...)
	}
	names := jobs.Deliveries(tenants)
	resources := []string{"configmaps", "secrets"}
	var objects []runtime.Object
	for _, where := range slices.Sorted(maps.Keys(names)) {
		part := 0
		for some := range slices.Chunk(names[where], namesPerRole) {
			meta := metav1.ObjectMeta{
				Name: jobs.TenantsDelivery(namespace), Namespace: where, Labels: labels(),
				Annotations: map[string]string{render.StageAnnotation: render.Clients.String()},
			}
			meta.Labels[jobs.LabelStack] = namespace
			if part > 0 {
				meta.Name += "-" + strconv.Itoa(part)
			}
			role, binding := another(meta, namespace)
			if part == 0 {
				role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: resources, Verbs: []string{"create"}}) // which has no names
			}
			role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: resources, ResourceNames: some, Verbs: []string{"get", "update"}})
			objects = append(objects, role, binding)
			part++
		}
	}
	return objects
}

// another is a Role of the Job's beside the base's, and its binding. Namespace is the Job's.
func another(meta metav1.ObjectMeta, namespace string) (*rbacv1.Role, *rbacv1.RoleBinding) {
	group := rbacv1.SchemeGroupVersion.String()
	return &rbacv1.Role{TypeMeta: metav1.TypeMeta{APIVersion: group, Kind: "Role"}, ObjectMeta: meta},
		&rbacv1.RoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: group, Kind: "RoleBinding"}, ObjectMeta: *meta.DeepCopy(),
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: jobs.TenantsName, Namespace: namespace}},
		}
}

// secrets are the names of the Secrets that the Job keeps, and of those that
// the spec gives.
func secrets(shards []jobs.TenantShard) (own, given []string) {
	for i, shard := range shards {
		if shard.Secrets() {
			own = append(own, jobs.TenantsShardSecret(i))
		}
		for _, t := range shard.Tenants {
			own = append(own, t.Secrets()...)
			if t.Admin.Secret != nil {
				given = append(given, t.Admin.Secret.Name)
			}
			for _, w := range t.Webhooks {
				for _, key := range w.Files() {
					given = append(given, key.Name)
				}
			}
		}
	}
	slices.Sort(given)
	return own, slices.Compact(given)
}
