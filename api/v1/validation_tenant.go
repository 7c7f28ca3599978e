package v1

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// eventPattern is the name of an event, such as key.created.
var eventPattern = regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+$`)

// validate checks quotas: none may exceed that of the plan, unless over says so.
func (q *Quotas) validate(at *field.Path, plan Plan, over bool) field.ErrorList {
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
		if quota.value != nil && quota.limit != nil && !over {
			faults = append(faults, check(at, *quota.value, *quota.value <= *quota.limit, fmt.Sprintf("must be at most %d, the limit of plan %s\nhint: allowOverPlan: true permits more", *quota.limit, plan))...)
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

// validateAPIKeys checks the logins of programs, of which there may be most.
func validateAPIKeys(at *field.Path, tenant string, keys []APIKey, most *int64) field.ErrorList {
	room := validation.DNS1123LabelMaxLength - len(fmt.Sprintf(derivedFromAPIKey, tenant, ""))
	names := make([]string, len(keys))
	faults := each(at, keys, func(at *field.Path, key APIKey) field.ErrorList {
		name := at.Child("name")
		return slices.Concat(
			required(name, key.Name != "", "such as sequencer"),
			check(name, key.Name, key.Name == "" || labelPattern.MatchString(key.Name), mustBeLabel),
			check(name, key.Name, room < 1 || len(key.Name) <= room, fmt.Sprintf("must be at most %d characters, so that %s stays within %d", room, fmt.Sprintf(derivedFromAPIKey, tenant, "<name>"), validation.DNS1123LabelMaxLength)),
			enum(at.Child("role"), key.Role, RoleAdmin, RoleSigner, RoleAuditor),
		)
	})
	for i, key := range keys {
		names[i] = key.Name
	}
	faults = append(faults, unique(at, names)...)
	return append(faults, forbidden(at, most != nil && int64(len(keys)) > *most, fmt.Sprintf("must be at most %d, which quotas.apiKeys or else the plan allows", deref(most)))...)
}

// validateSecrets refuses the stack's own Secrets: what a tenant names is read
// for it.
func (s *BanhBaoRingTenantSpec) validateSecrets(at *field.Path) field.ErrorList {
	own := func(at *field.Path, ref *SecretKeyRef) field.ErrorList {
		return forbidden(at, ref != nil && strings.HasPrefix(ref.SecretName, "banhbaoring-"), "must not be a Secret of the stack's own, whose names begin with banhbaoring-")
	}
	faults := own(at.Child("admin", "password"), s.Admin.Password)
	return append(faults, each(at.Child("settings", "webhooks"), s.Settings.Webhooks, func(at *field.Path, w Webhook) field.ErrorList {
		return append(own(at.Child("secret"), w.Secret), own(at.Child("caCert"), w.CACert)...)
	})...)
}

func deref(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func (s *SMTP) validate(at *field.Path, targets []string) field.ErrorList {
	if s == nil {
		return nil
	}
	address, err := mail.ParseAddress(s.From)
	return slices.Concat(
		required(at.Child("host"), s.Host != "", "the mail server's name"),
		check(at.Child("host"), s.Host, s.Host == "" || len(validation.IsDNS1123Subdomain(s.Host)) == 0, "must be a host name or an address alone, such as smtp.example.com"),
		validateTarget(at.Child("host"), s.Host, targets),
		check(at.Child("port"), s.Port, s.Port >= 1 && s.Port <= 65535, mustBePort),
		enum(at.Child("tls"), s.TLS, SMTPStartTLS, SMTPImplicit, SMTPPlain),
		check(at.Child("from"), s.From, err == nil && address.Address == s.From, "must be an e-mail address alone, such as keys@example.com"),
		validateSecretKeyRef(at.Child("username"), s.Username),
		validateSecretKeyRef(at.Child("password"), s.Password),
		validateSecretKeyRef(at.Child("caCert"), s.CACert),
		forbidden(at.Child("caCert"), s.CACert != nil && s.TLS == SMTPPlain, "is not used where tls is none"),
		required(at.Child("password"), s.Username == nil || s.Password != nil, "the password of username"),
		required(at.Child("username"), s.Password == nil || s.Username != nil, "the user whose password is given"),
		forbidden(at.Child("password"), s.Password != nil && s.TLS == SMTPPlain, "must not be given with tls: none, which sends it in the clear"),
	)
}

func (s *TenantSettings) validate(at *field.Path) field.ErrorList {
	return slices.Concat(
		check(at.Child("auditRetentionDays"), s.AuditRetentionDays, s.AuditRetentionDays >= 1, mustBeOne),
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
		validateSecretKeyRef(at.Child("caCert"), w.CACert),
		validateVerifies(at.Child("caCert"), w.CACert, "url", w.URL),
	)
}
