package v1

import corev1 "k8s.io/api/core/v1"

// DatabaseEngine is the kind of object that runs PostgreSQL.
//
// +kubebuilder:validation:Enum=statefulset;cloudnativepg
type DatabaseEngine string

// The kinds of objects that run PostgreSQL.
const (
	DatabaseStatefulSet   DatabaseEngine = "statefulset"
	DatabaseCloudNativePG DatabaseEngine = "cloudnativepg"
)

// Database is the control plane's PostgreSQL.
//
// +kubebuilder:validation:XValidation:rule="!has(self.managed) || self.managed || has(self.connectionString)",message="connectionString is required when managed is false"
type Database struct {
	Workload `json:",inline"`
	// Managed renders a database; otherwise connectionString names one.
	Managed *bool `json:"managed,omitempty"`
	// Engine is statefulset or cloudnativepg.
	Engine DatabaseEngine `json:"engine,omitempty"`
	// Replicas is one primary and the rest standbys.
	// +kubebuilder:validation:Minimum=1
	Replicas *int32 `json:"replicas,omitempty"`
	// Storage of each replica.
	Storage Storage `json:"storage,omitzero"`
	// ConnectionString is the URL of a database that exists.
	ConnectionString *SecretKeyRef `json:"connectionString,omitempty"`
	// CACert holds the certificates of the authority that signed that database's,
	// where that is no public one. Its certificate and name are then verified
	// unless the URL says otherwise.
	CACert *SecretKeyRef `json:"caCert,omitempty"`
	// Exporter gives Prometheus the figures of each pod. CloudNativePG has one
	// of its own.
	Exporter Exporter `json:"exporter,omitzero"`
}

// ExportsPostgres reports whether the stack runs an exporter of its database.
// CloudNativePG's pods have one of their own.
func (s *BanhBaoRingClusterSpec) ExportsPostgres() bool {
	return *s.Monitoring.Enabled && *s.Database.Managed && s.Database.Engine != DatabaseCloudNativePG
}

// ExportsRedis reports whether the stack runs an exporter of its Redis.
func (s *BanhBaoRingClusterSpec) ExportsRedis() bool {
	return *s.Monitoring.Enabled && *s.Redis.Managed
}

// Exporter is what gives Prometheus a server's figures: pods of its own, where
// monitoring is on.
type Exporter struct {
	// Version is the image's tag when image gives none.
	Version string `json:"version,omitempty"`
	// Image replaces the default image. It is used as written:
	// spec.imageRegistry does not apply to it. Without a tag or digest, version
	// is its tag.
	Image string `json:"image,omitempty"`
}

// RedisMode is how Redis is run.
//
// +kubebuilder:validation:Enum=standalone;cluster
type RedisMode string

// How Redis is run.
const (
	RedisStandalone RedisMode = "standalone"
	RedisCluster    RedisMode = "cluster"
)

// Redis is the control plane's cache.
//
// +kubebuilder:validation:XValidation:rule="!has(self.managed) || self.managed || has(self.connectionString)",message="connectionString is required when managed is false"
type Redis struct {
	Workload `json:",inline"`
	// Managed renders a Redis; otherwise connectionString names one.
	Managed *bool `json:"managed,omitempty"`
	// Mode is standalone or cluster.
	Mode RedisMode `json:"mode,omitempty"`
	// Replicas is the number of shards in cluster mode, 3 at least.
	// +kubebuilder:validation:Minimum=1
	Replicas *int32 `json:"replicas,omitempty"`
	// Storage of each replica.
	Storage Storage `json:"storage,omitzero"`
	// ConnectionString is the URL of a Redis that exists.
	ConnectionString *SecretKeyRef `json:"connectionString,omitempty"`
	// CACert holds the certificates of the authority that signed that Redis's,
	// where that is no public one.
	CACert *SecretKeyRef `json:"caCert,omitempty"`
	// Exporter gives Prometheus the figures of each pod.
	Exporter Exporter `json:"exporter,omitzero"`
}

// MonitoringMode says who runs Prometheus.
//
// +kubebuilder:validation:Enum=standalone;operator
type MonitoringMode string

// Who runs Prometheus.
const (
	MonitoringStandalone MonitoringMode = "standalone"
	MonitoringOperator   MonitoringMode = "operator"
)

// Monitoring is Prometheus, Alertmanager and Grafana.
type Monitoring struct {
	// Enabled turns it on; on by default.
	Enabled *bool `json:"enabled,omitempty"`
	// Mode is standalone, or operator where a Prometheus Operator runs.
	Mode       MonitoringMode `json:"mode,omitempty"`
	Prometheus Prometheus     `json:"prometheus,omitzero"`
	Grafana    Grafana        `json:"grafana,omitzero"`
	Alerting   Alerting       `json:"alerting,omitzero"`
}

// Prometheus keeps the metrics.
type Prometheus struct {
	Workload `json:",inline"`
	// Retention of metrics, such as 15d.
	Retention string  `json:"retention,omitempty"`
	Storage   Storage `json:"storage,omitzero"`
}

// Grafana shows the metrics.
type Grafana struct {
	Workload `json:",inline"`
	// Enabled turns it on; on by default.
	Enabled *bool `json:"enabled,omitempty"`
	// AdminPassword is minted when absent.
	AdminPassword *SecretKeyRef `json:"adminPassword,omitempty"`
}

// Alerting sends alerts.
type Alerting struct {
	Workload `json:",inline"`
	// Enabled turns it on; on when any other of its fields is given.
	Enabled   *bool      `json:"enabled,omitempty"`
	Slack     *Slack     `json:"slack,omitempty"`
	PagerDuty *PagerDuty `json:"pagerduty,omitempty"`
}

// Slack receives alerts.
type Slack struct {
	WebhookURL SecretKeyRef `json:"webhookUrl"`
}

// PagerDuty receives alerts.
type PagerDuty struct {
	RoutingKey SecretKeyRef `json:"routingKey"`
}

// BackupGuard says what happens when the backup before an upgrade fails.
//
// +kubebuilder:validation:Enum=required;bestEffort;off
type BackupGuard string

// What happens when the backup before an upgrade fails.
const (
	GuardRequired   BackupGuard = "required"
	GuardBestEffort BackupGuard = "bestEffort"
	GuardOff        BackupGuard = "off"
)

// Backup is the scheduled backup.
type Backup struct {
	// Enabled turns it on; on when any other of its fields is given.
	Enabled *bool `json:"enabled,omitempty"`
	// Schedule is a cron expression in UTC.
	Schedule string `json:"schedule,omitempty"`
	// Retention of backups, in days.
	// +kubebuilder:validation:Minimum=1
	Retention int32 `json:"retention,omitempty"`
	// Guard takes a backup before OpenBao or the database is upgraded.
	Guard BackupGuard `json:"guard,omitempty"`
	// Destination of every backup that names none of its own.
	Destination *Destination `json:"destination,omitempty"`
	// Encryption with age.
	Encryption Encryption `json:"encryption,omitzero"`
	// ServiceAccount of the pods that back up and restore.
	ServiceAccount ServiceAccount `json:"serviceAccount,omitzero"`
	// TrustedKeys are public signing keys, ed25519:…, whose backups count as the
	// stack's own: those of the stack before, after all was lost.
	TrustedKeys []string `json:"trustedKeys,omitempty"`
	// Resources of the backup's container.
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`
}

// ServiceAccount is what a service account is told beyond its name.
type ServiceAccount struct {
	// Annotations tie the pods to a cloud identity, such as
	// eks.amazonaws.com/role-arn or iam.gke.io/gcp-service-account.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// EncryptionMode says whether backups are encrypted.
//
// +kubebuilder:validation:Enum=age;none
type EncryptionMode string

// Whether backups are encrypted.
const (
	EncryptionAge  EncryptionMode = "age"
	EncryptionNone EncryptionMode = "none"
)

// Encryption of backups with age.
type Encryption struct {
	// Mode is age, or none: then whoever reads the bucket reads the database, and
	// Secrets are not backed up.
	Mode EncryptionMode `json:"mode,omitempty"`
	// Recipients are age public keys. The plans free and starter mint one when
	// absent.
	Recipients []string `json:"recipients,omitempty"`
	// IdentitySecret holds the age private key that restores decrypt with.
	IdentitySecret *SecretKeyRef `json:"identitySecret,omitempty"`
}

// Encrypted reports whether backups are encrypted.
func (b *Backup) Encrypted() bool { return b.Encryption.Mode != EncryptionNone }

// Minted reports whether the stack makes the key that backups are encrypted to.
func (b *Backup) Minted() bool { return b.Encrypted() && len(b.Encryption.Recipients) == 0 }
