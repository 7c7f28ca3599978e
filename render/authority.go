package render

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// PublicAuthorities is where images have the certificates of public authorities,
// beside the file of all, which is read in any case. Source: Go, crypto/x509.
const PublicAuthorities = "/etc/ssl/certs"

// CertDirs is the environment by which Go's programs, and OpenSSL's, read
// certificates of authorities from all files of these folders.
func CertDirs(dirs ...string) corev1.EnvVar {
	return corev1.EnvVar{Name: "SSL_CERT_DIR", Value: strings.Join(dirs, ":")}
}

// MountAuthority mounts the certificates of an authority for a pod's first
// container, and reports whether there are any.
func MountAuthority(pod *corev1.PodSpec, volume string, ref *v1.SecretKeyRef, dir string) bool {
	return mountAuthority(pod, &pod.Containers[0], volume, ref, dir)
}

func mountAuthority(pod *corev1.PodSpec, c *corev1.Container, volume string, ref *v1.SecretKeyRef, dir string) bool {
	if ref == nil {
		return false
	}
	mountSecret(pod, c, volume, ref.SecretName, dir, corev1.KeyToPath{Key: ref.Key, Path: jobs.AuthorityFile})
	return true
}

// MountProxyAuthority does so for that of the proxy.
func (s *Stack) MountProxyAuthority(pod *corev1.PodSpec) bool {
	return MountAuthority(pod, "proxy-ca", s.ProxyAuthority(), jobs.ProxyCADir)
}

// ProxyAuthority is where the spec has that of the proxy, if it has any.
func (s *Stack) ProxyAuthority() *v1.SecretKeyRef {
	if proxy := s.Cluster.Spec.Networking.Proxy; proxy != nil {
		return proxy.CACert
	}
	return nil
}

// DatabaseAuthorityEnv has PostgreSQL's clients verify the certificate of a
// database outside the stack, where its URL does not say otherwise.
func DatabaseAuthorityEnv() map[string]string {
	return map[string]string{"PGSSLMODE": "verify-full", "PGSSLROOTCERT": jobs.DatabaseCADir + "/" + jobs.AuthorityFile}
}
