package initialize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// restorePolicy is that of the role restore in a new OpenBao, which a backup is to
// replace. The configure Job writes it anew.
const restorePolicy = `# The restore Job replaces this OpenBao, which is empty, with a backup.
path "sys/storage/raft/snapshot" {
  capabilities = ["update"]
}
path "sys/storage/raft/snapshot-force" {
  capabilities = ["update"]
}
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
`

// lost tells whether there are keys and no data.
func lost(statuses []status, keys []byte) bool {
	return len(keys) > 0 && !slices.ContainsFunc(statuses, func(s status) bool { return s.Initialized })
}

// putAside keeps the keys of the OpenBao whose data is lost under another name,
// and empties the Secret for those of the new one.
func (w *work) putAside(ctx context.Context, kept *corev1.Secret) error {
	name := w.config.KeySecret + "-lost-" + jobs.StampOf(string(kept.Data[jobs.KeyInitialized]))
	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	_, err := secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: kept.Labels, Annotations: v1.NeverPruned()}, Data: kept.Data,
	}, metav1.CreateOptions{})
	switch {
	case apierrors.IsAlreadyExists(err): // by a run that was cut off
	case err != nil:
		return fmt.Errorf("write Secret %s/%s: %w", w.Namespace, name, &refused{apierrors.ReasonForError(err), err})
	}
	w.Log.Warn("the data of the OpenBao that these keys unseal is lost; a restore is in the spec, and they are kept", "secret", name)
	w.Warn(ctx, "KeysKept", "the data is lost and a restore is in the spec: its keys are kept in Secret "+name)
	return w.change(ctx, func(data map[string][]byte) error {
		if !maps.EqualFunc(data, kept.Data, slices.Equal) {
			return run.Later(errors.New("it was changed meanwhile"))
		}
		clear(data)
		return nil
	})
}
