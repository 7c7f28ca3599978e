package secrets

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// bundledAt annotates the trust bundle with when it last changed.
const bundledAt = "banhbaoring.io/bundled-at"

// trust joins the certificates that clients trust.
func (w *work) trust(ctx context.Context) error {
	var wanted []*x509.Certificate
	for _, source := range w.config.Trust {
		list, err := w.trusted(ctx, source)
		if err != nil {
			return err
		}
		for _, c := range list {
			if !contains(wanted, c) {
				wanted = append(wanted, c)
			}
		}
	}
	return w.put(ctx, jobs.SecretTrust, func(ctx context.Context, secret *corev1.Secret) (string, error) {
		current, exists := secret.Data[caKey]
		if exists && !ours(secret) {
			w.bundle = current
			if err := holds(current, wanted); err != nil {
				return "", err
			}
			return "", w.lookAtGiven(ctx)
		}
		w.bundle = encode(wanted...)
		if bytes.Equal(current, w.bundle) {
			return "", nil
		}
		// Before it is written: it must not drop whom a certificate in use needs.
		if err := w.lookAtGiven(ctx); err != nil {
			return "", err
		}
		adopt(secret)
		secret.Data[caKey] = w.bundle
		secret.Annotations[bundledAt] = w.now.UTC().Format(time.RFC3339)
		return fmt.Sprintf("%d trusted certificates in %s", len(wanted), caKey), nil
	})
}

// trusted are the certificates of one source; the authority's are also those
// that will sign and that did.
func (w *work) trusted(ctx context.Context, source jobs.SecretKey) ([]*x509.Certificate, error) {
	secret, err := w.get(ctx, source.Name)
	if err != nil {
		return nil, err
	}
	if secret == nil || len(secret.Data[source.Key]) == 0 {
		return nil, run.Later(fmt.Errorf("Secret %s has no key %s yet, which clients are to trust", source.Name, source.Key))
	}
	keys := []string{source.Key}
	if source.Name == jobs.SecretCA {
		keys = append(keys, nextCert, previousCert)
	}
	var all []*x509.Certificate
	for _, key := range keys {
		if len(secret.Data[key]) == 0 {
			continue
		}
		list, err := certificates(secret.Data[key])
		if err != nil {
			return nil, fmt.Errorf("Secret %s: key %s: %w", source.Name, key, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// holds looks at a trust bundle that a human provides.
func holds(bundle []byte, wanted []*x509.Certificate) error {
	list, err := certificates(bundle)
	if err != nil {
		return fmt.Errorf("key %s: %w", caKey, err)
	}
	for _, c := range wanted {
		if !contains(list, c) {
			return fmt.Errorf("key %s lacks the certificate of %q, and was not made by this Job: hint: add it, or delete the Secret to have it made", caKey, c.Subject.CommonName)
		}
	}
	return nil
}

func contains(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, other := range list {
		if other.Equal(c) {
			return true
		}
	}
	return false
}
