package v1

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	// retentionPattern is a Prometheus duration. Source:
	// github.com/prometheus/common, model/time.go.
	retentionPattern = regexp.MustCompile(`^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$`)
	// postgresPattern is a major version, or a release of one.
	postgresPattern  = regexp.MustCompile(`^[1-9][0-9](\.[0-9]{1,2})?$`)
	s3BucketPattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	gcsBucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)
	regionPattern    = regexp.MustCompile(`^[a-z0-9-]+$`)
	// recipientPattern is age's own public key, or that of a plugin, whose
	// name stands between the ones. Source: C2SP age.md and age-plugin.md.
	recipientPattern = regexp.MustCompile(`^age1([02-9ac-hj-np-z]{58}|[a-z0-9+._-]+1[02-9ac-hj-np-z]{6,})$`)
	// trustedKeyPattern is an Ed25519 public key of 32 bytes in base64.
	trustedKeyPattern = regexp.MustCompile(`^ed25519:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$`)
)

func (d *Database) validate(at *field.Path, registry string) field.ErrorList {
	managed := d.Managed == nil || *d.Managed
	faults := slices.Concat(
		enum(at.Child("engine"), d.Engine, DatabaseStatefulSet, DatabaseCloudNativePG),
		atLeast(at.Child("replicas"), d.Replicas, 1),
		validateConnection(at, managed, d.ConnectionString, d.CACert),
	)
	if !managed {
		return faults
	}
	return slices.Concat(faults,
		// Source: PostgreSQL's versioning policy; 13 is out of support.
		check(at.Child("version"), d.Version, d.Version == "" || postgresPattern.MatchString(d.Version) && AtLeast(d.Version, "14"), "must be a major version of 14 or later, such as 16, or a release such as 16.4\nhint: name another build with image"),
		forbidden(at.Child("exporter"), d.Exporter != Exporter{} && d.Engine == DatabaseCloudNativePG, "is not used where engine is cloudnativepg, which has its own"),
		validateMemory(at.Child("resources"), &d.Resources, "64Mi"),
		d.Exporter.validate(at.Child("exporter"), registry),
		d.Storage.validate(at.Child("storage")),
	)
}

func (r *Redis) validate(at *field.Path, registry string) field.ErrorList {
	managed := r.Managed == nil || *r.Managed
	faults := slices.Concat(
		enum(at.Child("mode"), r.Mode, RedisStandalone, RedisCluster),
		validateConnection(at, managed, r.ConnectionString, r.CACert),
	)
	if !managed {
		return faults
	}
	faults = slices.Concat(faults,
		// Source: Redis 7.0's release notes, cluster-announce-hostname.
		check(at.Child("version"), r.Version, r.Mode != RedisCluster || AtLeast(r.Version, "7.0.0"), "must be 7 or later where mode is cluster: earlier versions announce no host names"),
		r.Storage.validate(at.Child("storage")),
		validateMemory(at.Child("resources"), &r.Resources, "16Mi"),
		r.Exporter.validate(at.Child("exporter"), registry),
	)
	if replicas := at.Child("replicas"); r.Replicas != nil {
		n := *r.Replicas
		faults = slices.Concat(faults,
			check(replicas, n, r.Mode != RedisCluster || n >= 3, "must be 3 or more where mode is cluster"),
			check(replicas, n, r.Mode != RedisStandalone || n == 1, "must be 1 where mode is standalone\nhint: set mode: cluster"),
		)
	}
	return faults
}

func (e *Exporter) validate(at *field.Path, registry string) field.ErrorList {
	return slices.Concat(
		validateTag(at.Child("version"), e.Version),
		validateImage(at.Child("image"), e.Image, registry, e.Version),
	)
}

// validateConnection checks what names a service that is not rendered.
func validateConnection(at *field.Path, managed bool, ref, authority *SecretKeyRef) field.ErrorList {
	const unused = "is not used where managed is true\nhint: set managed: false"
	url, ca := at.Child("connectionString"), at.Child("caCert")
	return slices.Concat(
		required(url, managed || ref != nil, "the key of a Secret that holds the URL, since managed is false"),
		forbidden(url, managed && ref != nil, unused),
		validateSecretKeyRef(url, ref),
		forbidden(ca, managed && authority != nil, unused),
		validateSecretKeyRef(ca, authority),
	)
}

func (m *Monitoring) validate(at *field.Path) field.ErrorList {
	prometheus, alerting := at.Child("prometheus"), at.Child("alerting")
	retention := m.Prometheus.Retention
	faults := slices.Concat(
		enum(at.Child("mode"), m.Mode, MonitoringStandalone, MonitoringOperator),
		check(prometheus.Child("retention"), retention, retention == "" || retentionPattern.MatchString(retention) && strings.ContainsAny(retention, "123456789"), "must be a duration, such as 15d or 12h"),
		m.Prometheus.Storage.validate(prometheus.Child("storage")),
		validateMemory(prometheus.Child("resources"), &m.Prometheus.Resources, "64Mi"),
		validateSecretKeyRef(at.Child("grafana", "adminPassword"), m.Grafana.AdminPassword),
	)
	if slack := m.Alerting.Slack; slack != nil {
		faults = append(faults, validateSecretKeyRef(alerting.Child("slack", "webhookUrl"), &slack.WebhookURL)...)
	}
	if pagerDuty := m.Alerting.PagerDuty; pagerDuty != nil {
		faults = append(faults, validateSecretKeyRef(alerting.Child("pagerduty", "routingKey"), &pagerDuty.RoutingKey)...)
	}
	return faults
}

func (b *Backup) validate(at *field.Path, plan Plan) field.ErrorList {
	encryption := at.Child("encryption")
	return slices.Concat(
		b.unencrypted(encryption.Child("recipients"), isOn(b.Enabled), plan),
		enum(encryption.Child("mode"), b.Encryption.Mode, EncryptionAge, EncryptionNone),
		forbidden(encryption.Child("recipients"), !b.Encrypted() && len(b.Encryption.Recipients) > 0, "must not be given where mode is none"),
		each(at.Child("trustedKeys"), b.TrustedKeys, validateTrustedKey),

		validateSchedule(at.Child("schedule"), b.Schedule),
		check(at.Child("retention"), b.Retention, b.Retention >= 0, mustBeOne+", in days"),
		enum(at.Child("guard"), b.Guard, GuardRequired, GuardBestEffort, GuardOff),
		required(at.Child("destination"), !isOn(b.Enabled) || b.Destination != nil, "where backups are kept: s3 or gcs"),
		b.Destination.validate(at.Child("destination")),
		validateAnnotations(at.Child("serviceAccount", "annotations"), b.ServiceAccount.Annotations),
		each(encryption.Child("recipients"), b.Encryption.Recipients, validateRecipient),
		validateSecretKeyRef(encryption.Child("identitySecret"), b.Encryption.IdentitySecret),
	)
}

// unencrypted asks for recipients in the large plans: a key that the stack mints
// for itself is lost with it.
func (b *Backup) unencrypted(at *field.Path, used bool, plan Plan) field.ErrorList {
	large := plan == PlanPro || plan == PlanEnterprise
	return required(at, !used || !large || !b.Minted(), NoRecipients(plan))
}

// NoRecipients says how to come by an age key pair.
func NoRecipients(plan Plan) string {
	return fmt.Sprintf("age public keys that backups are encrypted to, in plan %s\nhint: run `age-keygen -o identity.txt` and keep that file outside of the cluster; `age-keygen -y identity.txt` prints what to write here; or write mode: none to store backups in the clear", plan)
}

// validateTrustedKey checks a public signing key. No fault shows it: a private key
// may stand there by mistake.
func validateTrustedKey(at *field.Path, key string) field.ErrorList {
	detail := "must be a public signing key, ed25519:…"
	if strings.HasPrefix(key, "ed25519-private:") {
		detail += ", and no private key"
	}
	return forbidden(at, !trustedKeyPattern.MatchString(key), detail)
}

// validateSchedule checks a cron expression of five fields, which may be
// absent. Kubernetes refuses a time zone in it.
func validateSchedule(at *field.Path, schedule string) field.ErrorList {
	if schedule == "" {
		return nil
	}
	if strings.Contains(schedule, "TZ") {
		return check(at, schedule, false, "must not name a time zone: it is in UTC")
	}
	times, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(schedule)
	if err != nil {
		return check(at, schedule, false, mustBeSchedule)
	}
	never := times.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero()
	return check(at, schedule, !never, "must be a time that comes: no month has such a day")
}

// validate checks where backups are kept, which may be absent.
func (d *Destination) validate(at *field.Path) field.ErrorList {
	if d == nil {
		return nil
	}
	faults := slices.Concat(
		required(at, d.S3 != nil || d.GCS != nil, "s3 or gcs"),
		forbidden(at, d.S3 != nil && d.GCS != nil, "must be one of s3 and gcs, not both"),
	)
	if s3, at := d.S3, at.Child("s3"); s3 != nil {
		faults = slices.Concat(faults,
			validateBucket(at.Child("bucket"), s3.Bucket, s3BucketPattern, "must be 3 to 63 lower-case letters, digits, hyphens and dots"),
			check(at.Child("region"), s3.Region, s3.Region == "" || regionPattern.MatchString(s3.Region), "must be a region, such as us-east-1"),
			validatePrefix(at.Child("prefix"), s3.Prefix),
			validateURL(at.Child("endpoint"), s3.Endpoint, "https", "http"),
			validateEndpointRegion(at.Child("endpoint"), s3.Endpoint, "s3", s3.Region),
			s3.validateAccelerated(at),
			validateSecretRef(at.Child("credentials"), s3.Credentials),
			validateSecretKeyRef(at.Child("caCert"), s3.CACert),
			validateVerifies(at.Child("caCert"), s3.CACert, "endpoint", s3.Endpoint),
		)
	}
	if gcs, at := d.GCS, at.Child("gcs"); gcs != nil {
		faults = slices.Concat(faults,
			validateBucket(at.Child("bucket"), gcs.Bucket, gcsBucketPattern, "must be 3 to 63 lower-case letters, digits, hyphens, underscores and dots"),
			validatePrefix(at.Child("prefix"), gcs.Prefix),
			validateSecretRef(at.Child("credentials"), gcs.Credentials),
		)
	}
	return faults
}

func validateBucket(at *field.Path, bucket string, pattern *regexp.Regexp, detail string) field.ErrorList {
	if bucket == "" {
		return required(at, false, "the bucket's name")
	}
	_, err := netip.ParseAddr(bucket)
	isName := err != nil && pattern.MatchString(bucket) && !strings.Contains(bucket, "..")
	return check(at, bucket, isName, detail+", and begin and end with a letter or digit")
}

// validatePrefix checks what stands before the names of objects.
func validatePrefix(at *field.Path, prefix string) field.ErrorList {
	if prefix == "" {
		return nil
	}
	hint := "leave it out"
	if bare := strings.Trim(prefix, "/"); bare != "" {
		hint = "write " + bare + "/"
	}
	return check(at, prefix, !strings.HasPrefix(prefix, "/") && strings.HasSuffix(prefix, "/"), "must end with /, and not begin with it\nhint: "+hint)
}

// validateRecipient checks an age public key. No fault shows it: a private key
// may stand there by mistake.
func validateRecipient(at *field.Path, recipient string) field.ErrorList {
	detail := "must be an age public key, age1…"
	switch {
	case strings.HasPrefix(strings.ToUpper(recipient), "AGE-SECRET-KEY-"):
		detail += ", and no private key"
	case strings.HasPrefix(recipient, "ssh-"), strings.HasPrefix(recipient, "ecdsa-"):
		detail += ", and no SSH key\nhint: make a key pair with age-keygen"
	}
	return forbidden(at, !recipientPattern.MatchString(recipient), detail)
}

// validateComponents checks which parts of the stack a backup holds.
func validateComponents(at *field.Path, components []BackupComponent) field.ErrorList {
	return slices.Concat(
		each(at, components, func(at *field.Path, c BackupComponent) field.ErrorList {
			return oneOf(at, c, BackupOpenBao, BackupDatabase, BackupSecrets)
		}),
		unique(at, components),
	)
}
