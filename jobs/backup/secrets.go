package backup

import (
	"context"
	"fmt"
	"io"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// secrets writes the Secrets that are there, in a form that kubectl can apply.
func secrets(s *run.Session, names []string) archive.Source {
	return func(ctx context.Context, w io.Writer) (archive.About, error) {
		names = slices.Sorted(slices.Values(names))
		for _, name := range names {
			secret, err := s.Kubernetes.CoreV1().Secrets(s.Namespace).Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				s.Log.Warn("a Secret is not there, and not in the backup", "secret", name)
				continue
			}
			if err != nil {
				return archive.About{}, err
			}
			text, err := yaml.Marshal(corev1.Secret{
				TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
				ObjectMeta: metav1.ObjectMeta{Name: name, Labels: secret.Labels, Annotations: secret.Annotations},
				Type:       secret.Type, Immutable: secret.Immutable, Data: secret.Data,
			})
			if err != nil {
				return archive.About{}, fmt.Errorf("Secret %s cannot be written", name) // the error may hold it
			}
			if _, err := fmt.Fprintf(w, "---\n%s", text); err != nil {
				return archive.About{}, err
			}
		}
		return archive.About{}, nil
	}
}
