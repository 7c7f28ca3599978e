package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// taken tells whether a receipt says that the backup was taken already. One that
// was asked for by name is not taken a second time for something else.
func (w *work) taken(ctx context.Context) (bool, error) {
	if w.config.Receipt == "" {
		return false, nil
	}
	receipt, err := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace).Get(ctx, w.config.Receipt, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if receipt.Data["request"] == w.config.Request {
		w.Log.Info("the backup was taken already", "receipt", receipt.Name, "at", receipt.Data["completedAt"])
		return true, nil
	}
	if w.config.Reason == jobs.BackupOnDemand {
		return false, w.changed()
	}
	return false, nil
}

// changed is that a document was changed after its backup was taken.
func (w *work) changed() error {
	return run.ByHand(fmt.Errorf("backup %s was taken already, for a document that said something else\nhint: give the document another name", w.config.Name))
}

// give writes the receipt.
func (w *work) give(ctx context.Context, result, location string) error {
	if w.config.Receipt == "" {
		return nil
	}
	return w.write(ctx, w.config.Receipt, map[string]string{
		"request": w.config.Request, "result": result, "location": location,
		"completedAt": time.Now().UTC().Format(time.RFC3339),
	})
}

// write writes a ConfigMap that nothing prunes.
func (w *work) write(ctx context.Context, name string, data map[string]string) error {
	configs := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace)
	written := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.Namespace, Annotations: v1.NeverPruned(), Labels: map[string]string{
			"app.kubernetes.io/name": "banhbaoring", "app.kubernetes.io/component": jobs.Backup, "app.kubernetes.io/instance": w.config.Cluster,
		}},
		Data: data,
	}
	_, err := configs.Create(ctx, written, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = configs.Update(ctx, written, metav1.UpdateOptions{})
	}
	return err
}

// data is a ConfigMap's; empty where there is none.
func data(ctx context.Context, client kubernetes.Interface, namespace, name string) (map[string]string, error) {
	found, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	if found.Data == nil {
		found.Data = map[string]string{}
	}
	return found.Data, nil
}

// Known is the newest backup that this cluster took to a place, by its receipt.
func Known(ctx context.Context, client kubernetes.Interface, namespace string, at store.Store) (archive.Link, error) {
	var link archive.Link
	chain, err := data(ctx, client, namespace, jobs.BackupChain)
	if text, ok := chain[place(at)]; err == nil && ok {
		err = json.Unmarshal([]byte(text), &link)
	}
	return link, err
}

// remember keeps the newest backup, so that an older state of the bucket is noticed,
// and the public keys of it, so that the exporter sees whether they were taken out.
func (w *work) remember(ctx context.Context, m *archive.Manifest) error {
	chain, err := data(ctx, w.Kubernetes, w.Namespace, jobs.BackupChain)
	if err != nil {
		return err
	}
	text, err := json.Marshal(m.Link())
	if err != nil {
		return err
	}
	chain[place(w.repository.Store)] = string(text)
	for _, name := range []string{jobs.RecoverySigner, jobs.RecoveryRecipient} {
		delete(chain, name)
	}
	maps.Copy(chain, w.publicKeys())
	return w.write(ctx, jobs.BackupChain, chain)
}
