package render

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// inside are the places that no proxy is for: the pod itself, Services, OpenBao's
// peers, what tells a pod its cloud identity, and the API server, whose address
// Kubernetes gives every pod.
var inside = []string{
	"localhost", "127.0.0.1", "::1", ".svc", ".cluster.local", jobs.OpenBaoInternal,
	"169.254.0.0/16", "fd00:ec2::/32", "$(KUBERNETES_SERVICE_HOST)",
}

// ProxyEnv is the environment of a program that connects to services outside;
// none where the spec names no proxy.
func (s *Stack) ProxyEnv() []corev1.EnvVar {
	proxy := s.Cluster.Spec.Networking.Proxy
	if proxy == nil {
		return nil
	}
	env := []corev1.EnvVar{{Name: "HTTPS_PROXY", Value: proxy.HTTPS}}
	if proxy.HTTP != "" {
		env = append(env, corev1.EnvVar{Name: "HTTP_PROXY", Value: proxy.HTTP})
	}
	return append(env, corev1.EnvVar{Name: "NO_PROXY", Value: strings.Join(s.noProxy(), ",")})
}

// noProxy are all hosts that are connected to directly.
func (s *Stack) noProxy() []string {
	spec := &s.Cluster.Spec
	own := []string{spec.Domain, "." + spec.Domain}
	return append(append(append([]string{}, inside...), own...), spec.Networking.Proxy.NoProxy...)
}
