package v1

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

var kubeVersionPattern = regexp.MustCompile(`^v?1\.[0-9]{1,3}(\.[0-9]{1,3})?([-+][0-9A-Za-z.+-]+)?$`)

// validateKubeVersion checks a version of Kubernetes as `kubectl version` prints
// it, or its first two numbers. It may be absent.
func validateKubeVersion(at *field.Path, version string) field.ErrorList {
	if version == "" {
		return nil
	}
	if !kubeVersionPattern.MatchString(version) {
		detail := `must be a version of Kubernetes, such as "1.29"`
		if strings.HasPrefix(version, "1.") {
			detail += "\nhint: write it in quotes"
		}
		return check(at, version, false, detail)
	}
	return check(at, version, AtLeast(version, LeastKubernetes+".0"), "must be "+LeastKubernetes+" or later: earlier versions refuse what the stack needs")
}

// Host is a name under which a component is reached from outside.
//
// +kubebuilder:object:generate=false
type Host struct{ Component, Name string }

// Hosts are the names under which the stack is reached from outside: those of what it
// runs and exposes.
func (s *BanhBaoRingClusterSpec) Hosts() []Host {
	var hosts []Host
	add := func(exposed bool, component, prefix string) {
		if exposed {
			hosts = append(hosts, Host{component, prefix + s.Domain})
		}
	}
	m := &s.Monitoring
	add(*s.Dashboard.Replicas > 0, "dashboard", "")
	add(true, "api", "api.")
	add(s.Networking.OpenBao.Expose != ExposeOff, "vault", "vault.")
	add(isOn(m.Enabled) && m.Mode == MonitoringStandalone && isOn(m.Grafana.Enabled), "grafana", "grafana.")
	return hosts
}
