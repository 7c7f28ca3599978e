package render

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// unknownKind refuses a document of our API group that is none of our kinds:
// it would be passed through, and so left out.
func unknownKind(d *strict.Document) strict.Faults {
	group, _, ok := strings.Cut(d.APIVersion, "/")
	if !ok || group != v1.GroupVersion.Group {
		return nil
	}
	if d.APIVersion != v1.GroupVersion.String() {
		return strict.Faults{{Position: d.Position("apiVersion"), Path: "apiVersion",
			Message: fmt.Sprintf("must be %s (got %q)", v1.GroupVersion, d.APIVersion)}}
	}
	return strict.Faults{{Position: d.Position("kind"), Path: "kind",
		Message: fmt.Sprintf("must be %s, %s, %s or %s (got %q)", v1.KindCluster, v1.KindTenant, v1.KindBackup, v1.KindRestore, d.Kind)}}
}

// notYetFaulty leaves out what validation says of fields that could not be
// decoded: it saw them empty.
func notYetFaulty(decoding, validation strict.Faults) strict.Faults {
	var rest strict.Faults
	for _, v := range validation {
		known := false
		for _, d := range decoding {
			known = known || d.Path != "" && (v.Path == d.Path || strings.HasPrefix(v.Path, d.Path+".") || strings.HasPrefix(v.Path, d.Path+"["))
		}
		if !known {
			rest = append(rest, v)
		}
	}
	return rest
}

// restricted tells whether a tenant says from where one may log in.
func restricted(t *v1.BanhBaoRingTenant) bool { return len(t.Spec.Settings.AllowedIPRanges) > 0 }

// check is what can only be said of a stack as a whole.
func (s *Stack) check() (faults, warnings strict.Faults) {
	if len(s.Tenants) > 0 {
		fault, warning := v1.TenantsNeed(s.Cluster.Spec.OpenBao.Version)
		at := func(message string) strict.Fault {
			path := "spec.openbao.version"
			return strict.Fault{Position: s.document.Position(path), Path: path, Message: message}
		}
		if fault != "" {
			faults = append(faults, at(fault))
		}
		if warning != "" {
			warnings = append(warnings, at(warning))
		}
		if len(s.Cluster.Spec.Networking.TrustedProxies) == 0 && slices.ContainsFunc(s.Tenants, restricted) {
			path := "spec.networking.trustedProxies"
			warnings = append(warnings, strict.Fault{Position: s.document.Position(path), Path: path,
				Message: "should be given: without it allowedIPRanges of tenants are held against the address of the Ingress controller or Gateway"})
		}
	}
	return faults, warnings
}
