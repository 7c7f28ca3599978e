package tenants

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// told is how many tenants a message names.
const told = 10

// report tells how tenants are: in the log, in a ConfigMap, and by the exit
// code. It fails where a tenant did.
func (w *work) report(ctx context.Context, shards [][]jobs.Tenant, outcomes map[string]*outcome) error {
	states := map[state][]string{}
	failed := map[string]string{}
	changed := 0
	for _, name := range slices.Sorted(maps.Keys(outcomes)) {
		o := outcomes[name]
		if o.Changed {
			changed++
		}
		if o.Err != nil {
			failed[name] = o.Err.Error()
			continue
		}
		states[o.State] = append(states[o.State], name)
	}
	w.Log.Info("tenants", "active", len(states[active]), "suspended", len(states[suspended]), "locked", len(states[locked]), "failed", len(failed), "changed", changed)
	if names := states[locked]; len(names) > 0 {
		w.Log.Warn("tenants that are not in the spec any more are locked, and not deleted", "tenants", names)
	}
	if err := w.writeReport(ctx, shards, outcomes, states, failed); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if len(failed) == 0 {
		return nil
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		if len(all) == told {
			all = append(all, fmt.Sprintf("and %d more", len(failed)-told))
			break
		}
		all = append(all, name+": "+failed[name])
	}
	return fmt.Errorf("%d of %d tenants failed: %s", len(failed), len(outcomes), strings.Join(all, "; "))
}

// reportFile is the ConfigMap's key beside addressesKey.
const reportFile = "report.json"

// writeReport writes the ConfigMap where it says something else. It is also where the next
// run finds what this one has delivered.
func (w *work) writeReport(ctx context.Context, shards [][]jobs.Tenant, outcomes map[string]*outcome, states map[state][]string, failed map[string]string) error {
	reports := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace)
	old, err := reports.Get(ctx, jobs.TenantsReport, metav1.GetOptions{})
	none := apierrors.IsNotFound(err)
	if err != nil && !none {
		return err
	}
	var before struct{ Delivered []string }
	if !none {
		_ = json.Unmarshal([]byte(old.Data[reportFile]), &before) // what a person has written is none
	}
	said := map[string]any{
		"active": len(states[active]), "suspended": names(states[suspended]), "locked": names(states[locked]), "failed": failed,
	}
	if now := w.left(ctx, before.Delivered, shards, outcomes); len(now) > 0 {
		said["delivered"] = now
	}
	text, err := json.MarshalIndent(said, "", "  ")
	if err != nil {
		return err
	}
	data := map[string]string{reportFile: string(text) + "\n", addressesKey: w.addresses()}
	switch {
	case none:
		_, err = reports.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: jobs.TenantsReport, Labels: w.labels(""), Annotations: v1.NeverPruned()}, Data: data,
		}, metav1.CreateOptions{})
	case !maps.Equal(old.Data, data):
		old.Data = data
		_, err = reports.Update(ctx, old, metav1.UpdateOptions{})
	}
	return err
}

func names(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
