package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Clashes are the user's documents that are also the stack's, in lists too: applied
// together, one of the two would silently win. The stack's are those that are
// rendered, and those that its Jobs write.
func (s *Stack) Clashes(rendered Manifests, foreign []*strict.Document) strict.Faults {
	if len(foreign) == 0 {
		return nil
	}
	ours := map[identity]bool{}
	places := map[identity][]string{} // the namespaces of what is ours, without which it is looked up
	for _, u := range rendered {
		id := identityOf(u)
		ours[id] = true
		id.namespace = ""
		places[id] = append(places[id], u.GetNamespace())
	}
	var faults strict.Faults
	for _, d := range Contents(foreign) {
		id := identity{groupOf(d.APIVersion), d.Kind, d.Namespace, d.Name}
		anywhere := identity{id.group, id.kind, "", id.name}
		how := ""
		switch {
		case s.written(id):
			how = "is written by the Jobs of"
		// Without a namespace it goes where whoever applies it says. What is
		// cluster-wide has none, whatever is written.
		case ours[id], id.namespace == "" && len(places[anywhere]) > 0, slices.Contains(places[anywhere], ""):
			how = "is also rendered for"
		default:
			continue
		}
		faults = append(faults, strict.Fault{
			Position: d.Position("metadata.name"), Path: "metadata.name",
			Message: fmt.Sprintf("%s %s %s cluster %s (%s)", d.Kind, d.Name, how, s.Cluster.Name, s.document.Position("metadata.name")),
			Hint:    "leave this document out; what it changes goes into spec.patches of the cluster",
		})
	}
	return faults
}

// written reports whether an object is one that Jobs write and nobody provides: what
// stood in its place would be taken for what they wrote.
func (s *Stack) written(id identity) bool {
	if s.delivered(id) {
		return true
	}
	if id.group != "" || id.namespace != "" && id.namespace != s.Cluster.Namespace {
		return false
	}
	switch id.kind {
	case "Secret":
		minted := []string{jobs.SecretOpenBaoKeys, jobs.SecretAPIOpenBao, jobs.SecretTrust, jobs.SecretBackupKeys, jobs.SecretSignerClients}
		return slices.Contains(append(minted, jobs.TenantSecrets(s.Tenants)...), id.name)
	case "ConfigMap":
		return strings.HasPrefix(id.name, jobs.ReceiptPrefix) || id.name == jobs.TenantsReport
	}
	return false
}

// delivered reports whether an object is one that the tenants Job brings to a client's
// namespace.
func (s *Stack) delivered(id identity) bool {
	if id.group != "" || id.kind != "Secret" && id.kind != "ConfigMap" {
		return false
	}
	var tenants []jobs.Tenant
	for _, t := range s.Tenants {
		tenants = append(tenants, jobs.TenantOf(t))
	}
	return slices.Contains(jobs.Deliveries(tenants)[id.namespace], id.name)
}

func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}
