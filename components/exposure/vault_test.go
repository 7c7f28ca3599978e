package exposure_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/components/exposure"
	"github.com/banhbaoring/banhbaoring/golden"
)

// paths are those of OpenBao's host that are exposed, prefixes with a star.
func paths(t *testing.T, spec string) []string {
	t.Helper()
	var all []string
	for _, u := range golden.Render(t, exposure.Component(), spec) {
		if u.GetName() != "banhbaoring-vault" {
			continue
		}
		for _, at := range [][]string{{"http", "paths"}, {"matches"}} {
			rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
			for _, rule := range rules {
				list, _, _ := unstructured.NestedSlice(rule.(map[string]any), at...)
				for _, p := range list {
					p := p.(map[string]any)
					if inner, ok := p["path"].(map[string]any); ok {
						p = map[string]any{"path": inner["value"], "pathType": strings.TrimPrefix(inner["type"].(string), "Path")}
					}
					star := map[string]string{"Prefix": "*", "Exact": ""}[p["pathType"].(string)]
					all = append(all, p["path"].(string)+star)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// Whoever reaches the host reaches no operation that OpenBao does without a
// login, but for health and the logins themselves.
func TestTheHostOfOpenBaoPublishesLoginsTheEngineAndHealth(t *testing.T) {
	want := []string{
		"/v1/auth/approle/login", "/v1/auth/token/lookup-self", "/v1/auth/token/renew-self", "/v1/auth/token/revoke-self",
		"/v1/auth/userpass/login*", "/v1/auth/userpass/users/admin/password", "/v1/secp256k1*", "/v1/sys/health",
	}
	const gateway = "mode: gateway, gatewayRef: {name: public}"
	for spec, want := range map[string][]string{
		"": want,
		"networking: {openbao: {expose: signing}}":                want,
		"networking: {" + gateway + "}":                           want,
		"networking: {openbao: {expose: all}}":                    {"/*"},
		"networking: {openbao: {expose: all}, " + gateway + "}":   {"/*"},
		"networking: {openbao: {expose: 'off'}}":                  nil,
		"networking: {openbao: {expose: 'off'}, " + gateway + "}": nil,
	} {
		if got := paths(t, spec); !slices.Equal(got, want) {
			t.Errorf("%s:\n%v\nwant\n%v", spec, got, want)
		}
	}
}
