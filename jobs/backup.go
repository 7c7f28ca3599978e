package jobs

import (
	"slices"
	"strings"
	"time"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// Backup is the Job that backs the stack up. The Job before upgrades is the same
// with another configuration.
const (
	Backup      = "backup"
	BackupGuard = "guard"
)

// Where a backup's Secrets are mounted.
const (
	BucketDir     = "/var/run/secrets/bucket"      // the keys of the destination's credentials
	BucketCADir   = "/var/run/secrets/bucket-ca"   // ca.crt: the authorities of the destination's own
	DatabaseDir   = "/var/run/secrets/database"    // url: in the container of the database's programs alone
	ToolsDir      = "/tools"                       // the program, in the database's image
	PipeDir       = "/pipe"                        // PipeFile
	PipeFile      = "database.sock"                // where the database's programs are asked for
	IdentityDir   = "/var/run/secrets/identity"    // identity: the age private key that restores decrypt with
	BackupKeysDir = "/var/run/secrets/backup-keys" // keys of SecretBackupKeys
)

// LoaderURLFile is the file in DatabaseDir with the URL of the role that loads dumps.
const LoaderURLFile = "restore-url"

// Mounts are the folders of those Secrets, and the socket.
type Mounts struct{ Bucket, BucketCA, ProxyCA, Socket, Identity, Keys string }

// PodMounts are those of a pod.
var PodMounts = Mounts{Bucket: BucketDir, BucketCA: BucketCADir, ProxyCA: ProxyCADir, Socket: PipeDir + "/" + PipeFile, Identity: IdentityDir, Keys: BackupKeysDir}

// DatabasePrograms is what runs PostgreSQL's programs for a backup or restore.
const DatabasePrograms = "database"

// SecretBackupKeys holds what backups are signed with, and what they are encrypted
// to where the spec names no recipients.
const SecretBackupKeys = "banhbaoring-backup-keys"

// The data keys of Secret SecretBackupKeys.
const (
	KeySigning   = "signing-key"  // the private key that signs manifests
	KeyPublic    = "public-key"   // what verifies them
	KeyTrusted   = "trusted-keys" // those of before, one a line
	KeyIdentity  = "identity"     // age private keys, the newest first
	KeyRecipient = "recipient"    // the age public key of the newest
)

// ReceiptPrefix begins the names of the ConfigMaps in which Jobs keep what they have
// done.
const ReceiptPrefix = "banhbaoring-receipt-"

// BackupChain is the ConfigMap that holds the newest backup of each place, so that
// an older state of the bucket is noticed.
const BackupChain = "banhbaoring-receipt-backup-chain"

// RecoveryReceipt is the ConfigMap that says that the recovery set was taken out,
// and RecoverySigner and RecoveryRecipient the public keys of what it holds, between
// blanks. In BackupChain they are those of the newest backup that was encrypted to a
// minted key.
const (
	RecoveryReceipt   = "banhbaoring-receipt-recovery"
	RecoverySigner    = "public-key"
	RecoveryRecipient = "recipient"
)

// Recoverable reports whether a backup can be read without its cluster: whether a
// recovery set was taken out, by its receipt, that holds the keys of the backup.
// Without a backup, any set will do.
func Recoverable(receipt, backup map[string]string) bool {
	for _, name := range []string{RecoverySigner, RecoveryRecipient} {
		taken := strings.Fields(receipt[name])
		if len(taken) == 0 || backup[name] != "" && !slices.Contains(taken, backup[name]) {
			return false
		}
	}
	return true
}

// BackupReason is why a backup is taken.
type BackupReason string

// Why backups are taken. Retention prunes none that was asked for by name.
const (
	BackupScheduled BackupReason = "scheduled"
	BackupBefore    BackupReason = "guard"
	BackupOnDemand  BackupReason = "on-demand"
)

// BackupConfig configures a backup.
type BackupConfig struct {
	Cluster    string               `json:"cluster"`
	Namespace  string               `json:"namespace"`
	Reason     BackupReason         `json:"reason"`
	Type       v1.BackupType        `json:"type"`
	Components []v1.BackupComponent `json:"components"`
	// Name of the backup; the time when it is empty.
	Name        string         `json:"name,omitempty"`
	Destination v1.Destination `json:"destination"`
	// Recipients are the age public keys that it is encrypted to.
	Recipients []string `json:"recipients,omitempty"`
	// Clear says that the spec wants no encryption. Without it and without
	// Recipients, Secret SecretBackupKeys has one.
	Clear bool `json:"clear,omitempty"`
	// TrustedKeys are public keys whose backups count as this stack's own.
	TrustedKeys []string `json:"trustedKeys,omitempty"`
	// Restores are the receipts of the restores in the spec: nothing is backed up
	// while one is under way.
	Restores []string `json:"restores,omitempty"`
	// Retention in days; 0 prunes nothing.
	Retention int32 `json:"retention,omitempty"`
	// Address is that of OpenBao's active node, Peers are all, by ordinal, and
	// PluginMount is where keys are.
	Address     string   `json:"address"`
	Peers       []string `json:"peers,omitempty"`
	PluginMount string   `json:"pluginMount,omitempty"`
	// Secrets are the names of those that are backed up where they are.
	Secrets []string `json:"secrets,omitempty"`
	// Receipt is the ConfigMap that says that the backup was taken, and Request
	// what it was taken for: it is not taken twice for the same.
	Receipt string `json:"receipt,omitempty"`
	Request string `json:"request,omitempty"`
	// StatefulSets hold what is backed up: where none is there, nothing is.
	StatefulSets []string `json:"statefulSets,omitempty"`
	// BestEffort lets a backup fail without the Job failing.
	BestEffort bool        `json:"bestEffort,omitempty"`
	Needs      BackupNeeds `json:"needs"`
}

// BackupNeeds are what a restore needs beside the backup.
type BackupNeeds struct {
	Versions BackupVersions `json:"versions"`
	Seal     BackupSeal     `json:"seal"`
}

// BackupVersions are those of the stack. OpenBao's and the database's are those
// that ran, once the backup is taken.
type BackupVersions struct {
	Renderer string `json:"renderer,omitempty"`
	OpenBao  string `json:"openbao,omitempty"`
	Plugin   string `json:"plugin,omitempty"`
	Chart    string `json:"chart,omitempty"`
	Database string `json:"database,omitempty"`
}

// BackupSeal is what unseals the restored OpenBao.
type BackupSeal struct {
	// Type is that of OpenBao's seal; shamir where keys unseal it.
	Type string `json:"type,omitempty"`
	// Key identifies the key of any other seal.
	Key string `json:"key,omitempty"`
	// Shares and Threshold are those of the unseal or recovery keys.
	Shares    int `json:"shares,omitempty"`
	Threshold int `json:"threshold,omitempty"`
}

// NeedsOf is what a stack has of what a restore of its backups needs.
func NeedsOf(c *v1.BanhBaoRingCluster) BackupNeeds {
	needs := BackupNeeds{
		Versions: BackupVersions{
			Renderer: c.Spec.Jobs.Version, OpenBao: c.Spec.OpenBao.Version, Plugin: c.Spec.OpenBao.Plugin.Version, Database: c.Spec.Database.Version,
		},
		Seal: BackupSeal{Key: sealKey(c.Spec.OpenBao.AutoUnseal)},
	}
	if chart := c.Spec.OpenBao.Chart; chart != nil {
		needs.Versions.Chart = chart.Version
	}
	return needs
}

// sealKey identifies the key that unseals OpenBao, without which a snapshot
// cannot be used.
func sealKey(a v1.AutoUnseal) string {
	if !*a.Enabled {
		return ""
	}
	switch a.Provider {
	case v1.ProviderAWSKMS:
		return a.KeyID
	case v1.ProviderGCPKMS:
		return a.Project + "/" + a.Location + "/" + a.KeyRing + "/" + a.CryptoKey
	case v1.ProviderAzureKV:
		return a.VaultName + "/" + a.KeyName
	case v1.ProviderTransit:
		return a.Address + "/" + a.MountPath + "/" + a.KeyName
	}
	return "Secret " + a.Key.SecretName
}

// Stamp is a time as a part of a name, in UTC.
func Stamp(at time.Time) string { return at.UTC().Format("20060102t150405z") }

// StampOf is Stamp of what is written as in RFC 3339, or "undated".
func StampOf(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return "undated"
	}
	return Stamp(at)
}
