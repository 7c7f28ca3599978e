package backup

import (
	"maps"
	"slices"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// config is what all backups of the stack have in common.
func (b *backups) config(reason jobs.BackupReason, kind v1.BackupType, components []v1.BackupComponent, destination v1.Destination) jobs.BackupConfig {
	c := b.Cluster
	config := jobs.BackupConfig{
		Cluster:     c.Name,
		Namespace:   c.Namespace,
		Reason:      reason,
		Type:        kind,
		Components:  components,
		Destination: destination,
		Recipients:  c.Spec.Backup.Encryption.Recipients,
		Clear:       !c.Spec.Backup.Encrypted(),
		TrustedKeys: c.Spec.Backup.TrustedKeys,
		Restores:    b.RestoreReceipts(),
		Address:     jobs.ActiveAddress(c.Namespace),
		PluginMount: jobs.PluginName,
		Needs:       jobs.NeedsOf(c),
	}
	for i := range int(*c.Spec.OpenBao.Replicas) {
		config.Peers = append(config.Peers, jobs.PeerAddress(i))
	}
	if slices.Contains(components, v1.BackupSecrets) {
		config.Secrets = b.secrets()
	}
	return config
}

// all are the components of a backup that lists none. Secrets are stored only
// encrypted.
func (b *backups) all() []v1.BackupComponent {
	all := []v1.BackupComponent{v1.BackupOpenBao, v1.BackupDatabase}
	if b.encrypted() {
		all = append(all, v1.BackupSecrets)
	}
	return all
}

func (b *backups) encrypted() bool { return b.Cluster.Spec.Backup.Encrypted() }

// holdsSecrets tells whether any of the stack's backups does.
func (b *backups) holdsSecrets() bool {
	if !b.encrypted() {
		return false
	}
	return *b.Cluster.Spec.Backup.Enabled || slices.ContainsFunc(b.Backups, func(d *v1.BanhBaoRingBackup) bool {
		return slices.Contains(d.Spec.Components, v1.BackupSecrets)
	})
}

// secrets are the names of the stack's Secrets: those that Jobs mint, and those
// that the spec names. The private key that backups are decrypted with is not
// among them, nor what opens their bucket, nor the API's token, which the
// configure Job renews and which would let whoever takes the backup's pod over sign.
func (b *backups) secrets() []string {
	names := map[string]bool{}
	for _, name := range append(jobs.TenantSecrets(b.Tenants),
		jobs.SecretCA, jobs.SecretTrust, jobs.SecretOpenBaoTLS, jobs.SecretOpenBaoSeal, jobs.SecretOpenBaoKeys,
		jobs.SecretPostgres, jobs.SecretPostgresTLS, jobs.SecretRedis, jobs.SecretGrafana,
	) {
		names[name] = true
	}
	users := []v1.SecretUser{b.Cluster}
	for _, tenant := range b.Tenants {
		users = append(users, tenant)
	}
	for _, provided := range v1.ProvidedSecrets(users...) {
		names[provided.Name] = true
	}
	if identity := b.Cluster.Spec.Backup.Encryption.IdentitySecret; identity != nil {
		delete(names, identity.SecretName)
	}
	if d := b.Cluster.Spec.Backup.Destination; d != nil {
		if ref := d.Credentials(); ref != nil {
			delete(names, ref.SecretName)
		}
	}
	delete(names, jobs.SecretBackupKeys)
	return slices.Sorted(maps.Keys(names))
}
