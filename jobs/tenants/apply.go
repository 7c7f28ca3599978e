package tenants

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// apply writes all that a tenant is, whatever was there. Each part may be
// written again, and that the tenant is done is recorded last, so that a run
// that was killed is made up for by the next.
func (w *work) apply(ctx context.Context, p plan, n namespace, there bool) error {
	t := p.tenant
	switch {
	case !there:
		_, err := write(ctx, w.root, "sys/namespaces/"+t.Namespace, map[string]any{"custom_metadata": map[string]any{
			metaManager: manager, metaCluster: w.config.Cluster, metaTenant: t.Name, metaState: string(pending),
		}})
		if err != nil {
			return fmt.Errorf("namespace: %w", err)
		}
	case n.Metadata[metaApplied] != "":
		// First: a run that fails half way leaves neither the document before nor this
		// one, and going back to the one before must write it again.
		if err := w.record(ctx, t.Namespace, map[string]any{metaApplied: nil}); err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
	}
	client := w.root.WithNamespace(t.Namespace)
	if there {
		if n.Locked {
			// Its roles are closed until they are written below. A run that was killed
			// has unlocked it already.
			if err := w.unlock(ctx, t.Namespace); err != nil {
				return err
			}
		}
		// What Git took away goes before anything can fail.
		if err := w.lockKeys(ctx, client, t, n); err != nil {
			return err
		}
	}
	if err := w.mount(ctx, client); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(p.policies)) {
		if err := client.Sys().PutPolicyWithContext(ctx, name, p.policies[name]); err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		}
	}
	_, err := write(ctx, w.root, "sys/quotas/rate-limit/"+t.Namespace, map[string]any{
		"path": t.Namespace + "/", "rate": p.requests, "interval": "1s",
	})
	if err != nil {
		return fmt.Errorf("rate limit: %w", err)
	}
	if err := enableLogins(ctx, client); err != nil {
		return fmt.Errorf("auth methods: %w", err)
	}
	wanted, err := w.apiKeys(ctx, client, p)
	if err != nil {
		return err
	}
	faults := w.keys(ctx, client, p) // what else was taken away does not wait for them
	version, changed, err := w.admin(ctx, client, p, n)
	if err != nil {
		return errors.Join(faults, fmt.Errorf("admin: %w", err))
	}
	if there { // nobody has logged in to a namespace that was not
		if err := sweep(ctx, client, func(k token) bool { return k.stays(p, wanted, changed) }); err != nil {
			return errors.Join(faults, fmt.Errorf("tokens: %w", err))
		}
	}
	if faults != nil {
		return faults
	}
	err = w.record(ctx, t.Namespace, map[string]any{metaState: string(active), metaApplied: p.hash, metaAdmin: version})
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	return nil
}

// mount mounts the secrets engine and pins its version.
func (w *work) mount(ctx context.Context, client *run.Client) error {
	plugin := w.config.Plugin
	mounts, err := read(ctx, client, "sys/mounts")
	if err != nil {
		return err
	}
	mounted, _ := mounts[plugin.Mount+"/"].(map[string]any)
	if mounted == nil {
		return client.Sys().MountWithContext(ctx, plugin.Mount, &openbao.MountInput{
			Type:        plugin.Name,
			Description: "the tenant's keys",
			Config: openbao.MountConfigInput{
				PluginVersion:            plugin.Version,
				AuditNonHMACRequestKeys:  jobs.AuditRequestKeys,
				AuditNonHMACResponseKeys: jobs.AuditResponseKeys,
			},
		})
	}
	if mounted["type"] != plugin.Name {
		return fmt.Errorf("%s/ holds another secrets engine: %v", plugin.Mount, mounted["type"])
	}
	config, _ := mounted["config"].(map[string]any)
	audited := map[string]any{"audit_non_hmac_request_keys": jobs.AuditRequestKeys, "audit_non_hmac_response_keys": jobs.AuditResponseKeys}
	for field, want := range audited {
		if fmt.Sprint(config[field]) == fmt.Sprint(want) {
			continue
		}
		if _, err := write(ctx, client, "sys/mounts/"+plugin.Mount+"/tune", audited); err != nil {
			return err
		}
		break
	}
	if mounted["plugin_version"] != plugin.Version {
		_, err := write(ctx, client, "sys/mounts/"+plugin.Mount+"/tune", map[string]any{"plugin_version": plugin.Version})
		if err != nil {
			return err
		}
	}
	if mounted["running_plugin_version"] != plugin.Version {
		_, err := write(ctx, client, "sys/plugins/reload/backend", map[string]any{"mounts": []string{plugin.Mount + "/"}})
		return err
	}
	return nil
}

// enableLogins enables the auth methods that are not there yet.
func enableLogins(ctx context.Context, client *run.Client) error {
	there, err := read(ctx, client, "sys/auth")
	if err != nil {
		return err
	}
	for _, method := range []string{"approle", "userpass"} {
		if there[method+"/"] != nil {
			continue
		}
		if err := client.Sys().EnableAuthWithOptionsWithContext(ctx, method, &openbao.EnableAuthOptions{Type: method}); err != nil {
			return err
		}
	}
	return nil
}

// login are the fields that every login of the tenant has.
func login(t jobs.Tenant, policy string) map[string]any {
	ranges := t.AllowedIPRanges
	if ranges == nil {
		ranges = []string{} // any
	}
	return map[string]any{
		"token_policies": []string{policy}, "token_no_default_policy": true,
		"token_type": "service", "token_ttl": "1h", "token_max_ttl": "24h",
		"token_bound_cidrs": ranges,
	}
}

func (w *work) unlock(ctx context.Context, path string) error {
	_, err := write(ctx, w.root, "sys/namespaces/api-lock/unlock/"+path, nil)
	if err != nil && strings.Contains(err.Error(), "is not locked") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}
