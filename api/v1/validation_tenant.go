package v1

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// eventPattern is the name of an event, such as key.created.
var eventPattern = regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+$`)

// validate checks quotas: none may exceed that of the plan.
func (q *Quotas) validate(at *field.Path, plan Plan) field.ErrorList {
	limits := PlanQuotas(plan)
	var faults field.ErrorList
	for _, quota := range []struct {
		name         string
		value, limit *int64
	}{
		{"keys", q.Keys, limits.Keys},
		{"signaturesPerMonth", q.SignaturesPerMonth, limits.SignaturesPerMonth},
		{"namespaces", q.Namespaces, limits.Namespaces},
		{"teamMembers", q.TeamMembers, limits.TeamMembers},
		{"apiKeys", q.APIKeys, limits.APIKeys},
	} {
		at := at.Child(quota.name)
		faults = append(faults, atLeast(at, quota.value, 0)...)
		if quota.value != nil && quota.limit != nil {
			faults = append(faults, check(at, *quota.value, *quota.value <= *quota.limit, fmt.Sprintf("must be at most %d, the limit of plan %s", *quota.limit, plan))...)
		}
	}
	return faults
}

func (a *Admin) validate(at *field.Path) field.ErrorList {
	address, err := mail.ParseAddress(a.Email)
	return slices.Concat(
		required(at.Child("email"), a.Email != "", "the e-mail address of the tenant's first user"),
		check(at.Child("email"), a.Email, a.Email == "" || err == nil && address.Address == a.Email, "must be an e-mail address alone, such as admin@example.com"),
		validateSecretKeyRef(at.Child("password"), a.Password),
	)
}

func (s *TenantSettings) validate(at *field.Path) field.ErrorList {
	return slices.Concat(
		check(at.Child("auditRetentionDays"), s.AuditRetentionDays, s.AuditRetentionDays >= 1, "must be 1 or more"),
		each(at.Child("allowedIPRanges"), s.AllowedIPRanges, validateCIDR),
		each(at.Child("webhooks"), s.Webhooks, validateWebhook),
	)
}

func validateWebhook(at *field.Path, w Webhook) field.ErrorList {
	events := at.Child("events")
	return slices.Concat(
		required(at.Child("url"), w.URL != "", "the URL that is called, such as https://example.com/hook"),
		validateURL(at.Child("url"), w.URL, "https", "http"),
		required(events, len(w.Events) > 0, "the events that the URL is called on, such as key.created"),
		each(events, w.Events, func(at *field.Path, event string) field.ErrorList {
			return check(at, event, eventPattern.MatchString(event), "must be an event, such as key.created")
		}),
		unique(events, w.Events),
		validateSecretKeyRef(at.Child("secret"), w.Secret),
	)
}
