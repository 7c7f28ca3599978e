// Package secrets is the Job that mints the Secrets that nobody provides, and
// signs and renews the certificates inside the stack. It may run at any time,
// and again: what exists stays, except for what it made itself and has to renew.
package secrets

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// work is one run.
type work struct {
	*run.Session
	config jobs.SecretsConfig
	now    time.Time

	// What later steps need of earlier ones.
	signer *pair  // the authority
	bundle []byte // the trust bundle
}

// Run does the Job.
func Run(ctx context.Context, s *run.Session, config jobs.SecretsConfig) error {
	return (&work{Session: s, config: config, now: time.Now()}).run(ctx)
}

// run mints first, as this needs nothing. The trust bundle comes before the
// certificates: nobody shows one that clients do not know yet.
func (w *work) run(ctx context.Context) error {
	for _, m := range w.config.Mint {
		if err := w.Step(ctx, "mint "+m.Name, func(ctx context.Context) error { return w.mint(ctx, m) }); err != nil {
			return err
		}
	}
	for _, name := range w.config.Reserve {
		reserve := func(context.Context, *corev1.Secret) (string, error) { return "", nil }
		if err := w.Step(ctx, "reserve "+name, func(ctx context.Context) error { return w.put(ctx, name, reserve) }); err != nil {
			return err
		}
	}
	if len(w.config.Certificates) > 0 {
		if err := w.Step(ctx, "authority", w.authority); err != nil {
			return err
		}
	}
	if err := w.Step(ctx, "trust", w.trust); err != nil {
		return err
	}
	for _, c := range w.config.Certificates {
		if err := w.Step(ctx, "certificate "+c.Secret, func(ctx context.Context) error { return w.certificate(ctx, c) }); err != nil {
			return err
		}
	}
	return nil
}
