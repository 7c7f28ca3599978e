package tenants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// deliver brings what clients' Secrets hold to the namespaces that the clients run in, with
// settings for their programs. It comes when the tenant is as the spec wants it, so that the
// engine knows what it brings. A client that nothing can be brought to holds up no other.
func (w *work) deliver(ctx context.Context, t jobs.Tenant, o *outcome) error {
	var faults []error
	for _, client := range t.Clients() {
		if client.DeliverTo == "" {
			continue
		}
		changed, err := w.deliverOne(ctx, t, client)
		if changed {
			o.Changed = true
			w.Log.Info("delivered", "tenant", t.Name, "client", client.Name, "namespace", client.DeliverTo)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("client %s: %w", client.Name, err))
			continue
		}
		o.Delivered = append(o.Delivered, delivered(client.DeliverTo, jobs.TenantClientSecret(t.Name, client.Name)))
	}
	return errors.Join(faults...)
}

// delivered is how the report names a Secret and a ConfigMap that were brought somewhere.
func delivered(namespace, name string) string { return namespace + "/" + name }

func (w *work) deliverOne(ctx context.Context, t jobs.Tenant, client jobs.KeyClient) (changed bool, err error) {
	name := jobs.TenantClientSecret(t.Name, client.Name)
	original, err := w.own(ctx, t.Name, name)
	if err != nil {
		return false, err
	}
	if original == nil {
		return false, fmt.Errorf("Secret %s is gone", name) // since it was looked at; another run mints it
	}
	var addresses map[string]string
	if err := json.Unmarshal(original.Data[clientAddresses], &addresses); err != nil {
		return false, fmt.Errorf("Secret %s: %s: %w", name, clientAddresses, err)
	}
	settings := settingsFor(t, client, string(original.Data[clientURL]), addresses)
	settings[clientURL], settings[clientAddresses] = string(original.Data[clientURL]), string(original.Data[clientAddresses])

	meta := metav1.ObjectMeta{Name: name, Labels: w.labels(t.Name), Annotations: v1.NeverPruned()}
	meta.Labels[jobs.LabelStack] = w.Namespace
	core := w.Kubernetes.CoreV1()
	// The credential is last: whoever sees it finds the settings.
	told, err := put(ctx, "ConfigMap", core.ConfigMaps(client.DeliverTo), &corev1.ConfigMap{ObjectMeta: meta, Data: settings}, func(have, want *corev1.ConfigMap) bool {
		same := reflect.DeepEqual(have.Data, want.Data)
		have.Data = want.Data
		return same
	})
	if err != nil {
		return told, w.whyNotThere(err, client.DeliverTo)
	}
	brought, err := put(ctx, "Secret", core.Secrets(client.DeliverTo), &corev1.Secret{ObjectMeta: *meta.DeepCopy(), Data: original.Data}, func(have, want *corev1.Secret) bool {
		same := reflect.DeepEqual(have.Data, want.Data)
		have.Data = want.Data
		return same
	})
	return told || brought, w.whyNotThere(err, client.DeliverTo)
}

// kind is what the API server does with objects of one kind in one namespace.
type kind[T metav1.Object] interface {
	Get(context.Context, string, metav1.GetOptions) (T, error)
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Update(context.Context, T, metav1.UpdateOptions) (T, error)
}

// put creates an object, or has take replace what the one that is there holds, and reports
// whether it wrote. Take says whether both were the same. One of somebody else, or of another
// stack, is not overwritten.
func put[T metav1.Object](ctx context.Context, name string, objects kind[T], want T, take func(have, want T) (same bool)) (changed bool, err error) {
	have, err := objects.Get(ctx, want.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = objects.Create(ctx, want, metav1.CreateOptions{})
		return err == nil, err
	}
	if err != nil {
		return false, err
	}
	for _, label := range []string{labelManagedBy, labelTenant, jobs.LabelStack} {
		if have.GetLabels()[label] != want.GetLabels()[label] {
			return false, fmt.Errorf("%s %s in namespace %s is not this Job's, and is not overwritten: remove it, or give the client another name or namespace", name, want.GetName(), have.GetNamespace())
		}
	}
	if take(have, want) {
		return false, nil
	}
	_, err = objects.Update(ctx, have, metav1.UpdateOptions{})
	return err == nil, err
}

// whyNotThere says what to do where the API server lets nothing into a namespace. One that is
// not there has no rights of the Job either, and so is seldom told from one without.
func (w *work) whyNotThere(err error, namespace string) error {
	if !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) {
		return err
	}
	return fmt.Errorf("nothing can be brought to namespace %s: %w: hint: make it where it is not there (kubectl create namespace %s), and apply the stack again: its stage clients has Role and RoleBinding %s for it",
		namespace, err, namespace, jobs.TenantsDelivery(w.Namespace))
}

// left tells of what was delivered by an earlier run and is not any more: the Job may not
// delete it. It returns what is there as far as is known, for the next run.
func (w *work) left(ctx context.Context, before []string, shards [][]jobs.Tenant, outcomes map[string]*outcome) []string {
	wanted, clients := map[string]bool{}, map[string]bool{}
	var now []string
	for _, t := range slices.Concat(shards...) {
		for _, c := range t.Clients() {
			name := jobs.TenantClientSecret(t.Name, c.Name)
			wanted[delivered(c.DeliverTo, name)], clients[name] = true, true
		}
		now = append(now, outcomes[t.Name].Delivered...)
	}
	var gone []string
	for _, entry := range before {
		if wanted[entry] {
			now = append(now, entry)
		} else {
			gone = append(gone, entry)
		}
	}
	for _, entry := range gone {
		namespace, name, _ := strings.Cut(entry, "/")
		w.Log.Warn("what was delivered is not kept up any more, and was not deleted", "namespace", namespace, "secret", name, "configmap", name,
			"counts", clients[name], "remove", fmt.Sprintf("kubectl delete secret,configmap -n %s %s", namespace, name))
	}
	if len(gone) > 0 {
		w.Warn(ctx, "DeliveredLeft", fmt.Sprintf("%d Secrets and ConfigMaps of clients in other namespaces are not kept up any more, and were not deleted: the log names them", len(gone)))
	}
	slices.Sort(now)
	return slices.Compact(now)
}
