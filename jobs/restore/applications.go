package restore

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// stop scales the applications to none and waits until their pods are gone.
func (w *work) stop(ctx context.Context) error {
	for _, name := range sorted(w.config.Applications) {
		err := w.Step(ctx, "stop "+name, func(ctx context.Context) error {
			left, err := w.scale(ctx, name, 0)
			if err == nil && left > 0 {
				err = run.Later(fmt.Errorf("%d pods run still", left))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// start brings back the numbers of pods that the spec wants. Where all was lost,
// the applications are not there yet.
func (w *work) start(ctx context.Context) error {
	for _, name := range sorted(w.config.Applications) {
		err := w.Step(ctx, "start "+name, func(ctx context.Context) error {
			_, err := w.scale(ctx, name, w.config.Applications[name])
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scale sets how many pods a Deployment is to have and returns how many there
// are. One that is not there has none.
func (w *work) scale(ctx context.Context, name string, want int32) (int32, error) {
	deployments := w.Kubernetes.AppsV1().Deployments(w.Namespace)
	scale, err := deployments.GetScale(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if scale.Spec.Replicas != want {
		scale.Spec.Replicas = want
		if scale, err = deployments.UpdateScale(ctx, name, scale, metav1.UpdateOptions{}); err != nil {
			return 0, err
		}
	}
	return scale.Status.Replicas, nil
}
