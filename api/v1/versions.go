package v1

import "github.com/Masterminds/semver/v3"

// KMSPlugins are the official KMS plugins. Their images hold nothing but the
// binary. Source: github.com/openbao/openbao-plugins, Containerfile; the
// versions other than that of aws are inferred from it.
var KMSPlugins = map[Provider]Plugin{
	ProviderAWSKMS:  {Image: "ghcr.io/openbao/openbao-plugin-kms-aws", Version: "v0.1.0", Path: "/openbao-plugin-kms-aws"},
	ProviderGCPKMS:  {Image: "ghcr.io/openbao/openbao-plugin-kms-gcp", Version: "v0.1.0", Path: "/openbao-plugin-kms-gcp"},
	ProviderAzureKV: {Image: "ghcr.io/openbao/openbao-plugin-kms-azure", Version: "v0.1.0", Path: "/openbao-plugin-kms-azure"},
}

// NeedsKMSPlugin tells whether an OpenBao of this version has no KMS seals of
// its own. Source: OpenBao 2.7.0's release notes.
func NeedsKMSPlugin(openbao string) bool { return AtLeast(openbao, "2.7.0") }

// HasMetricsListener tells whether an OpenBao of this version can serve its
// metrics on a listener of their own. Source: OpenBao 2.5.0, http/metrics.go.
func HasMetricsListener(openbao string) bool { return AtLeast(openbao, "2.5.0") }

// HasDisableStandbyReads tells whether an OpenBao of this version knows
// disable_standby_reads. Source: OpenBao 2.5.0, command/server/config.go.
func HasDisableStandbyReads(openbao string) bool { return AtLeast(openbao, "2.5.0") }

// HasAzureAuthMethod tells whether an OpenBao of this version knows the
// azurekeyvault seal's auth_method. Source: OpenBao 2.6.0's release notes.
func HasAzureAuthMethod(openbao string) bool { return AtLeast(openbao, "2.6.0") }

// HasTLSAutoReload tells whether an OpenBao of this version reloads a renewed
// certificate by itself. Source: OpenBao 2.7.0, internal/helper/configutil/listener.go.
func HasTLSAutoReload(openbao string) bool { return AtLeast(openbao, "2.7.0") }

// HasAuditStanza tells whether an OpenBao of this version audits to what its
// configuration names. Source: OpenBao 2.4.0's release notes.
func HasAuditStanza(openbao string) bool { return AtLeast(openbao, "2.4.0") }

// AtLeast compares two versions, a pre-release counting as the release that it
// leads to. One that is no version is at least any other, so that a build of
// one's own counts as the newest.
func AtLeast(version, least string) bool {
	v, err := semver.NewVersion(version)
	if err != nil {
		return true
	}
	release, err := v.SetPrerelease("")
	return err != nil || !release.LessThan(semver.MustParse(least))
}

// MustDisableRekey reports whether an OpenBao of this version can close sys/rekey
// to those who have not logged in, and does not of itself. Source: OpenBao 2.3's
// and 2.5's release notes.
func MustDisableRekey(openbao string) bool {
	return AtLeast(openbao, "2.3.0") && !AtLeast(openbao, "2.5.0")
}

// LeastKubernetes is the oldest Kubernetes that takes every object of the output
// where spec.kubeVersion names it; DefaultKubernetes the oldest where nothing is
// named. Source: kubernetes/website, "Feature Gates": SidecarContainers, which
// backups run PostgreSQL's programs in, is on by default from 1.29,
// PodLifecycleSleepAction from 1.30.
const (
	LeastKubernetes   = "1.29"
	DefaultKubernetes = "1.30"
)

// HasSleepAction reports whether a Kubernetes of this version can let a container
// sleep before it is stopped.
func HasSleepAction(kubernetes string) bool { return kubernetes == "" || AtLeast(kubernetes, "1.30.0") }
