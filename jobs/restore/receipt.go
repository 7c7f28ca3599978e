package restore

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

// receipt is the data of the ConfigMap that says how far the restore came.
type receipt map[string]string

func (r receipt) begun() bool    { return r[jobs.ReceiptStarted] != "" }
func (r receipt) complete() bool { return r[jobs.ReceiptCompleted] != "" }

// readReceipt reads how far an earlier run came. What was begun under this name
// for another document is not mixed with this one.
func (w *work) readReceipt(ctx context.Context) error {
	found, err := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace).Get(ctx, w.config.Receipt, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	w.receipt = found.Data
	if w.receipt[jobs.ReceiptRequest] != w.config.Request {
		return run.ByHand(fmt.Errorf("restore %s was begun already, for a document that said something else: hint: give the document another name", w.config.Name))
	}
	return nil
}

// begin writes the receipt: from here on, things are touched.
func (w *work) begin(ctx context.Context) error {
	if w.receipt.begun() {
		return nil
	}
	written := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: w.config.Receipt, Labels: w.labels(), Annotations: v1.NeverPruned()},
		Data: receipt{
			jobs.ReceiptRequest: w.config.Request, jobs.ReceiptBackup: w.location(), jobs.ReceiptStarted: now(),
		},
	}
	// Where the answer is lost, the next attempt finds it there already.
	_, err := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace).Create(ctx, written, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return w.readReceipt(ctx)
}

// note writes into the receipt that something is done.
func (w *work) note(ctx context.Context, what string) error {
	return w.record(ctx, what, now())
}

// record writes one key of the receipt.
func (w *work) record(ctx context.Context, key, value string) error {
	return w.Step(ctx, "note "+key, func(ctx context.Context) error {
		maps := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace)
		found, err := maps.Get(ctx, w.config.Receipt, metav1.GetOptions{})
		if err != nil {
			return err
		}
		found.Data[key] = value
		if found, err = maps.Update(ctx, found, metav1.UpdateOptions{}); err == nil {
			w.receipt = found.Data
		}
		return err
	})
}

// stamp is when the restore began, as a part of the names of what it replaced. It
// is the same in each of its runs.
func (w *work) stamp() string { return jobs.StampOf(w.receipt[jobs.ReceiptStarted]) }

func (w *work) labels() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name": "banhbaoring", "app.kubernetes.io/component": jobs.Restore,
	}
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }
