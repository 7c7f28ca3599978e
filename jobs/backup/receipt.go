package backup

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
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
	configs := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace)
	receipt := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: w.config.Receipt, Namespace: w.Namespace, Annotations: v1.NeverPruned(), Labels: map[string]string{
			"app.kubernetes.io/name": "banhbaoring", "app.kubernetes.io/component": jobs.Backup, "app.kubernetes.io/instance": w.config.Cluster,
		}},
		Data: map[string]string{
			"request": w.config.Request, "result": result, "location": location,
			"completedAt": time.Now().UTC().Format(time.RFC3339),
		},
	}
	_, err := configs.Create(ctx, receipt, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = configs.Update(ctx, receipt, metav1.UpdateOptions{})
	}
	return err
}
