package initialize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// keyCanary is a data key that is written before there are keys.
const keyCanary = "canary"

func (w *work) secret(ctx context.Context) (*corev1.Secret, error) {
	secret, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Get(ctx, w.config.KeySecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, run.Later(fmt.Errorf("%w: hint: the secrets Job makes it", err))
	}
	return secret, err
}

// change reads the Secret, changes its data and writes it.
func (w *work) change(ctx context.Context, edit func(data map[string][]byte) error) error {
	secret, err := w.secret(ctx)
	if err != nil {
		return err
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	if err := edit(secret.Data); err != nil {
		return err
	}
	if _, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Update(ctx, secret, metav1.UpdateOptions{}); err != nil {
		// The answer's text may quote what was sent.
		if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
			err = &refused{reason, err}
		}
		return fmt.Errorf("write Secret %s: %w", w.name(), err)
	}
	return nil
}

// refused is the API server's answer without its text.
type refused struct {
	reason metav1.StatusReason
	error
}

func (r *refused) Error() string { return "the API server answers " + string(r.reason) }

func (r *refused) Unwrap() error { return r.error }

// canary proves that the Secret can be written, by doing so.
func (w *work) canary(ctx context.Context) error {
	return w.change(ctx, func(data map[string][]byte) error {
		data[keyCanary] = timestamp(time.Now())
		return nil
	})
}

// keep stores new keys, and goes on trying when the Job is told to end.
func (w *work) keep(ctx context.Context, keys map[string][]byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepFor)
	defer cancel()
	warned := false
	err := w.Step(ctx, "store the keys", func(ctx context.Context) error {
		err := w.change(ctx, func(data map[string][]byte) error {
			if len(data[w.keysKey()]) > 0 {
				return errors.New("it holds other keys by now")
			}
			delete(data, keyCanary)
			maps.Copy(data, keys)
			return nil
		})
		if err == nil {
			return nil
		}
		if !warned {
			warned = true
			w.Warn(ctx, "KeysNotStored", "the new keys are nowhere but in this process, which goes on trying: mend it at once: "+err.Error())
		}
		return run.Later(err)
	})
	if err != nil {
		return errors.Join(w.unstored(w.peers[0].Name), err)
	}
	w.Event(ctx, "Initialised", "OpenBao is initialised; its keys are in Secret "+w.config.KeySecret)
	return nil
}

// progress notes in the Secret that Kubernetes auth works.
func (w *work) progress(ctx context.Context) error {
	return w.change(ctx, func(data map[string][]byte) error {
		data[jobs.KeyConfigured] = timestamp(time.Now())
		return nil
	})
}

// forget removes the root token from the Secret, if it is still that one.
func (w *work) forget(ctx context.Context, root string) error {
	return w.change(ctx, func(data map[string][]byte) error {
		if tokenIn(data) == root {
			delete(data, jobs.KeyRootToken)
		}
		return nil
	})
}

// tokenIn is the root token, which a human may have put there with a line's end.
func tokenIn(data map[string][]byte) string {
	return strings.TrimSpace(string(data[jobs.KeyRootToken]))
}
