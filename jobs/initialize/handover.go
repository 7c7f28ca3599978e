package initialize

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// mount is where Kubernetes auth is enabled.
const mount = "kubernetes"

// probe is a role without rights, for as long as it takes to prove that one can
// log in.
const probe = "init-probe"

// policy is that of the role configure. It may write policies and roles, and so
// give itself what it lacks: it is as good as root, and is audited.
const policy = `# The configure Job sets everything up. Who may write policies may do all.
path "sys/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}
path "auth/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}
`

// handOver leaves Kubernetes auth with the role configure in place of the root
// token. The Secret says how far it came: the token goes from it last, and only
// once it is revoked; it is revoked only once it says that Kubernetes auth works.
func (w *work) handOver(ctx context.Context) error {
	var root string
	var configured bool
	var client *run.Client
	err := w.Step(ctx, "look for a root token", func(ctx context.Context) (err error) {
		secret, err := w.secret(ctx)
		if err != nil {
			return err
		}
		root, configured = tokenIn(secret.Data), len(secret.Data[jobs.KeyConfigured]) > 0
		client, err = w.active(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if root == "" {
		if !configured {
			return w.unusable("Secret " + w.name() + " holds no root token")
		}
		return nil
	}
	client.SetToken(root)
	var valid bool
	err = w.Step(ctx, "look the root token up", func(ctx context.Context) (err error) {
		valid, err = works(ctx, client)
		return err
	})
	switch {
	case err != nil:
		return err
	case !valid && !configured:
		return w.unusable("OpenBao refuses the root token in Secret " + w.name())
	case valid:
		if err := w.configure(ctx, client); err != nil {
			return err
		}
	}
	if err := w.Step(ctx, "remove the root token", func(ctx context.Context) error { return w.forget(ctx, root) }); err != nil {
		return err
	}
	w.Event(ctx, "RootTokenRevoked", "the root token is revoked and removed; the role "+jobs.Configure+" works on OpenBao from here on")
	return nil
}

// configure sets Kubernetes auth up, notes that in the Secret and revokes the
// client's token.
func (w *work) configure(ctx context.Context, client *run.Client) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"enable Kubernetes auth", func(ctx context.Context) error { return w.enable(ctx, client) }},
		{"write the roles", func(ctx context.Context) error { return w.role(ctx, client) }},
		{"prove that one can log in", func(ctx context.Context) error { return w.prove(ctx, client) }},
		{"note that Kubernetes auth works", w.progress},
		{"revoke the root token", func(ctx context.Context) error { return revoke(ctx, client) }},
	} {
		if err := w.Step(ctx, step.name, step.do); err != nil {
			return err
		}
	}
	return nil
}

// enable enables Kubernetes auth. OpenBao asks the API server with its own pod's
// service account, whose token and authority it reads from its pod.
func (w *work) enable(ctx context.Context, client *run.Client) error {
	mounts, err := client.Sys().ListAuthWithContext(ctx)
	if err != nil {
		return err
	}
	if mounts[mount+"/"] == nil {
		err := client.Sys().EnableAuthWithOptionsWithContext(ctx, mount, &openbao.EnableAuthOptions{
			Type: "kubernetes", Description: "The stack's Jobs, by their service accounts",
		})
		if err != nil {
			return err
		}
	}
	return write(ctx, client, "auth/"+mount+"/config", map[string]any{
		"kubernetes_host": w.config.KubernetesHost, "disable_local_ca_jwt": false,
	})
}

func (w *work) role(ctx context.Context, client *run.Client) error {
	if w.config.RestoreServiceAccount != "" {
		if err := client.Sys().PutPolicyWithContext(ctx, jobs.Restore, restorePolicy); err != nil {
			return err
		}
		err := w.writeRole(ctx, client, jobs.Restore, w.config.RestoreServiceAccount, map[string]any{
			"token_policies": []string{jobs.Restore}, "token_ttl": "1h",
		})
		if err != nil {
			return err
		}
	}
	if err := client.Sys().PutPolicyWithContext(ctx, jobs.Configure, policy); err != nil {
		return err
	}
	return w.writeRole(ctx, client, jobs.Configure, w.config.ConfigureServiceAccount, map[string]any{
		"token_policies": []string{jobs.Configure},
		"token_ttl":      (run.Deadline + run.Deadline/3).String(), // longer than a run
	})
}

func (w *work) writeRole(ctx context.Context, client *run.Client, name, account string, more map[string]any) error {
	role := map[string]any{
		"bound_service_account_names":      []string{account},
		"bound_service_account_namespaces": []string{w.Namespace},
		"audience":                         w.config.TokenAudience,
		"token_no_default_policy":          true,
	}
	for key, value := range more {
		role[key] = value
	}
	return write(ctx, client, "auth/"+mount+"/role/"+name, role)
}

// prove logs in as this Job, into a role that may do nothing and is gone
// afterwards: OpenBao reaches the API server and may ask it whose a token is.
func (w *work) prove(ctx context.Context, client *run.Client) error {
	err := w.writeRole(ctx, client, probe, w.config.ServiceAccount, map[string]any{"token_type": "batch", "token_ttl": "1m"})
	if err != nil {
		return err
	}
	own, err := w.OpenBao(client.Address())
	if err != nil {
		return err
	}
	// A batch token ends by itself.
	if _, err := w.Login(ctx, own, probe); err != nil {
		return run.Later(fmt.Errorf("%w: hint: OpenBao's service account must be allowed to create tokenreviews, and its pods to reach %s", err, w.config.KubernetesHost))
	}
	_, err = client.Logical().DeleteWithContext(ctx, "auth/"+mount+"/role/"+probe)
	return err
}

// revoke revokes the client's token and has that proven by its failing.
func revoke(ctx context.Context, client *run.Client) error {
	if valid, err := works(ctx, client); err != nil || !valid {
		return err
	}
	if err := client.Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
		return err
	}
	switch valid, err := works(ctx, client); {
	case err != nil:
		return err
	case valid:
		return run.Later(errors.New("OpenBao still takes it"))
	}
	return nil
}

// works tells whether the active server knows the client's token.
func works(ctx context.Context, client *run.Client) (bool, error) {
	_, err := client.Auth().Token().LookupSelfWithContext(ctx)
	if run.Status(err) == http.StatusForbidden {
		return false, nil
	}
	return err == nil, err
}

func write(ctx context.Context, client *run.Client, path string, data map[string]any) error {
	_, err := client.Logical().WriteWithContext(ctx, path, data)
	return err
}
