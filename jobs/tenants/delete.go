package tenants

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// Delete deletes a tenant and all of its keys, for good. It is for a person,
// whose token root has: the Job's own may not delete. Only a tenant that the
// Job has locked because it is gone from the spec is deleted, as any other is
// still wanted.
func Delete(ctx context.Context, root *run.Client, name string) error {
	path := jobs.TenantNamespace(name)
	n, there, err := lookup(ctx, root, path)
	switch {
	case err != nil:
		return err
	case !there:
		return fmt.Errorf("there is no namespace %s", path)
	case n.Metadata[metaManager] != manager || n.tenant() != name:
		return fmt.Errorf("namespace %s is no tenant: its custom_metadata does not say so", path)
	case n.state() != locked:
		return fmt.Errorf("tenant %s is %s: take it out of the spec first, and let the tenants Job lock it", name, n.state())
	}
	if _, err := root.Logical().DeleteWithContext(ctx, "sys/quotas/rate-limit/"+path); err != nil {
		return fmt.Errorf("rate limit: %w", err)
	}
	// OpenBao deletes behind the answer, and says so when it is asked again.
	for {
		if _, err := root.Logical().DeleteWithContext(ctx, "sys/namespaces/"+path); err != nil {
			return fmt.Errorf("namespace: %w", err)
		}
		_, there, err := lookup(ctx, root, path)
		if err != nil || !there {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("namespace %s is still being deleted: %w", path, context.Cause(ctx))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// lookup is one namespace.
func lookup(ctx context.Context, root *run.Client, path string) (n namespace, there bool, err error) {
	data, err := read(ctx, root, "sys/namespaces/"+path)
	if err != nil || data == nil {
		return n, false, err
	}
	text, err := json.Marshal(data)
	if err != nil {
		return n, false, err
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return n, false, err
	}
	n.Path = path
	return n, true, nil
}
