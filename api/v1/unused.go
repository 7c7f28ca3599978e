package v1

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Unused is what a cluster's other fields leave without effect: a field, or all
// that is below it.
//
// +kubebuilder:object:generate=false
type Unused struct {
	Path string
	But  []string // fields below it that count all the same
	// Beside is a field that has to be given for this to hold.
	Beside string
	Why    string
	// Fault refuses it: it is switched off and set at once. Otherwise a warning
	// says so.
	Fault bool
}

// Unused finds what is without effect in a cluster that has its defaults.
// Documents tells whether there are backups or restores, which use some of what
// is said of scheduled backups.
func (c *BanhBaoRingCluster) Unused(documents bool) []Unused {
	var all []Unused
	s, m := &c.Spec, &c.Spec.Monitoring
	off := func(on bool, path, where string, but ...string) {
		if !on {
			all = append(all, Unused{Path: "spec." + path, But: but, Why: "is not used where " + where, Fault: true})
		}
	}
	loses := func(lost bool, path, why string, but ...string) {
		if lost {
			all = append(all, Unused{Path: "spec." + path, But: but, Why: "is not used" + why})
		}
	}
	const enabled, disabled = "enabled", "enabled is false"

	off(isOn(s.API.Autoscaling.Enabled), "api.autoscaling", disabled, enabled)
	off(s.OpenBao.AutoUnseal.enabled() || s.OpenBao.AutoUnseal.Provider == "", "openbao.autoUnseal", disabled, enabled)
	off(isOn(m.Enabled), "monitoring", disabled, enabled)
	off(isOn(m.Grafana.Enabled), "monitoring.grafana", disabled, enabled)
	off(isOn(m.Alerting.Enabled), "monitoring.alerting", disabled, enabled)
	off(isOn(s.Billing.Stripe.Enabled), "billing.stripe", disabled, enabled)
	if documents {
		off(isOn(s.Backup.Enabled), "backup", disabled, enabled, "destination", "encryption", "trustedKeys", "resources", "serviceAccount")
	} else {
		off(isOn(s.Backup.Enabled), "backup", disabled, enabled)
	}
	off(isOn(s.Signer.Enabled), "signer", disabled, enabled)
	off(*s.Dashboard.Replicas > 0, "dashboard", "replicas is 0", "replicas")
	// The image is what backups run pg_dump of.
	off(*s.Database.Managed, "database", "managed is false", "managed", "connectionString", "caCert", "version", "image")
	off(*s.Redis.Managed, "redis", "managed is false", "managed", "connectionString", "caCert")

	if m.Mode == MonitoringOperator {
		const why = " where monitoring.mode is operator: the Prometheus Operator's own objects say so"
		for _, part := range []string{"prometheus", "grafana", "alerting"} {
			loses(true, "monitoring."+part, why)
		}
	}
	if least := s.API.Autoscaling.MinReplicas; isOn(s.API.Autoscaling.Enabled) && *s.API.Replicas != *least {
		all = append(all, Unused{Path: "spec.api.replicas", Beside: "spec.api.autoscaling.minReplicas",
			Why: "is not used where api.autoscaling.minReplicas is given, which counts"})
	}
	for path, image := range s.images() {
		if version := image.version; version != "" && image.name != "" && !strings.HasSuffix(image.name, ":"+version) {
			all = append(all, Unused{Path: "spec." + path + ".version", Beside: "spec." + path + ".image", Why: "is not used where image has a tag or a digest"})
		}
	}
	a := &s.OpenBao.AutoUnseal
	loses(!a.enabled() || a.Provider == ProviderStatic, "networking.kmsCIDRs", ": nothing outside unseals")
	const proxied = " where networking.proxy is given without noProxy: the proxy connects"
	loses(!s.Networking.Direct(a.Endpoint, a.Address), "networking.kmsCIDRs", proxied)
	loses(!documents && !s.Networking.Direct(s.Backup.endpoint()), "networking.bucketCIDRs", proxied)
	loses(!documents && !isOn(s.Backup.Enabled), "networking.bucketCIDRs", ": there are no backups")
	loses(!documents && !isOn(s.Backup.Enabled) && !*s.Database.Managed, "database.image", " where managed is false and there are no backups, which run its programs")
	loses(!documents && !isOn(s.Backup.Enabled) && !*s.Database.Managed, "database.version", " where managed is false and there are no backups, which run its programs")
	loses(!isOn(m.Enabled), "database.exporter", " where monitoring.enabled is false")
	loses(!isOn(m.Enabled), "redis.exporter", " where monitoring.enabled is false")
	loses(s.Networking.Mode == NetworkingGateway, "openbao.tls.issuer", " where networking.mode is gateway: the Gateway's listener has the certificate")
	loses(a.Provider == "", "openbao.autoUnseal.plugin", ": no provider is given")
	if a.enabled() {
		_, kms := KMSPlugins[a.Provider]
		loses(kms && !NeedsKMSPlugin(s.OpenBao.Version), "openbao.autoUnseal.plugin", fmt.Sprintf(": OpenBao %s has provider %s built in", s.OpenBao.Version, a.Provider))
		loses(!kms, "openbao.autoUnseal.plugin", fmt.Sprintf(": provider %s needs none", a.Provider))
	}
	return all
}

// endpoint is that of the bucket's service, empty where it is the cloud's own.
func (b *Backup) endpoint() string {
	if b.Destination == nil || b.Destination.S3 == nil {
		return ""
	}
	return b.Destination.S3.Endpoint
}

// imageOf is an image and the version beside it.
type imageOf struct{ name, version string }

// images are those whose version is their tag and nothing else, by the path that leads to
// both. That of OpenBao says what it can do, that of a plugin is registered, and those of
// the Jobs and the database are told in each backup.
func (s *BanhBaoRingClusterSpec) images() map[string]imageOf {
	all := map[string]imageOf{
		"database.exporter": {s.Database.Exporter.Image, s.Database.Exporter.Version},
		"redis.exporter":    {s.Redis.Exporter.Image, s.Redis.Exporter.Version},
	}
	for _, w := range s.workloads(field.NewPath("spec")) {
		if path := strings.TrimPrefix(w.at.String(), "spec."); path != "openbao" {
			all[path] = imageOf{w.Image, w.Version}
		}
	}
	return all
}

// Below returns the field of a given path that is unused: the one right below the
// rule's path, or the path itself. It is empty where the path is none of it.
func (u Unused) Below(path string) string {
	if path == u.Path || strings.HasPrefix(path, u.Path+"[") {
		return u.Path
	}
	rest, ok := strings.CutPrefix(path, u.Path+".")
	if !ok {
		return ""
	}
	name := rest
	if end := strings.IndexAny(rest, ".["); end >= 0 {
		name = rest[:end]
	}
	for _, but := range u.But {
		if name == but {
			return ""
		}
	}
	return u.Path + "." + name
}
