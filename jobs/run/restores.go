package run

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// PendingRestore is the first of these receipts that does not say that its restore
// is complete; empty where all do.
func (s *Session) PendingRestore(ctx context.Context, receipts []string) (string, error) {
	for _, name := range receipts {
		receipt, err := s.Kubernetes.CoreV1().ConfigMaps(s.Namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		if receipt.Data[jobs.ReceiptCompleted] == "" {
			return name, nil
		}
	}
	return "", nil
}

// AwaitRestores is a step that waits until all restores are complete: what is set
// up in OpenBao before would be gone with the one that they replace.
func (s *Session) AwaitRestores(ctx context.Context, receipts []string) error {
	return s.Step(ctx, "wait for restores", func(ctx context.Context) error {
		name, err := s.PendingRestore(ctx, receipts)
		if err == nil && name != "" {
			err = Later(fmt.Errorf("ConfigMap %s does not say that the restore is complete: hint: look at how the restore Job ended; without it, take the BanhBaoRingRestore out", name))
		}
		return err
	})
}
