package v1

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The longest name that is derived from each kind's name, and from the
// namespace. A pod's name adds a dash and five characters to that of its Job.
const (
	derivedFromCluster   = "%s" // the value of a label
	derivedFromTenant    = "banhbaoring-tenant-%s-admin"
	derivedFromAPIKey    = "banhbaoring-tenant-%s.%s"
	derivedFromClient    = "banhbaoring-tenant-%s.client.%s"
	derivedFromBackup    = "banhbaoring-backup-%s-0123456789-abcde"
	derivedFromRestore   = "banhbaoring-restore-%s-0123456789-abcde"
	derivedFromNamespace = "banhbaoring-%s-token-review"
)

// Validate finds every fault of a cluster that has its defaults. The detail of
// a fault is lower case and says what to write; a remedy follows on a line of
// its own that begins with "hint: ".
func (c *BanhBaoRingCluster) Validate() field.ErrorList {
	s, at := &c.Spec, field.NewPath("spec")
	faults := slices.Concat(
		validateMeta(&c.ObjectMeta, derivedFromCluster, "production"),
		validateNamespace(field.NewPath("metadata", "namespace"), c.Namespace),
		validateDomain(at.Child("domain"), s.Domain),
		enum(at.Child("plan"), s.Plan, PlanFree, PlanStarter, PlanPro, PlanEnterprise),
		enum(at.Child("platform"), s.Platform, PlatformKubernetes, PlatformOpenShift),
		validateKubeVersion(at.Child("kubeVersion"), s.KubeVersion),
		// Source: Kubernetes 1.30's release notes, ValidatingAdmissionPolicy.
		forbidden(at.Child("guardrails"), s.Guardrails && !AtLeast(s.KubeVersion, "1.30.0"), "needs Kubernetes 1.30 or later, and kubeVersion names an earlier one"),
		s.validateReplicas(at),
		validateImageRegistry(at.Child("imageRegistry"), s.ImageRegistry),
		each(at.Child("imagePullSecrets"), s.ImagePullSecrets, validateReference),
		s.OpenBao.validate(at.Child("openbao"), s.ImageRegistry),
		s.API.validate(at.Child("api")),
		atLeast(at.Child("dashboard", "replicas"), s.Dashboard.Replicas, 0),
		validateSecretKeyRef(at.Child("dashboard", "caCert"), s.Dashboard.CACert),
		s.Signer.validate(at.Child("signer"), s.OpenBao),
		s.Database.validate(at.Child("database"), s.ImageRegistry),
		s.Redis.validate(at.Child("redis"), s.ImageRegistry),
		s.Monitoring.validate(at.Child("monitoring")),
		s.Backup.validate(at.Child("backup"), s.Plan),
		s.Billing.Stripe.validate(at.Child("billing", "stripe")),
		s.Email.SMTP.validate(at.Child("email", "smtp"), s.Networking.PrivateTargets),
		s.Networking.validate(at.Child("networking")),
		s.Certificates.validate(at.Child("certificates")),
		s.Secrets.ExternalSecrets.validate(at.Child("secrets", "externalSecrets")),
		validateRerun(at.Child("rerun"), s.Rerun),
		each(at.Child("patches"), s.Patches, validatePatch),
	)
	for _, w := range s.workloads(at) {
		faults = append(faults, w.validate(w.at, s.ImageRegistry)...)
	}
	return faults
}

// Validate finds every fault of a tenant that has its defaults.
func (t *BanhBaoRingTenant) Validate() field.ErrorList {
	s, at := &t.Spec, field.NewPath("spec")
	return slices.Concat(
		validateMeta(&t.ObjectMeta, derivedFromTenant, "acme-corp"),
		validateReference(at.Child("clusterRef"), s.ClusterRef),
		enum(at.Child("plan"), s.Plan, PlanFree, PlanStarter, PlanPro, PlanEnterprise),
		s.Quotas.validate(at.Child("quotas"), s.Plan, s.AllowOverPlan),
		s.Admin.validate(at.Child("admin")),
		validateAPIKeys(at.Child("apiKeys"), t.Name, s.APIKeys, s.Quotas.APIKeys),
		validateKeys(at.Child("keys"), &t.ObjectMeta, s.Keys, s.Quotas.Keys),
		s.Settings.validate(at.Child("settings")),
		s.validateSecrets(at),
	)
}

// Validate finds every fault of a backup that has its defaults.
func (b *BanhBaoRingBackup) Validate() field.ErrorList {
	s, at := &b.Spec, field.NewPath("spec")
	return slices.Concat(
		validateMeta(&b.ObjectMeta, derivedFromBackup, "before-upgrade"),
		validateReference(at.Child("clusterRef"), s.ClusterRef),
		enum(at.Child("type"), s.Type, BackupFull, BackupIncremental),
		validateComponents(at.Child("components"), s.Components),
		s.Destination.validate(at.Child("destination")),
	)
}

// Validate finds every fault of a restore that has its defaults.
func (r *BanhBaoRingRestore) Validate() field.ErrorList {
	s, at := &r.Spec, field.NewPath("spec")
	faults := slices.Concat(
		validateMeta(&r.ObjectMeta, derivedFromRestore, "after-outage"),
		validateReference(at.Child("clusterRef"), s.ClusterRef),
		required(at.Child("backupRef"), s.BackupRef != nil || s.Source != nil, "the backup to restore, or source: the place where one lies"),
		forbidden(at.Child("source"), s.BackupRef != nil && s.Source != nil, "must not be given together with backupRef"),
		s.Source.validate(at.Child("source")),
		validateComponents(at.Child("components"), s.Components),
	)
	if s.BackupRef != nil {
		faults = append(faults, validateReference(at.Child("backupRef"), *s.BackupRef)...)
	}
	const folder = "the folder of the backup, such as production/20260102t020000z/"
	if source := s.Source; source != nil && source.S3 != nil {
		faults = append(faults, required(at.Child("source", "s3", "prefix"), source.S3.Prefix != "", folder)...)
	}
	if source := s.Source; source != nil && source.GCS != nil {
		faults = append(faults, required(at.Child("source", "gcs", "prefix"), source.GCS.Prefix != "", folder)...)
	}
	return faults
}

// validateMeta checks an object's name and namespace, from which others are
// derived: no name in the output is longer than 63 characters.
func validateMeta(meta *metav1.ObjectMeta, derived, example string) field.ErrorList {
	at := field.NewPath("metadata")
	return slices.Concat(
		validateDerivable(at, "name", meta.Name, derived, example),
		validateDerivable(at, "namespace", meta.Namespace, derivedFromNamespace, DefaultNamespace),
	)
}

func validateDerivable(at *field.Path, key, name, derived, example string) field.ErrorList {
	const most = validation.DNS1123LabelMaxLength
	at = at.Child(key)
	if name == "" {
		return required(at, false, "such as "+example)
	}
	room := most - len(fmt.Sprintf(derived, ""))
	why := ""
	if room < most {
		why = fmt.Sprintf(", so that %s stays within %d", fmt.Sprintf(derived, "<"+key+">"), most)
	}
	return slices.Concat(
		check(at, name, labelPattern.MatchString(name), mustBeLabel),
		check(at, name, len(name) <= room, fmt.Sprintf("must be at most %d characters%s", room, why)),
	)
}

// validateReplicas checks the number of OpenBao's replicas where it is
// written: Default copies replicas to openbao.replicas.
func (s *BanhBaoRingClusterSpec) validateReplicas(at *field.Path) field.ErrorList {
	top, own := s.Replicas, s.OpenBao.Replicas
	var faults field.ErrorList
	if top != nil {
		faults = oneOf(at.Child("replicas"), *top, 1, 3, 5, 7)
	}
	if own == nil || top != nil && *top == *own {
		return faults
	}
	if top != nil {
		faults = append(faults, check(at.Child("replicas"), *top, false, fmt.Sprintf("must equal openbao.replicas, %d, where both are given", *own))...)
	}
	return append(faults, oneOf(at.Child("openbao", "replicas"), *own, 1, 3, 5, 7)...)
}

// workload is a component's part of the spec and the path that leads to it.
type workload struct {
	*Workload
	at *field.Path
}

// workloads are all components that run pods.
func (s *BanhBaoRingClusterSpec) workloads(at *field.Path) []workload {
	monitoring := at.Child("monitoring")
	return []workload{
		{&s.OpenBao.Workload, at.Child("openbao")},
		{&s.API.Workload, at.Child("api")},
		{&s.Dashboard.Workload, at.Child("dashboard")},
		{&s.Signer.Workload, at.Child("signer")},
		{&s.Database.Workload, at.Child("database")},
		{&s.Redis.Workload, at.Child("redis")},
		{&s.Monitoring.Prometheus.Workload, monitoring.Child("prometheus")},
		{&s.Monitoring.Grafana.Workload, monitoring.Child("grafana")},
		{&s.Monitoring.Alerting.Workload, monitoring.Child("alerting")},
		{&s.Jobs.Workload, at.Child("jobs")},
		{&Workload{Resources: s.Backup.Resources}, at.Child("backup")},
	}
}

func (a *API) validate(at *field.Path) field.ErrorList {
	return slices.Concat(
		atLeast(at.Child("replicas"), a.Replicas, 1),
		a.Autoscaling.validate(at.Child("autoscaling")),
		a.OAuth.GitHub.validate(at.Child("oauth", "github")),
		a.OAuth.Google.validate(at.Child("oauth", "google")),
		required(at.Child("migrations", "command"), a.Migrations == nil || len(a.Migrations.Command) > 0, "the command that prepares the database"),
	)
}

// leastTypedKeys is the first version of the secrets engine that has policies.
const leastTypedKeys = "1.1.0"

func (s *Signer) validate(at *field.Path, o OpenBao) field.ErrorList {
	return slices.Concat(
		atLeast(at.Child("replicas"), s.Replicas, 1),
		each(at.Child("clientNamespaces"), s.ClientNamespaces, validateClientNamespace),
		unique(at.Child("clientNamespaces"), s.ClientNamespaces),
		forbidden(at.Child("enabled"), isOn(s.Enabled) && !HasNamespaces(o.Version), "needs namespaces, which OpenBao has from 2.3 on, and openbao.version names an earlier one"),
		forbidden(at.Child("enabled"), isOn(s.Enabled) && !AtLeast(o.Plugin.Version, leastTypedKeys), "needs keys with policies, which the secrets engine has from "+leastTypedKeys+" on, and openbao.plugin.version names an earlier one"),
	)
}

func (c *OAuthClient) validate(at *field.Path) field.ErrorList {
	if c == nil {
		return nil
	}
	return slices.Concat(
		validateSecretKeyRef(at.Child("clientId"), &c.ClientID),
		validateSecretKeyRef(at.Child("clientSecret"), &c.ClientSecret),
	)
}

func (a *Autoscaling) validate(at *field.Path) field.ErrorList {
	least := int32(1)
	if a.MinReplicas != nil {
		least = *a.MinReplicas
	}
	most := a.MaxReplicas
	return slices.Concat(
		atLeast(at.Child("minReplicas"), a.MinReplicas, 1),
		check(at.Child("maxReplicas"), most, most >= 0, "must be 1 or more"),
		check(at.Child("maxReplicas"), most, most <= 0 || most >= least, fmt.Sprintf("must be at least minReplicas, which is %d", least)),
		check(at.Child("targetCPU"), a.TargetCPU, a.TargetCPU >= 0 && a.TargetCPU <= 100, mustBePercent),
	)
}

func (s *Stripe) validate(at *field.Path) field.ErrorList {
	return slices.Concat(
		required(at.Child("secretKeyRef"), !isOn(s.Enabled) || s.SecretKeyRef != nil, "the key of a Secret that holds Stripe's API key"),
		validateSecretKeyRef(at.Child("secretKeyRef"), s.SecretKeyRef),
		validateSecretKeyRef(at.Child("webhookSecretRef"), s.WebhookSecretRef),
	)
}

func validateRerun(at *field.Path, rerun map[string]string) field.ErrorList {
	var faults field.ErrorList
	for _, job := range sortedKeys(rerun) {
		faults = slices.Concat(faults,
			oneOf(at.Key(job), job, "secrets", "init", "peers", "redis", "configure", "tenants", "backup"),
			required(at.Key(job), rerun[job] != "", "any value that it did not have before, such as today's date"),
		)
	}
	return faults
}
