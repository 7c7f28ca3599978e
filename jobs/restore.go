package jobs

import v1 "github.com/banhbaoring/banhbaoring/api/v1"

// Restore is the Job that restores the stack from a backup.
const Restore = "restore"

// SecretRestoreKeys is where a person may put the unseal keys of the OpenBao that
// was backed up, as KeyUnseal, where the backup does not hold them.
const SecretRestoreKeys = "banhbaoring-openbao-keys-restore"

// RestoreReceipt is the ConfigMap that says how far a restore came.
func RestoreReceipt(name string) string { return "banhbaoring-receipt-restore-" + name }

// The data keys of a restore's receipt, beside one for each step that is done.
const (
	ReceiptRequest   = "request"     // what the restore was asked for
	ReceiptBackup    = "backup"      // where the backup lies
	ReceiptStarted   = "startedAt"   // as in RFC 3339
	ReceiptCompleted = "completedAt" // likewise; only once all is done
)

// RestoreConfig configures a restore.
type RestoreConfig struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// Name is the document's.
	Name string `json:"name"`
	// Backup is the backup's name at Source. Where Folder is given, it is that of
	// the backup, or of a place that holds one backup only.
	Backup     string               `json:"backup"`
	Folder     *v1.Destination      `json:"folder,omitempty"`
	Source     v1.Destination       `json:"source"`
	Components []v1.BackupComponent `json:"components"`
	// Verify reads all of the backup before anything is touched.
	Verify bool `json:"verify"`
	// Force replaces another OpenBao than the one that was backed up.
	Force bool `json:"force"`
	// TrustedKeys are public keys whose backups are restored, beside the stack's own.
	TrustedKeys []string `json:"trustedKeys,omitempty"`
	// Encrypted says that the stack's backups are.
	Encrypted bool `json:"encrypted,omitempty"`
	// AcceptUnverified restores what nothing proves to be this stack's own.
	AcceptUnverified bool `json:"dangerouslyAcceptUnverified,omitempty"`
	// Address is that of OpenBao's active node, and Peers are all, by ordinal.
	Address string   `json:"address"`
	Peers   []string `json:"peers"`
	// KeySecret holds the unseal or recovery keys.
	KeySecret string `json:"keySecret"`
	// SealSecret holds the key of a static seal, if that is what unseals.
	SealSecret string `json:"sealSecret,omitempty"`
	// PluginMount is where keys are, of which one signs for proof.
	PluginMount string `json:"pluginMount"`
	// Applications are Deployments, which are stopped, and the pods that they have
	// afterwards.
	Applications map[string]int32 `json:"applications,omitempty"`
	// Secrets are the names of those that are restored where they are.
	Secrets []string `json:"secrets,omitempty"`
	// Has is what the stack has of what a restore needs.
	Has BackupNeeds `json:"has"`
	// Receipt is the ConfigMap that says how far the restore came, and Request what
	// it was asked for: it is not done twice, and nothing else under its name.
	Receipt string `json:"receipt"`
	Request string `json:"request"`
}
