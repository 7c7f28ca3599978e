package render

import (
	"fmt"
	"slices"
	"strings"

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

// kept tells what a tenant, a backup or a restore lacks in the documents of its stack.
func kept(s *Stack, m member) strict.Faults {
	var faults strict.Faults
	switch r := m.resource.(type) {
	case *v1.BanhBaoRingTenant:
		if len(r.Spec.Keys) > 0 && !*s.Cluster.Spec.Signer.Enabled {
			faults = append(faults, m.fault("spec.keys", "needs the signer, which cluster "+s.Cluster.Name+" does not have", "write signer: {enabled: true} into the cluster's spec"))
		}
		faults = append(faults, policyFaults(m, r)...)
	case *v1.BanhBaoRingBackup:
		if s.DestinationOf(r.Name) == nil {
			faults = append(faults, m.fault("spec.destination", "is required: the cluster has no spec.backup.destination", "write where the backup is to be kept: s3 or gcs"))
		}
		cluster := &s.Cluster.Spec
		if i := slices.Index(r.Spec.Components, v1.BackupSecrets); i >= 0 && !cluster.Backup.Encrypted() {
			path, message := fmt.Sprintf("spec.components[%d]", i), "must not be secrets: they are stored only encrypted"
			if m.document.Written(path) != path {
				message = "must be given, without secrets: all are meant otherwise, and secrets are stored only encrypted"
			}
			faults = append(faults, m.fault(path, message, "take mode: none out of the cluster's spec.backup.encryption, or leave secrets out"))
		}
		if large := cluster.Plan == v1.PlanPro || cluster.Plan == v1.PlanEnterprise; large && cluster.Backup.Minted() && !*cluster.Backup.Enabled {
			what, hint, _ := strings.Cut(v1.NoRecipients(cluster.Plan), "\nhint: ")
			faults = append(faults, m.fault("spec", "the cluster's spec.backup.encryption.recipients is required: "+what, hint))
		}
	case *v1.BanhBaoRingRestore:
		if ref := r.Spec.BackupRef; ref != nil && ref.Name != "" && s.DestinationOf(ref.Name) == nil {
			faults = append(faults, m.fault("spec.backupRef.name", "nothing says where backup "+ref.Name+" lies",
				"give the cluster spec.backup.destination, or write source: the place, with a prefix that ends in the backup's name"))
		}
	}
	return faults
}

// apart tells where two clusters keep their backups in one place: each would
// refuse what the other wrote there.
func apart(members []member) strict.Faults {
	type kept struct {
		by string
		at string
	}
	var faults strict.Faults
	seen := map[string]kept{}
	place := func(d *v1.Destination, by string, m member, path string) {
		if d == nil {
			return
		}
		first, ok := seen[d.Place()]
		if !ok {
			seen[d.Place()] = kept{by, m.document.Position(path).String()}
		} else if first.by != by {
			faults = append(faults, m.fault(path, fmt.Sprintf("cluster %s keeps its backups there already (%s)", first.by, first.at), "give each cluster a prefix of its own"))
		}
	}
	for _, m := range members {
		switch r := m.resource.(type) {
		case *v1.BanhBaoRingCluster:
			place(r.Spec.Backup.Destination, r.Namespace+"/"+r.Name, m, "spec.backup.destination")
		case *v1.BanhBaoRingBackup:
			place(r.Spec.Destination, r.Namespace+"/"+r.Spec.ClusterRef.Name, m, "spec.destination")
		}
	}
	return faults
}
