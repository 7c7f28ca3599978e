package configure

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// policies are what each login may do. A file bears its policy's name.
//
//go:embed policies
var policies embed.FS

// api is the name of the API's policy and of the role that its token is made by.
const api = "api"

// policies writes those of all roles, its own first, and the API's.
func (w *work) policies(ctx context.Context) error {
	names := []string{jobs.Configure, api}
	for _, role := range w.config.Roles {
		names = append(names, role.Name)
	}
	for _, name := range names {
		text, err := policies.ReadFile("policies/" + name + ".hcl")
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no policy for role %s", name)
		}
		if err != nil {
			return err
		}
		if err := w.policy(ctx, name, string(text)); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) policy(ctx context.Context, name, text string) error {
	have, err := w.client.Sys().GetPolicyWithContext(ctx, name)
	if err != nil {
		return fmt.Errorf("read policy %s: %w", name, err)
	}
	if strings.TrimSpace(have) == strings.TrimSpace(text) {
		return nil
	}
	if err := w.client.Sys().PutPolicyWithContext(ctx, name, text); err != nil {
		return fmt.Errorf("write policy %s: %w", name, err)
	}
	w.changed("policy " + name)
	return nil
}

// lifetime is how long a role's token lives, in seconds: one that is renewed has a
// period instead, and a Job's lives longer than a run.
func lifetime(role jobs.Role) int {
	if role.Period > 0 {
		return 0
	}
	return int((run.Deadline + run.Deadline/3).Seconds())
}

// roles writes the logins of the Jobs and the signer, its own among them, and the one
// that the API's token is made by.
func (w *work) roles(ctx context.Context) error {
	own := jobs.Role{Name: jobs.Configure, ServiceAccount: "banhbaoring-" + jobs.Configure}
	for _, role := range append([]jobs.Role{own}, w.config.Roles...) {
		err := w.ensure(ctx, "auth/kubernetes/role/"+role.Name, map[string]any{
			"bound_service_account_names":      []string{role.ServiceAccount},
			"bound_service_account_namespaces": []string{w.Namespace},
			"audience":                         w.config.TokenAudience,
			"token_policies":                   []string{role.Name},
			"token_no_default_policy":          true,
			"token_ttl":                        lifetime(role),
			"token_period":                     role.Period,
		})
		if err != nil {
			return err
		}
	}
	return w.ensure(ctx, "auth/token/roles/"+api, map[string]any{
		"allowed_policies":        []string{api},
		"orphan":                  true,
		"renewable":               true,
		"token_period":            int(period.Seconds()),
		"token_no_default_policy": true,
		"token_type":              "service",
	})
}
