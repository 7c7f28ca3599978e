//go:build integration

package tenants_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// endpoint is a request that a namespace answers.
type endpoint struct{ method, path string }

// parameter is a part of a path that is chosen by whoever asks.
var parameter = regexp.MustCompile(`\{[a-z_0-9]+\}`)

// endpoints are what a namespace has mounted, as the server itself lists it:
// every path with every method, but for those that nobody logs in for. Names
// in paths are those of something that is there.
func (s *server) endpoints(t *testing.T, namespace, name string) []endpoint {
	t.Helper()
	var all []endpoint
	for path, item := range s.read(t, namespace, "sys/internal/specs/openapi")["paths"].(map[string]any) {
		item := item.(map[string]any)
		if item["x-vault-unauthenticated"] == true {
			continue
		}
		path = strings.TrimPrefix(parameter.ReplaceAllString(path, name), "/")
		methods := map[string]bool{}
		for method := range item {
			if method = strings.ToUpper(method); method == "GET" || method == "POST" || method == "DELETE" || method == "PATCH" {
				methods[method] = true
			}
		}
		if methods["GET"] {
			methods["LIST"], methods["SCAN"] = true, true
		}
		if methods["POST"] {
			methods["PUT"] = true
		}
		for method := range methods {
			all = append(all, endpoint{method, path})
		}
	}
	slices.SortFunc(all, func(a, b endpoint) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

// ask is the status of an answer.
func ask(ctx context.Context, t *testing.T, client *openbao.Client, namespace string, e endpoint) (int, string) {
	t.Helper()
	r := client.WithNamespace(namespace).NewRequest(e.method, "/v1/"+e.path)
	if e.method == "POST" || e.method == "PUT" || e.method == "PATCH" {
		if err := r.SetJSONBody(map[string]any{"input": "aGVsbG8="}); err != nil {
			t.Fatal(err)
		}
	}
	if e.method == "PATCH" {
		r.Headers.Set("Content-Type", "application/merge-patch+json")
	}
	answer, err := client.WithNamespace(namespace).RawRequestWithContext(ctx, r)
	if answer == nil {
		t.Fatalf("%s %s: %v", e.method, e.path, err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if err != nil {
		body = []byte(err.Error())
	}
	return answer.StatusCode, string(body)
}

func TestNoCredentialOfATenantReachesAnother(t *testing.T) {
	s := newServer(t)
	const keys = "\n  admin: {email: a@example.com}\n  plan: pro\n  settings: {allowExportableKeys: true}\n  apiKeys: [{name: main, role: admin}, {name: signer}, {name: auditor, role: auditor}]"
	s.run(t, spec(s.Namespace, "", "acme"+keys, "beta"+keys))
	s.makeKey(t, "acme")
	s.makeKey(t, "beta")
	s.unlimited(t, "acme", "beta")
	credentials := map[string]*openbao.Client{"admin": must(t)(s.asAdmin(t, "acme", s.password(t, "acme")))}
	for _, key := range []string{"main", "signer", "auditor"} {
		credentials["key "+key] = must(t)(s.withKey(t, "acme", key))
	}
	for name, client := range credentials {
		if status, body := ask(t.Context(), t, client, "tenant-acme", endpoint{"GET", "secp256k1/keys/main"}); status != http.StatusOK {
			t.Fatalf("%s does not reach its own tenant: %d %s", name, status, body)
		}
	}
	asked := map[int]int{}
	for where, prefix := range map[string]string{"tenant-beta": "", "": "", "by path": "tenant-beta/", "by a detour": ""} {
		listed, header := where, where
		switch where {
		case "by path":
			listed, header = "tenant-beta", ""
		case "by a detour":
			listed, header = "tenant-beta", "tenant-acme/../tenant-beta"
		}
		all := s.endpoints(t, listed, "main")
		if mounted := jobs.PluginName + "/sign/main"; listed != "" && !slices.Contains(all, endpoint{"POST", mounted}) || len(all) < 100 {
			t.Fatalf("%s lists %d endpoints, of which none is %s", where, len(all), mounted)
		}
		for _, e := range all {
			if strings.HasSuffix(e.path, "auth/token/revoke-self") {
				continue // which would end the test's own login
			}
			e.path = prefix + e.path
			for _, name := range slices.Sorted(maps.Keys(credentials)) {
				status, body := ask(t.Context(), t, credentials[name], header, e)
				asked[status]++
				if !refusedTo(status, body) && !aboutItself(e, body, credentials[name]) && !s.open(t, header, e, status) {
					t.Errorf("%s: %s %s in %q: %d %.200s", name, e.method, e.path, header, status, body)
				}
			}
		}
	}
	for name, client := range credentials {
		if status, body := ask(t.Context(), t, client, "tenant-acme", endpoint{"GET", "secp256k1/keys/main"}); status != http.StatusOK {
			t.Errorf("%s was refused for another reason: it does not reach its own tenant any more: %d %s", name, status, body)
		}
	}
	t.Logf("answers by status: %v", asked)
	// They were refused for what they are: the same is there for others.
	if err := sign(t.Context(), must(t)(s.withKey(t, "beta", "signer")), "main"); err != nil {
		t.Error(err)
	}
}

// unlimited takes the rate limits of tenants away, which would answer first.
func (s *server) unlimited(t *testing.T, tenants ...string) {
	t.Helper()
	for _, tenant := range tenants {
		if _, err := s.root.Logical().DeleteWithContext(t.Context(), "sys/quotas/rate-limit/tenant-"+tenant); err != nil {
			t.Fatal(err)
		}
	}
}

// aboutItself tells whether an answer is about the token that asks and nothing
// else: it may know and renew itself wherever it asks.
func aboutItself(e endpoint, body string, client *openbao.Client) bool {
	switch {
	case strings.HasSuffix(e.path, "auth/token/lookup-self"):
		return strings.Contains(body, `"id":"`+client.Token()+`"`)
	case strings.HasSuffix(e.path, "auth/token/renew-self"):
		return strings.Contains(body, `"client_token":"`+client.Token()+`"`)
	case strings.HasSuffix(e.path, "sys/wrapping/rewrap"), strings.HasSuffix(e.path, "sys/wrapping/unwrap"):
		return strings.Contains(body, "wrapping token") // which is what they take the login for
	}
	return false
}

// open tells whether anybody gets that answer, without a login.
func (s *server) open(t *testing.T, namespace string, e endpoint, status int) bool {
	t.Helper()
	anonymous, _ := ask(t.Context(), t, s.bao.Client(t, 0, ""), namespace, e)
	return anonymous == status
}

// refusedTo tells whether an answer gives nothing to who asks: it is forbidden,
// or there is no such request in a namespace, whoever asks.
func refusedTo(status int, body string) bool {
	switch status {
	case http.StatusForbidden:
		return true
	case http.StatusBadRequest:
		return strings.Contains(body, "operation unavailable in namespaces")
	case http.StatusNotFound:
		return strings.Contains(body, "namespace not found")
	}
	return false
}

// The Job's own login has the rights that it needs and not these: of a key it reaches the
// policy alone, which is what it sets. It signs with none.
func TestTheJobSignsWithNoKey(t *testing.T) {
	s := newServer(t)
	s.run(t, spec(s.Namespace, "", acme))
	s.makeKey(t, "acme")
	s.unlimited(t, "acme")
	job := s.bao.Client(t, 0, "")
	secret, err := job.Logical().WriteWithContext(t.Context(), "auth/kubernetes/login", map[string]any{
		"role": jobs.Tenants, "jwt": s.Token(t, jobs.TenantsName, jobs.TokenAudience),
	})
	if err != nil {
		t.Fatal(err)
	}
	job.SetToken(secret.Auth.ClientToken)
	may := map[string]bool{}
	for _, namespace := range []string{"tenant-acme", ""} {
		for _, e := range s.endpoints(t, namespace, "main") {
			if strings.Contains(e.path, "revoke-self") || strings.Contains(e.path, "seal") {
				continue // its own token, and the server itself if the test fails
			}
			status, body := ask(t.Context(), t, job, namespace, e)
			if !refusedTo(status, body) && !s.open(t, namespace, e, status) {
				may[fmt.Sprintf("%s: %s", namespace, e.path)] = true
			}
		}
	}
	for what := range may {
		if what != "tenant-acme: "+jobs.PluginName+"/keys/main/policy" && strings.Contains(what, jobs.PluginName+"/") && !strings.Contains(what, "sys/mounts/"+jobs.PluginName) {
			t.Errorf("it reaches a key: %s", what)
		}
	}
	t.Logf("it may:\n%s", strings.Join(slices.Sorted(maps.Keys(may)), "\n"))
	for _, e := range []endpoint{
		{"POST", "sys/auth/approle/role/x"}, {"POST", "sys/auth/approle"}, {"PUT", "sys/policies/acl/admin"}, {"POST", "sys/mounts/secp256k1"},
		{"DELETE", "sys/namespaces/tenant-acme"}, {"POST", "sys/namespaces/other"}, {"GET", "tenant-acme/secp256k1/keys/main"},
		{"LIST", "sys/auth/token/accessors"}, {"PUT", "tenant-acme/sys/policies/acl/other"},
	} {
		if status, body := ask(t.Context(), t, job, "", e); status != http.StatusForbidden {
			t.Errorf("%s %s: %d %s", e.method, e.path, status, body)
		}
	}
}
