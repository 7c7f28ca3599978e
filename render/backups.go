package render

import (
	"fmt"
	"slices"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// DestinationOf is where a backup is kept: where its document says, or else the
// cluster; nil where neither does.
func (s *Stack) DestinationOf(backup string) *v1.Destination {
	for _, b := range s.Backups {
		if b.Name == backup && b.Spec.Destination != nil {
			return b.Spec.Destination
		}
	}
	return s.Cluster.Spec.Backup.Destination
}

// kept tells what a backup or a restore lacks in the documents of its stack.
func kept(s *Stack, m member) strict.Faults {
	var faults strict.Faults
	switch r := m.resource.(type) {
	case *v1.BanhBaoRingBackup:
		if s.DestinationOf(r.Name) == nil {
			faults = append(faults, m.fault("spec.destination", "is required: the cluster has no spec.backup.destination", "write where the backup is to be kept: s3 or gcs"))
		}
		if i := slices.Index(r.Spec.Components, v1.BackupSecrets); i >= 0 && len(s.Cluster.Spec.Backup.Encryption.Recipients) == 0 {
			faults = append(faults, m.fault(fmt.Sprintf("spec.components[%d]", i), "must not be secrets: they are stored only encrypted",
				"give the cluster spec.backup.encryption.recipients, or leave secrets out"))
		}
	case *v1.BanhBaoRingRestore:
		if ref := r.Spec.BackupRef; ref != nil && ref.Name != "" && s.DestinationOf(ref.Name) == nil {
			faults = append(faults, m.fault("spec.backupRef.name", "nothing says where backup "+ref.Name+" lies",
				"give the cluster spec.backup.destination, or write source: the place, with a prefix that ends in the backup's name"))
		}
	}
	return faults
}
