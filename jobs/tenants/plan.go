package tenants

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"text/template"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

//go:embed policies
var policyFiles embed.FS

var policyTemplates = template.Must(template.ParseFS(policyFiles, "policies/*.hcl"))

// requestsPerSecond are the outer guard of each plan: what one client address
// may ask one OpenBao node of a tenant. The API enforces the quotas; this keeps
// a tenant that runs wild from taking the others' time.
var requestsPerSecond = map[v1.Plan]int{
	v1.PlanFree: 50, v1.PlanStarter: 100, v1.PlanPro: 500, v1.PlanEnterprise: 2000,
}

// plan is what is wanted of a tenant in OpenBao.
type plan struct {
	tenant   jobs.Tenant
	policies map[string]string
	// requests a second.
	requests int
	// hash is over all that is applied, but for what Secrets hold.
	hash string
}

func (w *work) plan(t jobs.Tenant, n namespace) plan {
	keys := removed(t, n) // which nobody but a person may delete
	for _, key := range t.Keys {
		keys = append(keys, key.Name)
	}
	p := plan{tenant: t, policies: policies(w.config.Plugin.Mount, t.AllowExportableKeys, keys), requests: requestsPerSecond[v1.Plan(t.Plan)]}
	applied := []any{
		w.config.Plugin, w.config.PublicAddress, w.config.Rerun,
		t.Namespace, t.AllowedIPRanges, t.APIKeys, t.Admin.Secret, p.policies, p.requests,
	}
	if len(t.Keys) > 0 {
		applied = append(applied, t.Keys, w.config.Signer)
	}
	if len(w.config.Restores) > 0 { // each brings back what was applied before
		applied = append(applied, w.config.Restores)
	}
	text, _ := json.Marshal(applied) // of strings, numbers and JSON: this cannot fail
	sum := sha256.Sum256(text)
	p.hash = hex.EncodeToString(sum[:16])
	return p
}

// policies are the texts of a tenant's policies, by name.
// Keys are those that Git owns.
func policies(mount string, exportable bool, keys []string) map[string]string {
	texts := map[string]string{}
	for _, role := range []v1.TenantRole{v1.RoleAdmin, v1.RoleSigner, v1.RoleAuditor} {
		var text strings.Builder
		data := struct {
			Mount      string
			Exportable bool
			Keys       []string
		}{mount, exportable, keys}
		if err := policyTemplates.ExecuteTemplate(&text, string(role)+".hcl", data); err != nil {
			panic(err) // they are part of the program
		}
		texts[string(role)] = text.String()
	}
	return texts
}

// key is the tenant's API key of a name, if it has it.
func (p plan) key(name string) (jobs.TenantKey, bool) {
	i := slices.IndexFunc(p.tenant.APIKeys, func(k jobs.TenantKey) bool { return k.Name == name })
	if i < 0 {
		return jobs.TenantKey{}, false
	}
	return p.tenant.APIKeys[i], true
}
