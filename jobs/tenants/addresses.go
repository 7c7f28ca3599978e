package tenants

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// addressesKey is the entry of the report that holds the addresses of all keys that were
// ever made from Git.
const addressesKey = "addresses.json"

// addressesRoom bounds that entry: a ConfigMap holds 1 MiB.
const addressesRoom = 900 << 10

// addresses are those of keys by tenant and name. OpenBao's own record goes back with its
// storage when an older backup is restored; this one stays, so that a key which was made
// since is missed, and no other is made in its place without a word.
type addresses map[string]map[string]string

func (a addresses) of(tenant, key string) string { return a[tenant][key] }

func (a addresses) add(tenant, key, address string) {
	if a[tenant] == nil {
		a[tenant] = map[string]string{}
	}
	a[tenant][key] = address
}

func (w *work) readAddresses(ctx context.Context) (addresses, error) {
	all := addresses{}
	report, err := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace).Get(ctx, jobs.TenantsReport, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	if text := report.Data[addressesKey]; text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			return nil, fmt.Errorf("ConfigMap %s, %s: %w: hint: correct it or take the entry out", jobs.TenantsReport, addressesKey, err)
		}
	}
	return all, nil
}

// addresses is the record with the keys that OpenBao's has now, as text: a line a tenant.
func (w *work) addresses() string {
	all := addresses{}
	for tenant, keys := range w.recorded {
		all[tenant] = maps.Clone(keys)
	}
	for _, n := range w.known {
		for entry, address := range n.Metadata {
			if key, is := strings.CutPrefix(entry, metaKey); is && address != keyPending && n.ours(w.config.Cluster) {
				all.add(n.tenant(), key, address)
			}
		}
	}
	text := all.text()
	if len(text) > addressesRoom {
		w.Log.Warn("the addresses of keys do not fit in the report; those of new ones are left out", "bytes", len(text))
		return w.recorded.text()
	}
	return text
}

func (a addresses) text() string {
	var lines []string
	for _, tenant := range slices.Sorted(maps.Keys(a)) {
		name, _ := json.Marshal(tenant) // of strings: neither can fail
		keys, _ := json.Marshal(a[tenant])
		lines = append(lines, fmt.Sprintf("  %s: %s", name, keys))
	}
	if len(lines) == 0 {
		return "{}\n"
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}\n"
}
