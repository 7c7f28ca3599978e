package tenants

import (
	"context"
	"fmt"
	"strings"
)

// nobody is a range of addresses that no client has: the limited broadcast
// address of IPv4.
const nobody = "255.255.255.255/32"

// shut shuts a tenant out: no login works, whoever has logged in is logged out,
// and OpenBao locks the namespace against everybody, the API too. Nothing is
// deleted.
func (w *work) shut(ctx context.Context, n namespace, why state) error {
	// First, so that a lock without it is somebody else's. What was applied is not
	// so any more.
	if err := w.record(ctx, n.Path, map[string]any{metaState: string(why), metaApplied: nil}); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	if n.Locked {
		return nil
	}
	if err := w.closeLogins(ctx, n.Path); err != nil {
		return err
	}
	_, err := write(ctx, w.root, "sys/namespaces/api-lock/lock/"+n.Path, nil)
	// The key that the answer holds is thrown away: the Job may unlock without.
	if err != nil && !strings.Contains(err.Error(), "already locked") {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

func (w *work) closeLogins(ctx context.Context, path string) error {
	client := w.root.WithNamespace(path)
	methods, err := read(ctx, client, "sys/auth")
	if err != nil && strings.Contains(err.Error(), "has been locked") {
		return nil // an attempt that got no answer came so far
	}
	if err != nil {
		return fmt.Errorf("auth methods: %w", err)
	}
	for _, logins := range []struct {
		method, path string
		closed       map[string]any
	}{
		{"approle/", "auth/approle/role", map[string]any{"secret_id_bound_cidrs": []string{nobody}, "token_bound_cidrs": []string{nobody}}},
		{"userpass/", "auth/userpass/users", map[string]any{"token_bound_cidrs": []string{nobody}}},
	} {
		if methods[logins.method] == nil {
			continue // the tenant was not finished
		}
		names, err := list(ctx, client, logins.path)
		if err != nil {
			return fmt.Errorf("logins: %w", err)
		}
		for _, name := range names {
			if _, err := write(ctx, client, logins.path+"/"+name, logins.closed); err != nil {
				return fmt.Errorf("login %s: %w", name, err)
			}
		}
	}
	if err := sweep(ctx, client, func(token) bool { return false }); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	return nil
}
