package secp256k1

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/policy"
)

// refusal is a request that was understood and is not allowed. Its text is
// "<code>: <what>; rule: <rule>; remedy: <remedy>", which programs may take apart.
type refusal struct {
	code   string // for programs: lower case, underscores
	what   string
	rule   string // which part of the key's settings or the mount's limits refused
	remedy string
	status int
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s: %s; rule: %s; remedy: %s", r.code, r.what, r.rule, r.remedy)
}

// refuse is status 403: the key's settings do not allow it.
func refuse(code, rule, remedy, what string, args ...any) *refusal {
	return &refusal{code: code, rule: rule, remedy: remedy, what: fmt.Sprintf(what, args...), status: http.StatusForbidden}
}

// conflict is status 409: what the engine remembers stands against it.
func conflict(code, rule, remedy, what string, args ...any) *refusal {
	r := refuse(code, rule, remedy, what, args...)
	r.status = http.StatusConflict
	return r
}

// tooMany is status 429: a limit of the mount is reached.
func tooMany(code, rule, remedy, what string, args ...any) *refusal {
	r := refuse(code, rule, remedy, what, args...)
	r.status = http.StatusTooManyRequests
	return r
}

// asRefusal is the refusal that err is, the policy's included.
func asRefusal(err error) (*refusal, bool) {
	var own *refusal
	if errors.As(err, &own) {
		return own, true
	}
	var judged *policy.Refusal
	if !errors.As(err, &judged) {
		return nil, false
	}
	rule := "policy"
	if judged.Facts.Rule != "" {
		rule += "." + judged.Facts.Rule
	}
	return &refusal{code: string(judged.Code), what: judged.What, rule: rule, remedy: judged.Remedy, status: http.StatusForbidden}, true
}

// policyFacts is what was decoded before a policy refused it.
func policyFacts(err error) string {
	var judged *policy.Refusal
	if !errors.As(err, &judged) {
		return ""
	}
	return judged.Facts.String()
}

// faults are several errors in what the caller sent, told at once.
type faults []string

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// err is nil where there are none.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return fault(strings.Join(f, "\n"))
}
