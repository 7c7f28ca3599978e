package v1

import (
	"maps"
	"slices"
)

// ProvidedSecret is a Secret that the spec names, and the keys of it that are
// used.
//
// +kubebuilder:object:generate=false
type ProvidedSecret struct {
	Name string
	Keys []string
}

// The keys of a Secret that holds credentials for backups.
var (
	s3Keys  = []string{"access-key-id", "secret-access-key"}
	gcsKeys = []string{"service-account.json"}
)

// SecretUser is a document that names Secrets.
//
// +kubebuilder:object:generate=false
type SecretUser interface{ secretUses() []secretUse }

// secretUse is a reference to a Secret and what is read of it.
//
// +kubebuilder:object:generate=false
type secretUse struct {
	ref  *SecretRef
	keys []string
}

// ProvidedSecrets are the Secrets that documents with their defaults name, each
// once with the keys that any of them reads, sorted by name. Those that hold a
// TLS certificate or pull images are of types of their own and not among them.
func ProvidedSecrets(specs ...SecretUser) []ProvidedSecret {
	keys := map[string]map[string]bool{}
	for _, spec := range specs {
		for _, use := range spec.secretUses() {
			name := use.ref.SecretName
			if keys[name] == nil {
				keys[name] = map[string]bool{}
			}
			for _, key := range use.keys {
				keys[name][key] = true
			}
		}
	}
	var secrets []ProvidedSecret
	for _, name := range sortedKeys(keys) {
		secrets = append(secrets, ProvidedSecret{Name: name, Keys: slices.Sorted(maps.Keys(keys[name]))})
	}
	return secrets
}

func (c *BanhBaoRingCluster) secretUses() []secretUse {
	s := &c.Spec
	a := &s.OpenBao.AutoUnseal
	keys := []*SecretKeyRef{
		a.Token, a.CACert, a.Key, a.PreviousKey,
		s.Database.ConnectionString, s.Database.CACert, s.Redis.ConnectionString, s.Redis.CACert,
		s.Dashboard.CACert,
		s.Monitoring.Grafana.AdminPassword,
		s.Backup.Encryption.IdentitySecret,
		s.Billing.Stripe.SecretKeyRef, s.Billing.Stripe.WebhookSecretRef,
	}
	if p := s.Networking.Proxy; p != nil {
		keys = append(keys, p.CACert)
	}
	if m := s.Email.SMTP; m != nil {
		keys = append(keys, m.Username, m.Password, m.CACert)
	}
	if a.Credentials != nil {
		keys = append(keys, a.Credentials.AccessKeyID, a.Credentials.SecretAccessKey,
			a.Credentials.ServiceAccountKey, a.Credentials.ClientID, a.Credentials.ClientSecret)
	}
	for _, client := range []*OAuthClient{s.API.OAuth.GitHub, s.API.OAuth.Google} {
		if client != nil {
			keys = append(keys, &client.ClientID, &client.ClientSecret)
		}
	}
	if slack := s.Monitoring.Alerting.Slack; slack != nil {
		keys = append(keys, &slack.WebhookURL)
	}
	if pagerDuty := s.Monitoring.Alerting.PagerDuty; pagerDuty != nil {
		keys = append(keys, &pagerDuty.RoutingKey)
	}
	return append(s.Backup.Destination.secretUses(), usesOf(keys)...)
}

func (t *BanhBaoRingTenant) secretUses() []secretUse {
	keys := []*SecretKeyRef{t.Spec.Admin.Password}
	for i := range t.Spec.Settings.Webhooks {
		keys = append(keys, t.Spec.Settings.Webhooks[i].Secret, t.Spec.Settings.Webhooks[i].CACert)
	}
	return usesOf(keys)
}

func (b *BanhBaoRingBackup) secretUses() []secretUse { return b.Spec.Destination.secretUses() }

func (r *BanhBaoRingRestore) secretUses() []secretUse { return r.Spec.Source.secretUses() }

func (d *Destination) secretUses() []secretUse {
	var uses []secretUse
	if d != nil && d.S3 != nil && d.S3.Credentials != nil {
		uses = append(uses, secretUse{d.S3.Credentials, s3Keys})
	}
	if d != nil && d.CACert() != nil {
		uses = append(uses, usesOf([]*SecretKeyRef{d.S3.CACert})...)
	}
	if d != nil && d.GCS != nil && d.GCS.Credentials != nil {
		uses = append(uses, secretUse{d.GCS.Credentials, gcsKeys})
	}
	return uses
}

// usesOf are the references that are given.
func usesOf(keys []*SecretKeyRef) []secretUse {
	var uses []secretUse
	for _, key := range keys {
		if key != nil {
			uses = append(uses, secretUse{&key.SecretRef, []string{key.Key}})
		}
	}
	return uses
}

// KeySecrets are the Secrets that the spec names without which data cannot be
// opened any more: those of the seal, and the identity of backups.
func (c *BanhBaoRingCluster) KeySecrets() []string {
	a := &c.Spec.OpenBao.AutoUnseal
	refs := []*SecretKeyRef{a.Token, a.Key, a.PreviousKey, c.Spec.Backup.Encryption.IdentitySecret}
	if a.Credentials != nil {
		refs = append(refs, a.Credentials.AccessKeyID, a.Credentials.SecretAccessKey,
			a.Credentials.ServiceAccountKey, a.Credentials.ClientID, a.Credentials.ClientSecret)
	}
	var names []string
	for _, use := range usesOf(refs) {
		names = append(names, use.ref.SecretName)
	}
	return names
}
