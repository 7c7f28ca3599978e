package secrets

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// madeBy labels the Secrets that this Job made: it renews no other.
const madeBy = "banhbaoring.io/made-by"

// renewNow annotates a Secret of which a human wants the certificate renewed.
const renewNow = "banhbaoring.io/renew"

// labels of what the Job makes. The instance is left out, as Argo CD may take it
// for its own mark on what an application consists of.
var labels = map[string]string{
	"app.kubernetes.io/name":       "banhbaoring",
	"app.kubernetes.io/component":  "secrets",
	"app.kubernetes.io/part-of":    "banhbaoring",
	"app.kubernetes.io/managed-by": "banhbaoring",
	madeBy:                         "secrets",
}

// ours tells whether the Job made a Secret, or the certificate in it.
func ours(s *corev1.Secret) bool { return s.Labels[madeBy] == labels[madeBy] }

// adopt marks a Secret as the Job's own.
func adopt(s *corev1.Secret) {
	s.Labels, s.Annotations = joined(s.Labels, labels), joined(s.Annotations, v1.NeverPruned())
}

// joined is a and b, which wins.
func joined(a, b map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// asked tells whether a human wants a Secret's certificate renewed.
func asked(s *corev1.Secret) bool {
	_, set := s.Annotations[renewNow]
	return set
}

// get is a Secret; nil where there is none.
func (w *work) get(ctx context.Context, name string) (*corev1.Secret, error) {
	secret, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return secret, nil
}

// edit changes a Secret, an empty one of the Job's own where there is none, and
// says what it did; nothing where there was nothing to do.
type edit func(context.Context, *corev1.Secret) (did string, err error)

// put makes a Secret or changes it. Whoever writes between its reading and its
// writing wins, and the step begins again.
func (w *work) put(ctx context.Context, name string, change edit) error {
	secret, err := w.get(ctx, name)
	if err != nil {
		return err
	}
	missing := secret == nil
	if missing {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}}
		adopt(secret)
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	did, err := change(ctx, secret)
	if err != nil {
		return fmt.Errorf("Secret %s: %w", name, err)
	}
	if did == "" && !missing {
		return nil
	}

	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	if missing {
		if _, err := secrets.Create(ctx, secret, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			return run.Later(err)
		} else if err != nil {
			return fmt.Errorf("make Secret %s: %w", name, err)
		}
	} else if _, err := secrets.Update(ctx, secret, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("change Secret %s: %w", name, err)
	}
	w.tell(ctx, name, did, missing)
	return nil
}

func (w *work) tell(ctx context.Context, name, did string, made bool) {
	reason, note := "SecretChanged", fmt.Sprintf("Secret %s: %s", name, did)
	if made {
		reason = "SecretMade"
	}
	if did == "" {
		note = "Secret " + name + " made empty"
	}
	w.Log.Info(note)
	w.Event(ctx, reason, note)
}

// warn tells of a certificate that a human has to renew.
func (w *work) warn(ctx context.Context, note string) {
	w.Log.Warn(note)
	w.Warn(ctx, "CertificateEnding", note)
}
