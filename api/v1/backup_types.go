package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// BanhBaoRingBackup is a backup on demand.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
type BanhBaoRingBackup struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BanhBaoRingBackupSpec   `json:"spec"`
	Status BanhBaoRingBackupStatus `json:"status,omitzero"`
}

// BanhBaoRingBackupList is a list of backups.
//
// +kubebuilder:object:root=true
type BanhBaoRingBackupList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BanhBaoRingBackup `json:"items"`
}

// BackupType is full or incremental.
//
// +kubebuilder:validation:Enum=full;incremental
type BackupType string

// The types of backups.
const (
	BackupFull        BackupType = "full"
	BackupIncremental BackupType = "incremental"
)

// BanhBaoRingBackupSpec is what a user asks of a backup.
type BanhBaoRingBackupSpec struct {
	// ClusterRef is the cluster that is backed up.
	ClusterRef LocalObjectReference `json:"clusterRef"`
	// Type is full or incremental.
	Type BackupType `json:"type,omitempty"`
	// Components that are backed up; all when absent.
	Components []BackupComponent `json:"components,omitempty"`
	// Destination replaces that of the cluster.
	Destination *Destination `json:"destination,omitempty"`
}

// BanhBaoRingBackupStatus is what was seen of a backup. The renderer does not read it.
type BanhBaoRingBackupStatus struct {
	// Phase is Pending, Running, Completed or Failed.
	Phase       string                  `json:"phase,omitempty"`
	StartedAt   *metav1.Time            `json:"startedAt,omitempty"`
	CompletedAt *metav1.Time            `json:"completedAt,omitempty"`
	Components  []BackupComponentStatus `json:"components,omitempty"`
	TotalSize   string                  `json:"totalSize,omitempty"`
}

// BackupComponentStatus is what was seen of one part of a backup.
type BackupComponentStatus struct {
	Name     string `json:"name"`
	Status   string `json:"status,omitempty"`
	Size     string `json:"size,omitempty"`
	Location string `json:"location,omitempty"`
}

// BanhBaoRingRestore restores a cluster from a backup.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
type BanhBaoRingRestore struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BanhBaoRingRestoreSpec   `json:"spec"`
	Status BanhBaoRingRestoreStatus `json:"status,omitzero"`
}

// BanhBaoRingRestoreList is a list of restores.
//
// +kubebuilder:object:root=true
type BanhBaoRingRestoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BanhBaoRingRestore `json:"items"`
}

// BanhBaoRingRestoreSpec is what a user asks of a restore: exactly one of
// backupRef and source.
//
// +kubebuilder:validation:XValidation:rule="has(self.backupRef) != has(self.source)",message="give exactly one of backupRef and source"
type BanhBaoRingRestoreSpec struct {
	// ClusterRef is the cluster that is restored.
	ClusterRef LocalObjectReference `json:"clusterRef"`
	// BackupRef is the backup that is restored.
	BackupRef *LocalObjectReference `json:"backupRef,omitempty"`
	// Source is where a backup lies that no BanhBaoRingBackup describes.
	Source *Destination `json:"source,omitempty"`
	// Components that are restored; all when absent.
	Components []BackupComponent `json:"components,omitempty"`
	// Options of the restore.
	Options RestoreOptions `json:"options,omitzero"`
}

// RestoreOptions make a restore safe: the first two are on by default.
type RestoreOptions struct {
	// StopApplications before anything is restored.
	StopApplications *bool `json:"stopApplications,omitempty"`
	// VerifyBackup before anything is touched.
	VerifyBackup *bool `json:"verifyBackup,omitempty"`
	// Force replaces an OpenBao that is another than the one that was backed up,
	// such as a new one after all data was lost.
	Force bool `json:"force,omitempty"`
	// DangerouslyAcceptUnverified restores a backup that nothing proves to be this
	// stack's own: unsigned, signed by a key that is not trusted, or in the clear
	// where backups are encrypted. Whoever can write to the bucket may have made it.
	DangerouslyAcceptUnverified bool `json:"dangerouslyAcceptUnverified,omitempty"`
}

// BanhBaoRingRestoreStatus is what was seen of a restore. The renderer does not read it.
type BanhBaoRingRestoreStatus struct {
	// Phase is Pending, Stopping, Restoring, Starting, Completed or Failed.
	Phase       string        `json:"phase,omitempty"`
	StartedAt   *metav1.Time  `json:"startedAt,omitempty"`
	CompletedAt *metav1.Time  `json:"completedAt,omitempty"`
	Steps       []RestoreStep `json:"steps,omitempty"`
}

// RestoreStep is what was seen of one step of a restore.
type RestoreStep struct {
	Name   string `json:"name"`
	Status string `json:"status,omitempty"`
}
