package api

import (
	"path"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

// Where the API is told that tenants are mounted.
const (
	tenantsEnv        = "BANHBAO_TENANTS_DIR"
	tenantsSecretsEnv = "BANHBAO_TENANTS_SECRETS_DIR"
)

// mountTenants mounts what the API is told of tenants: a ConfigMap a shard, and
// the Secret that holds what its webhooks need, which the tenants Job makes.
// The pods start without that one too: a tenant that fails stops nobody else.
func mountTenants(s *render.Stack, pod *corev1.PodSpec) error {
	shards, err := jobs.TenantShards(s.Tenants)
	if err != nil || len(shards) == 0 {
		return err
	}
	container, optional, mode := &pod.Containers[0], true, int32(0o440)
	mount := func(name, dir string, source corev1.VolumeSource) {
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: source})
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: dir, ReadOnly: true})
	}
	container.Env = append(container.Env, corev1.EnvVar{Name: tenantsEnv, Value: jobs.TenantsDir})
	secrets := false
	for i, shard := range shards {
		number := strconv.Itoa(i)
		mount("tenants-"+number, path.Join(jobs.TenantsDir, number), corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: jobs.TenantsShard(i)}},
		})
		if shard.Secrets() {
			secrets = true
			mount("tenants-secrets-"+number, path.Join(jobs.TenantsSecretsDir, number), corev1.VolumeSource{
				Secret: &corev1.SecretVolumeSource{SecretName: jobs.TenantsShardSecret(i), Optional: &optional, DefaultMode: &mode},
			})
		}
	}
	if secrets {
		container.Env = append(container.Env, corev1.EnvVar{Name: tenantsSecretsEnv, Value: jobs.TenantsSecretsDir})
	}
	return nil
}
