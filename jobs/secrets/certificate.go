package secrets

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"net"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// certificate signs a certificate where there is none, and renews it where it
// made it.
func (w *work) certificate(ctx context.Context, c jobs.Certificate) error {
	return w.put(ctx, c.Secret, func(ctx context.Context, secret *corev1.Secret) (string, error) {
		current, err := readPair(secret.Data, certKey, keyKey)
		if err != nil {
			return "", fmt.Errorf("%w: hint: delete the Secret to have another one made", err)
		}
		if current != nil && !ours(secret) {
			if err := w.look(ctx, current, c); err != nil || len(secret.Data[caKey]) > 0 {
				return "", err
			}
			secret.Data[caKey] = w.bundle
			return "added " + caKey, nil
		}
		why := w.fault(current, c)
		if why == "" && asked(secret) {
			why = "as asked"
		}
		if why != "" {
			return w.renew(secret, c, why)
		}
		return w.follow(secret, c), nil
	})
}

// fault is why a certificate of the Job's own has to be signed anew, if it has.
func (w *work) fault(current *pair, c jobs.Certificate) string {
	switch {
	case current == nil:
		return "there was none"
	case current.ending(w.now):
		return "the old one ends " + date(current)
	case !w.signer.signed(current):
		return "another authority signs now"
	}
	if name := uncovered(current.Certificate, c); name != "" {
		return "the old one does not cover " + name
	}
	return ""
}

// uncovered is a name that a certificate is to have and has not.
func uncovered(current *x509.Certificate, c jobs.Certificate) string {
	for _, name := range c.DNSNames {
		if !slices.Contains(current.DNSNames, name) {
			return name
		}
	}
	for _, text := range c.IPAddresses {
		address := net.ParseIP(text)
		if !slices.ContainsFunc(current.IPAddresses, address.Equal) {
			return text
		}
	}
	return ""
}

// renew signs a certificate and puts it into its Secret.
func (w *work) renew(secret *corev1.Secret, c jobs.Certificate, why string) (string, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: c.CommonName},
		DNSNames:    c.DNSNames,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, text := range c.IPAddresses {
		address := net.ParseIP(text)
		if address == nil {
			return "", fmt.Errorf("%q in the configuration is no address", text)
		}
		template.IPAddresses = append(template.IPAddresses, address)
	}
	signed, err := sign(template, w.signer, w.now, leafLife)
	if err != nil {
		return "", err
	}
	if secret.ResourceVersion == "" {
		secret.Type = corev1.SecretTypeTLS
	}
	adopt(secret)
	delete(secret.Annotations, renewNow)
	w.follow(secret, c)
	return fmt.Sprintf("signed a certificate that ends %s: %s", date(signed), why), signed.write(secret.Data, certKey, keyKey)
}

// follow brings what stands beside a certificate up to date.
func (w *work) follow(secret *corev1.Secret, c jobs.Certificate) string {
	var did string
	if !bytes.Equal(secret.Data[caKey], w.bundle) {
		secret.Data[caKey] = w.bundle
		did = caKey + " follows the trust bundle"
	}
	if with := joined(secret.Labels, c.Labels); !maps.Equal(secret.Labels, with) {
		secret.Labels = with
		did = "labelled"
	}
	return did
}

// lookAtGiven looks at all certificates that humans provide in the place of the
// Job's own.
func (w *work) lookAtGiven(ctx context.Context) error {
	for _, c := range w.config.Certificates {
		secret, err := w.get(ctx, c.Secret)
		if err != nil {
			return err
		}
		if secret == nil || ours(secret) {
			continue
		}
		current, err := readPair(secret.Data, certKey, keyKey)
		if err == nil && current != nil {
			err = w.look(ctx, current, c)
		}
		if err != nil {
			return fmt.Errorf("Secret %s: %w", c.Secret, err)
		}
	}
	return nil
}

// look looks at a certificate that a human provides, and renews.
func (w *work) look(ctx context.Context, current *pair, c jobs.Certificate) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(w.bundle)
	for _, c := range current.chain {
		between.AddCert(c)
	}
	_, err := current.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: w.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	why, name := "", uncovered(current.Certificate, c)
	switch {
	case w.now.After(current.NotAfter):
		why = "ended " + date(current)
	case name != "":
		why = "does not cover " + name
	case err != nil:
		why = "is signed by nobody whom the stack trusts"
	}
	if why != "" {
		return fmt.Errorf("the certificate in it %s, and was not made by this Job: hint: replace it, or delete the Secret to have one made", why)
	}
	if current.ending(w.now) {
		w.warn(ctx, fmt.Sprintf("the certificate in Secret %s ends %s, and was not made by this Job: renew it in time", c.Secret, date(current)))
	}
	return nil
}
