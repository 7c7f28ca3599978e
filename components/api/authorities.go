package api

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

// certDirs is the environment variable of the folders of authorities.
const certDirs = "SSL_CERT_DIR"

// mountDatabaseAuthority mounts that of a database outside the stack, of which the
// ConfigMap tells.
func mountDatabaseAuthority(s *render.Stack, pod *corev1.PodSpec) {
	render.MountAuthority(pod, "database-ca", s.Cluster.Spec.Database.CACert, jobs.DatabaseCADir)
}

// trust has the API trust the authorities of a Redis outside the stack and of the
// proxy beside those in the folders that its ConfigMap names.
func trust(s *render.Stack, pod *corev1.PodSpec, folders string) {
	dirs := []string{folders}
	if render.MountAuthority(pod, "redis-ca", s.Cluster.Spec.Redis.CACert, jobs.RedisCADir) {
		dirs = append(dirs, jobs.RedisCADir)
	}
	if s.MountProxyAuthority(pod) {
		dirs = append(dirs, jobs.ProxyCADir)
	}
	if len(dirs) > 1 {
		pod.Containers[0].Env = append(pod.Containers[0].Env, render.CertDirs(dirs...))
	}
}
