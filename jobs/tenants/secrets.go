package tenants

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// What the Job's Secrets carry.
const (
	labelManagedBy = "app.kubernetes.io/managed-by"
	labelTenant    = "banhbaoring.io/tenant"

	annotationRotate     = "banhbaoring.io/rotate"     // the value of rotate that was minted for
	annotationAccessor   = "banhbaoring.io/accessor"   // of the secret ID in OpenBao
	annotationGeneration = "banhbaoring.io/generation" // that the key's tokens carry
	annotationMailed     = "banhbaoring.io/mailed"     // when the password was mailed
)

// secret is a Secret, nil where there is none.
func (w *work) secret(ctx context.Context, name string) (*corev1.Secret, error) {
	secret, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return secret, err
}

// own is a tenant's own Secret, nil where there is none. One of somebody else
// is an error: nothing of it is overwritten.
func (w *work) own(ctx context.Context, tenant, name string) (*corev1.Secret, error) {
	secret, err := w.secret(ctx, name)
	if err != nil || secret == nil {
		return nil, err
	}
	if secret.Labels[labelManagedBy] != manager+"-"+jobs.Tenants || secret.Labels[labelTenant] != tenant {
		return nil, fmt.Errorf("Secret %s is not this Job's, and is not overwritten: remove it, or give it another name", name)
	}
	return secret, nil
}

// keep creates a tenant's own Secret, or replaces the data of the one that was
// read, with these annotations beside those that it has.
func (w *work) keep(ctx context.Context, old *corev1.Secret, tenant, name string, data map[string]string, annotations map[string]string) (*corev1.Secret, error) {
	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	if old != nil {
		secret := old.DeepCopy()
		if secret.Annotations == nil {
			secret.Annotations = map[string]string{}
		}
		maps.Copy(secret.Annotations, annotations)
		if data != nil {
			secret.Data = bytesOf(data)
		}
		return secrets.Update(ctx, secret, metav1.UpdateOptions{})
	}
	all := v1.NeverPruned()
	maps.Copy(all, annotations)
	return secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: all, Labels: w.labels(tenant)},
		Data:       bytesOf(data),
	}, metav1.CreateOptions{})
}

// labels of what the Job makes. The instance is left out, as Argo CD may take it
// for its own mark on what an application consists of.
func (w *work) labels(tenant string) map[string]string {
	labels := map[string]string{
		labelManagedBy:                manager + "-" + jobs.Tenants,
		"app.kubernetes.io/part-of":   manager,
		"app.kubernetes.io/component": jobs.Tenants,
	}
	if tenant != "" {
		labels[labelTenant] = tenant
	}
	return labels
}

func bytesOf(data map[string]string) map[string][]byte {
	all := map[string][]byte{}
	for key, value := range data {
		all[key] = []byte(value)
	}
	return all
}

// version names what a Secret holds, without a word of it.
func version(secret *corev1.Secret) string {
	return string(secret.UID) + "/" + secret.ResourceVersion
}
