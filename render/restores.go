package render

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// RestoreReceipts are the ConfigMaps that say how far the stack's restores came.
func (s *Stack) RestoreReceipts() []string {
	var names []string
	for _, r := range s.Restores {
		names = append(names, jobs.RestoreReceipt(r.Name))
	}
	return names
}

// LetReadReceipts lets a role read them, where there are any.
func (s *Stack) LetReadReceipts(role *rbacv1.Role) {
	if names := s.RestoreReceipts(); len(names) > 0 {
		role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: names, Verbs: []string{"get"}})
	}
}
