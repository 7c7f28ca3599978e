package restore

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// secrets writes back the Secrets that the spec names and those of tenants. Those
// that the stack made for itself stay as they are: what runs has begun with them.
func (w *work) secrets(ctx context.Context) error {
	for _, name := range w.config.Secrets {
		kept, ok := w.kept[name]
		if !ok {
			continue
		}
		err := w.Step(ctx, "restore Secret "+name, func(ctx context.Context) error { return w.secret(ctx, kept) })
		if err != nil {
			return err
		}
	}
	return nil
}

// secret writes one Secret back, and keeps what is there under another name.
func (w *work) secret(ctx context.Context, kept corev1.Secret) error {
	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	there, err := secrets.Get(ctx, kept.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		annotations := v1.NeverPruned()
		for key, value := range kept.Annotations {
			annotations[key] = value
		}
		_, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: kept.Name, Labels: kept.Labels, Annotations: annotations},
			Type:       kept.Type, Data: kept.Data,
		}, metav1.CreateOptions{})
		return told(err)
	}
	if err != nil || sameData(there.Data, kept.Data) {
		return err
	}
	if err := w.keep(ctx, kept.Name, kept.Name+"-before-"+w.stamp()); err != nil {
		return err
	}
	return w.replace(ctx, kept.Name, kept.Data, kept.Annotations)
}
