package v1

import (
	"maps"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// DefaultNamespace is where a document lives that names no namespace.
const DefaultNamespace = "banhbaoring"

// Default fills in what the spec leaves out: what the plan presets first, what
// is the same for every plan then. It is the one place where a default is
// written, and calling it again changes nothing.
func (c *BanhBaoRingCluster) Default() {
	for _, step := range c.defaulting() {
		step.do()
	}
}

// defaultStep is a step of defaulting, and where its values come from.
type defaultStep struct {
	origin Origin
	do     func()
}

func (c *BanhBaoRingCluster) defaulting() []defaultStep {
	return []defaultStep{
		{Given, c.normalize},
		{Defaulted, c.defaultIdentity},
		{FromPlan, c.defaultFromPlan},
		{Defaulted, c.defaultRest},
		{Defaulted, c.defaultImages},
	}
}

// normalize writes what can be written in two ways in one.
func (c *BanhBaoRingCluster) normalize() {
	s := &c.Spec
	if s.OpenBao.Replicas == nil {
		s.OpenBao.Replicas = s.Replicas
	}
	s.ImageRegistry = strings.TrimRight(s.ImageRegistry, "/")
	switchOn(&s.API.Autoscaling.Enabled, s.API.Autoscaling)
	switchOn(&s.Monitoring.Alerting.Enabled, s.Monitoring.Alerting)
	switchOn(&s.Backup.Enabled, s.Backup)
	switchOn(&s.Billing.Stripe.Enabled, s.Billing.Stripe)
	switchOn(&s.Signer.Enabled, s.Signer)
	for _, use := range c.secretUses() {
		set(&use.ref.SecretName, use.ref.Name)
	}
}

func (c *BanhBaoRingCluster) defaultIdentity() {
	set(&c.Namespace, DefaultNamespace)
	set(&c.Spec.Plan, PlanStarter)
}

func (c *BanhBaoRingCluster) defaultFromPlan() {
	s, p := &c.Spec, presetOf(c.Spec.Plan)

	setPtr(&s.OpenBao.Replicas, p.openbaoReplicas)
	setQuantity(&s.OpenBao.Storage.Size, p.openbaoSize)
	setRequests(&s.OpenBao.Resources, p.openbaoCPU, p.openbaoMemory)

	setPtr(&s.API.Autoscaling.Enabled, p.apiAutoscaling)
	setPtr(&s.API.Replicas, p.apiReplicas)
	if *s.API.Autoscaling.Enabled {
		setPtr(&s.API.Autoscaling.MinReplicas, *s.API.Replicas)
		set(&s.API.Autoscaling.MaxReplicas, max(p.apiMax, *s.API.Autoscaling.MinReplicas))
	}
	setPtr(&s.Dashboard.Replicas, p.dashboardReplicas)
	if isOn(s.Signer.Enabled) {
		setPtr(&s.Signer.Replicas, p.signerReplicas)
	}

	if s.Database.Managed == nil || *s.Database.Managed {
		setPtr(&s.Database.Replicas, p.databaseReplicas)
		setQuantity(&s.Database.Storage.Size, p.databaseSize)
	}
	if s.Redis.Managed == nil || *s.Redis.Managed {
		set(&s.Redis.Mode, p.redisMode)
		if s.Redis.Mode == RedisCluster {
			setPtr(&s.Redis.Replicas, max(p.redisReplicas, 3))
		}
		setPtr(&s.Redis.Replicas, 1)
		setQuantity(&s.Redis.Storage.Size, p.redisSize)
	}
	setQuantity(&s.Monitoring.Prometheus.Storage.Size, p.metricsSize)
}

func (c *BanhBaoRingCluster) defaultRest() {
	s := &c.Spec

	set(&s.OpenBao.Version, "2.7.1")
	setPtr(&s.OpenBao.MinReadySeconds, 10)
	set(&s.OpenBao.Plugin.Version, "1.1.0")
	set(&s.OpenBao.Plugin.Path, "/plugin/secp256k1")
	s.OpenBao.AutoUnseal.setDefaults(s.OpenBao.Version)
	set(&s.OpenBao.Init.Shares, int32(len(s.OpenBao.Init.PGPKeys)))
	set(&s.OpenBao.Init.Shares, 5)
	set(&s.OpenBao.Init.Threshold, min(3, s.OpenBao.Init.Shares))
	if s.OpenBao.Chart != nil {
		set(&s.OpenBao.Chart.Repository, "https://openbao.github.io/openbao-helm")
	}

	set(&s.API.Version, "1.0.0")
	setRequests(&s.API.Resources, "250m", "256Mi")
	if *s.API.Autoscaling.Enabled {
		set(&s.API.Autoscaling.TargetCPU, 70)
	}
	set(&s.Dashboard.Version, "1.0.0")
	setRequests(&s.Dashboard.Resources, "100m", "128Mi")
	setPtr(&s.Signer.Enabled, false)
	if *s.Signer.Enabled {
		set(&s.Signer.Version, "0.1.0")
		// Bodies of requests may take 256 MiB at a time.
		setRequests(&s.Signer.Resources, "250m", "256Mi")
	}

	setPtr(&s.Database.Managed, true)
	set(&s.Database.Version, "18") // of pg_dump, where the database exists: it reads any older server
	if *s.Database.Managed {
		set(&s.Database.Engine, DatabaseStatefulSet)
		setRequests(&s.Database.Resources, "250m", "512Mi")
		if s.Database.Engine != DatabaseCloudNativePG {
			// v0.20.0 selects a column that pg_stat_replication does not have.
			set(&s.Database.Exporter.Version, "v0.19.1")
		}
	}
	setPtr(&s.Redis.Managed, true)
	if *s.Redis.Managed {
		set(&s.Redis.Version, "8")
		setRequests(&s.Redis.Resources, "100m", "128Mi")
		set(&s.Redis.Exporter.Version, "v1.88.0")
	}

	setPtr(&s.Monitoring.Enabled, true)
	set(&s.Monitoring.Mode, MonitoringStandalone)
	set(&s.Monitoring.Prometheus.Retention, "15d")
	setPtr(&s.Monitoring.Grafana.Enabled, true)
	setPtr(&s.Monitoring.Alerting.Enabled, false)
	setPtr(&s.Billing.Stripe.Enabled, false)
	s.Monitoring.defaultWorkloads()

	setPtr(&s.Backup.Enabled, false)
	if *s.Backup.Enabled {
		set(&s.Backup.Schedule, "0 2 * * *")
		set(&s.Backup.Retention, 30)
		set(&s.Backup.Guard, GuardBestEffort)
	}

	if m := s.Email.SMTP; m != nil {
		set(&m.TLS, SMTPStartTLS)
		if m.TLS == SMTPImplicit {
			set(&m.Port, 465)
		}
		set(&m.Port, 587)
		set(&m.From, "banhbaoring@"+s.Domain)
	}
	set(&s.Networking.Mode, NetworkingIngress)
	set(&s.Networking.Mesh, MeshNone)
	set(&s.Networking.OpenBao.Expose, ExposeSigning)
	if len(s.Networking.APIServerPorts) == 0 {
		s.Networking.APIServerPorts = []int32{6443}
	}
	set(&s.Platform, PlatformKubernetes)
	if s.Certificates.Issuer != nil {
		set(&s.Certificates.Issuer.Kind, "Issuer")
	}
	if s.Secrets.ExternalSecrets != nil {
		set(&s.Secrets.ExternalSecrets.StoreRef.Kind, "SecretStore")
		set(&s.Secrets.ExternalSecrets.RefreshInterval, "1h")
	}

	setRequests(&s.Backup.Resources, "100m", "256Mi")

	set(&s.Jobs.Version, Version)
	setRequests(&s.Jobs.Resources, "50m", "64Mi")
}

func (c *BanhBaoRingCluster) defaultImages() {
	s := &c.Spec
	a := &s.OpenBao.AutoUnseal
	s.image(&s.OpenBao.Image, "quay.io/openbao/openbao", s.OpenBao.Version)
	s.image(&s.OpenBao.Plugin.Image, "ghcr.io/banhbaoring/openbao-plugin-secp256k1", s.OpenBao.Plugin.Version)
	s.image(&s.API.Image, "ghcr.io/banhbaoring/api", s.API.Version)
	s.image(&s.Dashboard.Image, "ghcr.io/banhbaoring/dashboard", s.Dashboard.Version)
	if *s.Signer.Enabled {
		s.image(&s.Signer.Image, "ghcr.io/banhbaoring/api", s.Signer.Version)
	}
	s.image(&s.Jobs.Image, "ghcr.io/banhbaoring/banhbaoring", s.Jobs.Version)
	if m := &s.Monitoring; *m.Enabled && m.Mode == MonitoringStandalone {
		s.image(&m.Prometheus.Image, "docker.io/prom/prometheus", m.Prometheus.Version)
		if *m.Alerting.Enabled {
			s.image(&m.Alerting.Image, "docker.io/prom/alertmanager", m.Alerting.Version)
		}
		if *m.Grafana.Enabled {
			s.image(&m.Grafana.Image, "docker.io/grafana/grafana", m.Grafana.Version)
		}
	}
	s.databaseImages()
	if *s.Redis.Managed {
		s.image(&s.Redis.Image, "docker.io/library/redis", s.Redis.Version)
		s.image(&s.Redis.Exporter.Image, "docker.io/oliver006/redis_exporter", s.Redis.Exporter.Version)
	}
	if plugin, ok := KMSPlugins[a.Provider]; ok && *a.Enabled && NeedsKMSPlugin(s.OpenBao.Version) {
		s.image(&a.Plugin.Image, plugin.Image, a.Plugin.Version)
	}
}

// databaseImages are those of the engine: CloudNativePG runs only images that
// are built for it, which hold its figures' source too.
func (s *BanhBaoRingClusterSpec) databaseImages() {
	if s.Database.Engine == DatabaseCloudNativePG {
		s.image(&s.Database.Image, "ghcr.io/cloudnative-pg/postgresql", s.Database.Version)
		return
	}
	s.image(&s.Database.Image, "docker.io/library/postgres", s.Database.Version)
	if !*s.Database.Managed {
		return
	}
	s.image(&s.Database.Exporter.Image, "quay.io/prometheuscommunity/postgres-exporter", s.Database.Exporter.Version)
}

// image completes an image's name: the default repository, moved to
// imageRegistry, where none is given, and the version as its tag where it has
// neither tag nor digest.
func (s *BanhBaoRingClusterSpec) image(image *string, repository, version string) {
	if *image == "" && s.ImageRegistry != "" {
		_, path, _ := strings.Cut(repository, "/")
		repository = s.ImageRegistry + "/" + path
	}
	set(image, repository)
	if name := (*image)[strings.LastIndex(*image, "/")+1:]; !strings.ContainsAny(name, ":@") {
		*image += ":" + version
	}
}

// defaultWorkloads are for what the stack runs itself.
func (m *Monitoring) defaultWorkloads() {
	if !*m.Enabled || m.Mode != MonitoringStandalone {
		return
	}
	set(&m.Prometheus.Version, "v3.16.0")
	setRequests(&m.Prometheus.Resources, "100m", "512Mi")
	if *m.Alerting.Enabled {
		set(&m.Alerting.Version, "v0.34.2")
		setRequests(&m.Alerting.Resources, "20m", "64Mi")
	}
	if *m.Grafana.Enabled {
		set(&m.Grafana.Version, "13.2.3")
		setRequests(&m.Grafana.Resources, "50m", "256Mi")
		if m.Grafana.AdminPassword == nil {
			m.Grafana.AdminPassword = &SecretKeyRef{SecretRef: SecretRef{SecretName: "banhbaoring-grafana"}, Key: "password"}
		}
	}
}

func (a *AutoUnseal) setDefaults(openbaoVersion string) {
	setPtr(&a.Enabled, a.Provider != "")
	if !*a.Enabled {
		return
	}
	switch a.Provider {
	case ProviderGCPKMS:
		set(&a.Location, "global")
	case ProviderTransit:
		set(&a.MountPath, "transit")
	case ProviderStatic:
		set(&a.KeyID, "banhbaoring-1")
		if a.Key == nil {
			a.Key = &SecretKeyRef{SecretRef: SecretRef{SecretName: "banhbaoring-openbao-seal"}, Key: "key"}
		}
	}
	if plugin, ok := KMSPlugins[a.Provider]; ok && NeedsKMSPlugin(openbaoVersion) {
		set(&a.Plugin.Version, plugin.Version)
		set(&a.Plugin.Path, plugin.Path)
	}
}

// DefaultAuditRetentionDays is how long a tenant's audit records are kept where
// nothing is said.
const DefaultAuditRetentionDays = 90

// Default fills in what the spec leaves out.
func (t *BanhBaoRingTenant) Default() {
	set(&t.Namespace, DefaultNamespace)
	s := &t.Spec
	set(&s.DisplayName, t.Name)
	set(&s.Plan, PlanFree)
	plan := PlanQuotas(s.Plan)
	for quota, limit := range map[**int64]*int64{
		&s.Quotas.Keys: plan.Keys, &s.Quotas.SignaturesPerMonth: plan.SignaturesPerMonth,
		&s.Quotas.Namespaces: plan.Namespaces, &s.Quotas.TeamMembers: plan.TeamMembers, &s.Quotas.APIKeys: plan.APIKeys,
	} {
		if *quota == nil {
			*quota = limit
		}
	}
	set(&s.Settings.AuditRetentionDays, DefaultAuditRetentionDays)
	for i := range s.APIKeys {
		set(&s.APIKeys[i].Role, RoleSigner)
	}
	for _, use := range t.secretUses() {
		set(&use.ref.SecretName, use.ref.Name)
	}
}

// Default fills in what the spec leaves out.
func (b *BanhBaoRingBackup) Default() {
	set(&b.Namespace, DefaultNamespace)
	set(&b.Spec.Type, BackupFull)
	if len(b.Spec.Components) == 0 {
		b.Spec.Components = []BackupComponent{BackupOpenBao, BackupDatabase, BackupSecrets}
	}
	b.Spec.Destination.normalize()
}

// Default fills in what the spec leaves out.
func (r *BanhBaoRingRestore) Default() {
	set(&r.Namespace, DefaultNamespace)
	if len(r.Spec.Components) == 0 {
		r.Spec.Components = []BackupComponent{BackupOpenBao, BackupDatabase, BackupSecrets}
	}
	setPtr(&r.Spec.Options.StopApplications, true)
	setPtr(&r.Spec.Options.VerifyBackup, true)
	r.Spec.Source.normalize()
}

func (d *Destination) normalize() {
	for _, use := range d.secretUses() {
		set(&use.ref.SecretName, use.ref.Name)
	}
}

// switchOn turns on what has settings and does not say whether it is on: it
// would be silently off.
func switchOn[T any](enabled **bool, settings T) {
	if *enabled == nil && !reflect.ValueOf(settings).IsZero() {
		setPtr(enabled, true)
	}
}

// isOn reports whether a switch is on. Default leaves none open.
func isOn(enabled *bool) bool { return enabled != nil && *enabled }

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setPtr[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

func setQuantity(field *resource.Quantity, value string) {
	if *field == (resource.Quantity{}) { // a 0 that is written is a fault
		*field = resource.MustParse(value)
	}
}

// setRequests gives what is missing of the requests, and a memory limit of four
// times the request: a container without one can starve its node, and a
// namespace with a quota refuses it.
func setRequests(r *corev1.ResourceRequirements, cpu, memory string) {
	requests, limits := maps.Clone(r.Requests), maps.Clone(r.Limits)
	if requests == nil {
		requests = corev1.ResourceList{}
	}
	if limits == nil {
		limits = corev1.ResourceList{}
	}
	for name, value := range map[corev1.ResourceName]string{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory} {
		if _, given := requests[name]; given {
			continue
		}
		request := resource.MustParse(value)
		if limit, limited := limits[name]; limited {
			if !isAmount(name, limit) {
				continue // the fault is the limit's
			}
			if limit.Cmp(request) < 0 {
				request = limit
			}
		}
		requests[name] = request
	}
	request := requests[corev1.ResourceMemory]
	if _, given := limits[corev1.ResourceMemory]; !given && isAmount(corev1.ResourceMemory, request) {
		limit := request.DeepCopy()
		limit.Mul(4)
		limits[corev1.ResourceMemory] = limit
	}
	r.Requests, r.Limits = requests, limits
}
