package tenants

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// webhooks gathers the HMAC secrets and the authorities of a shard's webhooks in the
// Secret that the API mounts. What fails is its tenant's own: the others' are kept.
func (w *work) webhooks(ctx context.Context, name string, tenants []jobs.Tenant, outcomes map[string]*outcome) {
	data := map[string]string{}
	fail := func(err error) {
		for _, t := range tenants {
			if o := outcomes[t.Name]; o.Err == nil && t.HasFiles() {
				o.Err = err
			}
		}
	}
	for _, t := range tenants {
		values, err := w.files(ctx, t)
		if o := outcomes[t.Name]; err != nil && o.Err == nil {
			o.Err = err
		}
		maps.Copy(data, values)
	}
	old, err := w.own(ctx, "", name)
	if err != nil {
		fail(err)
		return
	}
	if old != nil && reflect.DeepEqual(old.Data, bytesOf(data)) {
		return
	}
	if _, err := w.keep(ctx, old, "", name, data, nil); err != nil {
		fail(fmt.Errorf("Secret %s: %w", name, err))
	}
}

// files are what a tenant's webhooks need of Secrets, by file.
func (w *work) files(ctx context.Context, t jobs.Tenant) (map[string]string, error) {
	values := map[string]string{}
	for _, webhook := range t.Webhooks {
		for file, key := range webhook.Files() {
			secret, err := w.secret(ctx, key.Name)
			if err != nil {
				return values, err
			}
			if secret == nil || len(secret.Data[key.Key]) == 0 {
				return values, fmt.Errorf("webhook: there is no Secret %s with key %s", key.Name, key.Key)
			}
			values[file] = string(secret.Data[key.Key])
		}
	}
	return values, nil
}
