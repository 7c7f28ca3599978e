package render

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// unknownKind refuses a document that is meant for us and is none of our kinds, and
// a list that holds one and is no List: they would be passed through, and so left out.
func unknownKind(d *strict.Document) strict.Faults {
	switch {
	case !meantForUs(d):
		if !holdsOurs(d) {
			return nil
		}
		return strict.Faults{{Position: d.Position("kind"), Path: "kind",
			Message: fmt.Sprintf("must be List, of apiVersion v1, where its items are of %s (got %q of %q)", v1.GroupVersion, d.Kind, d.APIVersion)}}
	case d.APIVersion != v1.GroupVersion.String():
		return strict.Faults{{Position: d.Position("apiVersion"), Path: "apiVersion",
			Message: fmt.Sprintf("must be %s (got %q)", v1.GroupVersion, d.APIVersion)}}
	}
	return strict.Faults{{Position: d.Position("kind"), Path: "kind",
		Message: fmt.Sprintf("must be %s, %s, %s or %s (got %q)", v1.KindCluster, v1.KindTenant, v1.KindBackup, v1.KindRestore, d.Kind)}}
}

// notYetFaulty leaves out what validation says of fields that could not be decoded,
// which it saw empty, and of others because of them.
func notYetFaulty(decoding, validation strict.Faults) strict.Faults {
	return slices.DeleteFunc(validation, func(v strict.Fault) bool {
		return slices.ContainsFunc(decoding, func(d strict.Fault) bool { return d.Path != "" && follows(v, d) })
	})
}

// suggestion is what the hint of an unknown field says that was meant.
var suggestion = regexp.MustCompile(`^did you mean "(.+)"\?$`)

// follows reports whether a fault is there only because a field could not be decoded, or
// because its name is misspelt.
func follows(v, decoding strict.Fault) bool {
	below := func(path string) bool {
		return v.Path == path || strings.HasPrefix(v.Path, path+".") || strings.HasPrefix(v.Path, path+"[")
	}
	path := decoding.Path
	if below(path) {
		return true
	}
	parent, name := "", path
	if end := strings.LastIndex(path, "."); end >= 0 {
		parent, name = path[:end], path[end+1:]
	}
	if meant := suggestion.FindStringSubmatch(decoding.Hint); meant != nil {
		name = meant[1]
	}
	switch {
	case below(parent + "." + name):
		return true
	case !below(parent):
		return false
	case name == "enabled" && strings.HasPrefix(v.Message, "is required"):
		return true
	}
	named := regexp.QuoteMeta(name)
	because := regexp.MustCompile(`\b(where|without|in|least|most) ` + named + `\b|\b` + named + `: `)
	return because.MatchString(v.Message) || because.MatchString(v.Hint)
}

// givenZeros are the faults of zeros that are written, and that a default would replace.
func givenZeros(d *strict.Document, r resource) strict.Faults {
	z, ok := r.(interface{ Zeros() field.ErrorList })
	if !ok {
		return nil
	}
	given := d.Given()
	return slices.DeleteFunc(locateAll(d, z.Zeros()), func(f strict.Fault) bool { return !slices.Contains(given, f.Path) })
}

// unplaced warns of a cluster that names no namespace where nothing else does: what
// applies the manifests has no say in it any more.
func unplaced(d *strict.Document, namespace string) strict.Faults {
	if d.Kind != v1.KindCluster || namespace != "" {
		return nil
	}
	const path = "metadata.namespace"
	return strict.Faults{{Position: d.Position(path), Path: path,
		Message: "should be given: the stack is in namespace " + v1.DefaultNamespace + ", whatever namespace the manifests are applied with",
		Hint:    "write namespace: " + v1.DefaultNamespace + ", or the one that you mean"}}
}

// restricted tells whether a tenant says from where one may log in.
func restricted(t *v1.BanhBaoRingTenant) bool { return len(t.Spec.Settings.AllowedIPRanges) > 0 }

// secretUsers are the stack's documents beside cluster and tenants that name
// Secrets.
func (s *Stack) secretUsers() []v1.SecretUser {
	var users []v1.SecretUser
	for _, b := range s.Backups {
		users = append(users, b)
	}
	for _, r := range s.Restores {
		users = append(users, r)
	}
	return users
}

// check is what can only be said of a stack as a whole.
func (s *Stack) check() (faults, warnings strict.Faults) {
	warnings = append(warnings, unpinned(s)...)
	for _, m := range s.members {
		if t, ok := m.resource.(*v1.BanhBaoRingTenant); ok {
			beside := append(t.ValidateWith(s.Cluster, s.secretUsers()...), t.ValidateBeside(s.Tenants)...)
			faults = append(faults, notYetFaulty(m.decoding, locateAll(m.document, beside))...)
		}
	}
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
	unused, ignored := s.unused()
	return append(faults, unused...), append(warnings, ignored...)
}

// unused tells what the cluster's document sets without effect.
func (s *Stack) unused() (faults, warnings strict.Faults) {
	given := s.document.Given()
	told := map[string]bool{}
	for _, rule := range s.Cluster.Unused(len(s.Backups)+len(s.Restores) > 0) {
		if rule.Beside != "" && !slices.Contains(given, rule.Beside) {
			continue
		}
		for _, path := range given {
			path = rule.Below(path)
			if path == "" || told[path] {
				continue
			}
			told[path] = true
			fault := strict.Fault{Position: s.document.Position(path), Path: path, Message: rule.Why}
			if rule.Fault {
				faults = append(faults, fault)
			} else {
				warnings = append(warnings, fault)
			}
		}
	}
	return notYetFaulty(s.decoding, faults), notYetFaulty(s.decoding, warnings)
}

// meetings are the hosts that two stacks claim at once, which only one can have.
func meetings(stacks []*Stack) (faults strict.Faults) {
	const domain = "spec.domain"
	hosts := map[string]*Stack{}
	for _, s := range stacks {
		for _, host := range s.Cluster.Spec.Hosts() {
			other := hosts[host.Name]
			if s.Cluster.Spec.Domain == "" {
				break // reported as missing
			}
			if other == nil {
				hosts[host.Name] = s
				continue
			}
			faults = append(faults, strict.Fault{Position: s.document.Position(domain), Path: domain,
				Message: fmt.Sprintf("host %s is that of cluster %s/%s too (%s)", host.Name, other.Cluster.Namespace, other.Cluster.Name, other.document.Position(domain)),
				Hint:    "give each cluster a domain of its own"})
			break // the others follow from it
		}
	}
	return faults
}

// intrusions are the clients whose credentials would be delivered to the namespace of
// another stack: the Job would have the right to create Secrets there.
func intrusions(stacks []*Stack) (faults strict.Faults) {
	owners := map[string]*Stack{}
	for _, s := range stacks {
		owners[s.Cluster.Namespace] = s
	}
	for _, s := range stacks {
		for _, m := range s.members {
			t, ok := m.resource.(*v1.BanhBaoRingTenant)
			if !ok {
				continue
			}
			for i, key := range t.Spec.Keys {
				for j, c := range key.Clients {
					if owner := owners[c.Namespace]; c.Deliver && owner != nil && owner != s {
						faults = append(faults, m.fault(fmt.Sprintf("spec.keys[%d].clients[%d].deliver", i, j),
							fmt.Sprintf("must not be given in namespace %s, which is that of cluster %s", c.Namespace, owner.Cluster.Name), "give the client a namespace of its own"))
					}
				}
			}
		}
	}
	return faults
}
