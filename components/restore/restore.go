// Package restore renders a Job for each restore that was asked for.
package restore

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders restores. They stand before the applications, so that a
// disaster can reach them, and behind OpenBao and the database, which they fill.
func Component() render.Component {
	return render.Component{
		Name:    jobs.Restore,
		Stage:   render.Restore,
		Enabled: func(s *render.Stack) bool { return len(s.Restores) > 0 },
		Build:   build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	objects := base.Objects()
	config := kustomize.Find[*corev1.ConfigMap](objects)
	job := kustomize.Find[*batchv1.Job](objects)
	objects = slices.DeleteFunc(objects, func(o runtime.Object) bool { return o == runtime.Object(config) || o == runtime.Object(job) })
	var receipts []string
	secrets := map[string]bool{}
	for _, document := range s.Restores {
		c, err := configOf(s, document)
		if err != nil {
			return nil, err
		}
		data, err := jobs.Encode(c)
		if err != nil {
			return nil, err
		}
		receipts = append(receipts, c.Receipt)
		for _, name := range c.Secrets {
			secrets[name] = true
		}
		one, configured := job.DeepCopy(), config.DeepCopy()
		one.Name = "banhbaoring-" + jobs.Restore + "-" + document.Name
		configured.Name, configured.Data = one.Name, data
		complete(s, &one.Spec.Template.Spec, c, one.Name)
		objects = append(objects, configured, one)
	}
	secrets[jobs.SecretOpenBaoKeys] = true
	looked := []string{jobs.SecretRestoreKeys}
	if name := sealSecret(s.Cluster.Spec.OpenBao.AutoUnseal); name != "" {
		looked = append(looked, name)
	}
	s.BackupIdentity(objects)
	kustomize.Find[*rbacv1.RoleBinding](objects).Subjects[0].Namespace = s.Cluster.Namespace
	role := kustomize.Find[*rbacv1.Role](objects)
	role.Rules[0].ResourceNames = slices.Sorted(maps.Keys(secrets))
	role.Rules[1].ResourceNames = looked
	role.Rules[2].ResourceNames = receipts
	return objects, nil
}

// configOf is the configuration of one restore's Job.
func configOf(s *render.Stack, document *v1.BanhBaoRingRestore) (jobs.RestoreConfig, error) {
	spec, o := s.Cluster.Spec, document.Spec
	c := jobs.RestoreConfig{
		Cluster: s.Cluster.Name, Namespace: s.Cluster.Namespace, Name: document.Name,
		Components: o.Components, Verify: *o.Options.VerifyBackup, Force: o.Options.Force,
		Address: jobs.ActiveAddress(s.Cluster.Namespace), KeySecret: jobs.SecretOpenBaoKeys,
		SealSecret: sealSecret(spec.OpenBao.AutoUnseal), PluginMount: jobs.PluginName,
		Has:         jobs.NeedsOf(s.Cluster),
		TrustedKeys: spec.Backup.TrustedKeys, Encrypted: spec.Backup.Encrypted(), AcceptUnverified: o.Options.DangerouslyAcceptUnverified,
		Receipt: jobs.RestoreReceipt(document.Name),
	}
	source, folder, name := sourceOf(s, document)
	c.Source, c.Folder, c.Backup = *source, folder, name
	for i := range int(*spec.OpenBao.Replicas) {
		c.Peers = append(c.Peers, jobs.PeerAddress(i))
	}
	if *o.Options.StopApplications {
		c.Applications = map[string]int32{jobs.APIName: pods(spec.API), jobs.DashboardName: *spec.Dashboard.Replicas}
		if *spec.Signer.Enabled {
			c.Applications[jobs.SignerName] = *spec.Signer.Replicas
		}
	}
	if slices.Contains(o.Components, v1.BackupSecrets) {
		c.Secrets = secretsOf(s)
	}
	text, err := json.Marshal(o)
	if err != nil {
		return c, err
	}
	sum := sha256.Sum256(text)
	c.Request = hex.EncodeToString(sum[:])
	return c, nil
}

// pods is how many the API has, or the least that its autoscaler keeps.
func pods(api v1.API) int32 {
	if *api.Autoscaling.Enabled {
		return *api.Autoscaling.MinReplicas
	}
	return *api.Replicas
}

// sourceOf is where a backup lies, and its name: below the destination of the
// BanhBaoRingBackup or the cluster's, or the last folder of spec.source's prefix.
// The prefix may be that of a BanhBaoRingBackup too: folder is a place that holds
// one backup.
func sourceOf(s *render.Stack, document *v1.BanhBaoRingRestore) (source, folder *v1.Destination, name string) {
	if document.Spec.Source == nil {
		name := document.Spec.BackupRef.Name
		return s.DestinationOf(name), nil, name
	}
	folder = document.Spec.Source.DeepCopy()
	alike(s, folder)
	source = folder.DeepCopy()
	if source.S3 != nil {
		source.S3.Prefix, name = path.Split(strings.TrimSuffix(source.S3.Prefix, "/"))
	} else {
		source.GCS.Prefix, name = path.Split(strings.TrimSuffix(source.GCS.Prefix, "/"))
	}
	return source, folder, name
}

// alike gives a source that names a bucket and no more what the destinations of
// the stack's backups say of the same bucket: how it is reached, and what opens it.
func alike(s *render.Stack, source *v1.Destination) {
	known := []*v1.Destination{s.Cluster.Spec.Backup.Destination}
	for _, b := range s.Backups {
		known = append(known, b.Spec.Destination)
	}
	for _, d := range known {
		switch {
		case d == nil:
		case d.S3 != nil && source.S3 != nil && d.S3.Bucket == source.S3.Bucket && (source.S3.Endpoint == "" || source.S3.Endpoint == d.S3.Endpoint):
			bare := v1.S3{Bucket: source.S3.Bucket, Prefix: source.S3.Prefix, Endpoint: source.S3.Endpoint}
			if *source.S3 == bare {
				prefix := source.S3.Prefix
				source.S3 = d.S3.DeepCopy()
				source.S3.Prefix = prefix
				return
			}
		case d.GCS != nil && source.GCS != nil && d.GCS.Bucket == source.GCS.Bucket && source.GCS.Credentials == nil:
			if d.GCS.Credentials != nil {
				source.GCS.Credentials = d.GCS.Credentials.DeepCopy()
				return
			}
		}
	}
}

// secretsOf are the Secrets that the spec names, and those of tenants, which the
// restored OpenBao knows. The stack's own stay: what runs has begun with them. What
// opens the backup is not restored from it.
func secretsOf(s *render.Stack) []string {
	users := []v1.SecretUser{s.Cluster}
	for _, tenant := range s.Tenants {
		users = append(users, tenant)
	}
	names := map[string]bool{}
	for _, name := range jobs.TenantSecrets(s.Tenants) {
		names[name] = true
	}
	for _, provided := range v1.ProvidedSecrets(users...) {
		names[provided.Name] = true
	}
	if d := s.Cluster.Spec.Backup.Destination; d != nil {
		if ref := d.Credentials(); ref != nil {
			delete(names, ref.SecretName)
		}
	}
	if identity := s.Cluster.Spec.Backup.Encryption.IdentitySecret; identity != nil {
		delete(names, identity.SecretName)
	}
	for _, minted := range []string{jobs.SecretBackupKeys, sealSecret(s.Cluster.Spec.OpenBao.AutoUnseal), jobs.SecretPostgres, jobs.SecretRedis, jobs.SecretGrafana} {
		delete(names, minted)
	}
	return slices.Sorted(maps.Keys(names))
}

// sealSecret holds the key of a static seal.
func sealSecret(a v1.AutoUnseal) string {
	if !*a.Enabled || a.Provider != v1.ProviderStatic {
		return ""
	}
	return a.Key.SecretName
}

// complete puts into a pod what one restore needs of Secrets and configuration.
func complete(s *render.Stack, pod *corev1.PodSpec, c jobs.RestoreConfig, config string) {
	s.BackupPod(pod, config, c.Source, c.Components)
	s.MountLoader(pod)
	render.MountBackupKeys(pod, jobs.KeyPublic, jobs.KeyTrusted, jobs.KeyIdentity)
	if identity := s.Cluster.Spec.Backup.Encryption.IdentitySecret; identity != nil {
		render.MountSecret(pod, "identity", identity.SecretName, jobs.IdentityDir, corev1.KeyToPath{Key: identity.Key, Path: "identity"})
	}
}
