package v1

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// supportedSince is the oldest OpenBao that still gets fixes. Source:
// OpenBao's release notes, November 2026.
const supportedSince = "2.7.0"

// badVersions are releases of OpenBao to avoid, and why. Source:
// github.com/openbao/openbao/issues/2494.
var badVersions = map[string]string{
	"2.5.0": "cannot auto-unseal after an upgrade (openbao#2494)",
}

// HasNamespaces tells whether an OpenBao of this version has namespaces. Source:
// OpenBao 2.3's release notes.
func HasNamespaces(openbao string) bool { return AtLeast(openbao, "2.3.0") }

// TenantsNeed tells what an OpenBao of this version means for tenants, which
// are namespaces: a fault, a warning, or neither. Sources: OpenBao 2.3's
// release notes; the advisories of 2.5.5.
func TenantsNeed(openbao string) (fault, warning string) {
	switch {
	case !HasNamespaces(openbao):
		return "must be 2.3.1 or later where there are tenants: earlier versions have no namespaces", ""
	case !AtLeast(openbao, "2.5.5"):
		return "", "lets one tenant reach into another (GHSA-c36x-h252-g9x2, GHSA-mwr2-wmgp-crj6)\nhint: write 2.5.5 or later"
	}
	return "", ""
}

// Warnings finds what is valid in a cluster that has its defaults, and yet
// seldom meant or not wise.
func (c *BanhBaoRingCluster) Warnings() field.ErrorList {
	s, at := &c.Spec, field.NewPath("spec")
	large := s.Plan == PlanPro || s.Plan == PlanEnterprise
	alerting := &s.Monitoring.Alerting

	warnings := slices.Concat(
		s.OpenBao.warnings(at.Child("openbao"), large),
		warn(at.Child("monitoring", "alerting"), isOn(alerting.Enabled) && alerting.Slack == nil && alerting.PagerDuty == nil, "should have slack or pagerduty: nobody hears of alerts"),
		warn(at.Child("backup", "enabled"), large && !isOn(s.Backup.Enabled), fmt.Sprintf("should be true in plan %s: there are no backups", s.Plan)),
		s.Networking.warnings(at.Child("networking")),
		s.Monitoring.warnings(at.Child("monitoring")),
		warnNamespace(c.Namespace),
		warn(at.Child("backup", "encryption", "recipients"), isOn(s.Backup.Enabled) && !large && s.Backup.Minted(), "should be given: backups cannot be read without this cluster\nhint: once it runs, take its keys out with `banhbaoring recovery export`"),
		warn(at.Child("backup", "encryption", "mode"), isOn(s.Backup.Enabled) && !s.Backup.Encrypted(), "should not be none: who reads the bucket reads the database, and Secrets, unseal keys among them, are in no backup"),
	)
	if m := s.Email.SMTP; m != nil {
		warnings = append(warnings, warn(at.Child("email", "smtp", "tls"), m.TLS == SMTPPlain, "should be starttls or implicit: passwords are mailed in the clear")...)
	}
	warnings = append(warnings, warnUnpinned(at.Child("database", "exporter"), s.Database.Exporter.Image, s.Database.Exporter.Version)...)
	for _, w := range s.workloads(at) {
		warnings = append(warnings, warnUnpinned(w.at, w.Image, w.Version)...)
	}
	return warnings
}

// shown is the longest time that a panel of the dashboards covers whatever time they
// show.
const shown = 24 * time.Hour

func (m *Monitoring) warnings(at *field.Path) field.ErrorList {
	retention := m.Prometheus.Retention
	return warn(at.Child("prometheus", "retention"), isOn(m.Enabled) && m.Mode == MonitoringStandalone && retention != "" && prometheusDuration(retention) < shown,
		"should be 1d or more: the dashboards show what the last day had")
}

// durationPart is a number and its unit in a duration of Prometheus's.
var durationPart = regexp.MustCompile(`([0-9]+)(ms|[ywdhms])`)

// prometheusDuration is a duration that retentionPattern takes. Source:
// github.com/prometheus/common, model/time.go.
func prometheusDuration(text string) time.Duration {
	const day = 24 * time.Hour
	units := map[string]time.Duration{
		"y": 365 * day, "w": 7 * day, "d": day, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond,
	}
	var sum time.Duration
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.ParseInt(part[1], 10, 64)
		sum += time.Duration(n) * units[part[2]]
	}
	return sum
}

func (o *OpenBao) warnings(at *field.Path, large bool) field.ErrorList {
	a, unseal := &o.AutoUnseal, at.Child("autoUnseal")
	_, kms := KMSPlugins[a.Provider]
	needsPlugin := a.enabled() && kms && NeedsKMSPlugin(o.Version)

	warnings := slices.Concat(
		warnVersion(at.Child("version"), o.Version),
		warn(at.Child("replicas"), large && o.Replicas != nil && *o.Replicas == 1, "should be 3 or more: one replica is no longer there when its node is not"),
		warn(unseal, large && !a.enabled(), "should be given: the keys that unseal are kept in a Secret of the same cluster"),
		o.Plugin.warnings(at.Child("plugin")),
	)
	if a.enabled() {
		warnings = slices.Concat(warnings,
			warn(unseal.Child("provider"), large && a.Provider == ProviderStatic, "should not be static: its key is kept in a Secret of the same cluster"),
			warn(unseal.Child("region"), a.Provider == ProviderAWSKMS && a.Region == "", "should be given: otherwise AWS_REGION must be in the pods' environment"),
			warn(unseal.Child("address"), a.Provider == ProviderTransit && isPlainHTTP(a.Address), "should begin with https://: the token is sent in the clear"),
			warn(unseal.Child("endpoint"), a.Provider == ProviderAWSKMS && isPlainHTTP(a.Endpoint), "should begin with https://: the key that opens the seal is sent in the clear"),
		)
	}
	if needsPlugin {
		warnings = append(warnings, a.Plugin.warnings(unseal.Child("plugin"))...)
	}
	return warnings
}

func warnVersion(at *field.Path, version string) field.ErrorList {
	v, err := semver.NewVersion(version)
	if err != nil {
		return nil
	}
	reason, bad := badVersions[version]
	oldest := semver.MustParse(supportedSince)
	old := v.Major() < oldest.Major() || v.Major() == oldest.Major() && v.Minor() < oldest.Minor()
	return slices.Concat(
		warn(at, bad, fmt.Sprintf("should not be %s: it %s", version, reason)),
		warn(at, !HasAuditStanza(version), "should be 2.4.0 or later: nothing is audited before"),
		warn(at, old, fmt.Sprintf("should be %s or later: %d.%d gets no fixes any more", supportedSince, v.Major(), v.Minor())),
	)
}

func (p *Plugin) warnings(at *field.Path) field.ErrorList {
	return slices.Concat(
		warn(at.Child("sha256"), p.SHA256 == "" && !strings.Contains(p.Image, "@"), "should be given: any binary in the image is trusted"),
		warnUnpinned(at, p.Image, p.Version),
	)
}

// warnUnpinned warns of an image that can change under the same name.
func warnUnpinned(at *field.Path, image, version string) field.ErrorList {
	name := image[strings.LastIndex(image, "/")+1:]
	_, tag, tagged := strings.Cut(name, ":")
	if strings.Contains(image, "@") || image == "" && version == "" {
		return nil
	}
	where := at.Child("image")
	if !tagged || tag == version {
		tag, where = version, at.Child("version")
	}
	return slices.Concat(
		warn(where, tag == "", "should be given: the image has neither tag nor digest"),
		warn(where, tag == "latest", "should not be latest: pods may run different builds"),
	)
}

// Warnings finds what is valid in a tenant that has its defaults, and yet not
// wise.
func (t *BanhBaoRingTenant) Warnings() field.ErrorList {
	at := field.NewPath("spec", "settings", "webhooks")
	return each(at, t.Spec.Settings.Webhooks, func(at *field.Path, w Webhook) field.ErrorList {
		return warn(at.Child("url"), isPlainHTTP(w.URL), "should begin with https://: events are sent in the clear")
	})
}

// warn is a warning where the field calls for one.
func warn(at *field.Path, when bool, detail string) field.ErrorList {
	return forbidden(at, when, detail)
}
