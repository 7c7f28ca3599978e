package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// namedSecrets are the Secrets that objects name, each with one that does: those that
// pods mount or have in their environment, and those of resources that operators read.
func namedSecrets(objects Manifests) map[string]string {
	all := map[string]string{}
	for _, u := range objects {
		eachSecret(u.Object, func(name string) { all[name] = u.GetKind() + " " + u.GetName() })
	}
	return all
}

func eachSecret(v any, visit func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if name, ok := value.(string); ok && key == "secretName" {
				visit(name)
			}
			if m, ok := value.(map[string]any); ok && (key == "secretKeyRef" || key == "secretRef" || key == "secret" || strings.HasSuffix(key, "Secret") || strings.HasSuffix(key, "SecretRef")) {
				if name, ok := m["name"].(string); ok {
					visit(name)
				}
			}
			eachSecret(value, visit)
		}
	case []any:
		for _, value := range v {
			eachSecret(value, visit)
		}
	}
}

// checkTenantSecrets refuses a patch that gives the stack a Secret which a tenant's
// document names: the tenants Job may read it, and tells its receivers of it.
func checkTenantSecrets(tenants []*v1.BanhBaoRingTenant, before, after Manifests) []error {
	was, is := namedSecrets(before), namedSecrets(after)
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(is)) {
		for _, t := range tenants {
			if was[name] == "" && slices.Contains(t.SecretNames(), name) {
				faults = append(faults, fmt.Errorf("gives %s the Secret %s, which tenant %s names: give one of them a Secret of its own", is[name], name, t.Name))
			}
		}
	}
	return faults
}
