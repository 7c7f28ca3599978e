package secrets

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

const day = 24 * time.Hour

const (
	authorityLife = 3652 * day // ten years
	leafLife      = 365 * day

	// A new authority signs nothing before all clients know it. Those that read
	// the trust bundle only when they start have as long to be started anew, and
	// those that read it again have at least the time that a kubelet needs.
	knownLong  = 30 * day
	knownShort = time.Hour

	// An authority that nothing is signed by any more stays trusted for as long
	// as servers may take to show their new certificates.
	retiredFor = day
)

// Keys of the authority's Secret, beside the pair that signs: the one that will,
// and the certificate of the one that did.
const (
	nextCert     = "next.crt"
	nextKey      = "next.key"
	previousCert = "previous.crt"
)

// authority reads the authority, makes it where there was none yet, and takes
// one step of its renewal where that is due:
//
//	new pair in next.* → trusted by all → signs, the old one in previous.crt → forgotten
func (w *work) authority(ctx context.Context) error {
	leaves, err := w.leaves(ctx)
	if err != nil {
		return err
	}
	return w.put(ctx, jobs.SecretCA, func(ctx context.Context, secret *corev1.Secret) (string, error) {
		if len(secret.Data[keyKey]) == 0 && len(leaves) > 0 {
			return "", lost(leaves)
		}
		signer, err := readPair(secret.Data, certKey, keyKey)
		switch {
		case err != nil:
			return "", err
		case signer == nil:
			adopt(secret)
			if w.signer, err = w.newAuthority(); err != nil {
				return "", err
			}
			if secret.ResourceVersion == "" {
				secret.Type = corev1.SecretTypeTLS
			}
			return "made an authority that ends " + date(w.signer), w.signer.write(secret.Data, certKey, keyKey)
		case !signer.IsCA:
			return "", fmt.Errorf("key %s: it is not the certificate of an authority", certKey)
		}
		w.signer = signer
		if !ours(secret) {
			return "", w.given(ctx, signer)
		}
		return w.renewAuthority(ctx, secret, leaves)
	})
}

// leaf is a certificate that this Job made, and its Secret.
type leaf struct {
	secret string
	*pair
}

// leaves are the certificates in use that this Job made.
func (w *work) leaves(ctx context.Context) ([]leaf, error) {
	var list []leaf
	for _, c := range w.config.Certificates {
		secret, err := w.get(ctx, c.Secret)
		if err != nil {
			return nil, err
		}
		if secret == nil || !ours(secret) {
			continue
		}
		p, err := readPair(secret.Data, certKey, keyKey)
		if err != nil {
			return nil, fmt.Errorf("Secret %s: %w: hint: delete the Secret to have another one made", c.Secret, err)
		}
		if p != nil {
			list = append(list, leaf{c.Secret, p})
		}
	}
	return list, nil
}

// lost is the error where certificates outlived the authority's key.
func lost(leaves []leaf) error {
	var names []string
	end := leaves[0].NotAfter
	for _, l := range leaves {
		names = append(names, l.secret)
		if l.NotAfter.Before(end) {
			end = l.NotAfter
		}
	}
	all := strings.Join(names, " ")
	return run.ByHand(fmt.Errorf("the authority's key is gone; what it signed stays valid until %s: hint: restore Secret %s from a backup; or give the authority up: delete Secrets %s %s, run this Job again and restart all pods of the stack",
		end.Format(time.DateOnly), jobs.SecretCA, jobs.SecretCA, all))
}

func (w *work) newAuthority() (*pair, error) {
	// Two authorities of one name would be told apart by their key only.
	name := "banhbaoring internal authority " + string(randomText(8))
	return sign(&x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"banhbaoring"}, CommonName: name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, w.now, authorityLife)
}

// given looks at an authority that a human provides, and renews.
func (w *work) given(ctx context.Context, signer *pair) error {
	if w.now.After(signer.NotAfter) {
		return fmt.Errorf("the authority in it ended %s, and was not made by this Job: hint: renew it, with the old certificate in the trust bundle until nothing is signed by it", date(signer))
	}
	if signer.ending(w.now) {
		w.warn(ctx, fmt.Sprintf("the authority in Secret %s ends %s, and was not made by this Job: renew it in time", jobs.SecretCA, date(signer)))
	}
	return nil
}

// renewAuthority takes one step of a renewal.
func (w *work) renewAuthority(ctx context.Context, secret *corev1.Secret, leaves []leaf) (string, error) {
	next, err := readPair(secret.Data, nextCert, nextKey)
	if err != nil {
		return "", err
	}
	switch {
	case next == nil && (asked(secret) || w.signer.ending(w.now)):
		if next, err = w.newAuthority(); err != nil {
			return "", err
		}
		delete(secret.Annotations, renewNow)
		return "made the next authority, which ends " + date(next), next.write(secret.Data, nextCert, nextKey)
	case next != nil:
		known, err := w.known(ctx, next)
		if err != nil {
			return "", err
		}
		wait := knownLong
		if asked(secret) || w.signer.NotAfter.Sub(w.now) < 2*knownLong {
			wait = knownShort
		}
		if known < wait {
			w.Log.Info("the next authority waits until clients know it", "known", known.Round(time.Second).String(), "wait", wait.String())
			return "", nil
		}
		return "the next authority signs from now on", w.promote(secret, next)
	case len(secret.Data[previousCert]) > 0 && w.retired(leaves):
		delete(secret.Data, previousCert)
		return "the previous authority is trusted no more", nil
	}
	return "", nil
}

// promote lets the next authority sign. The previous ones stay trusted.
func (w *work) promote(secret *corev1.Secret, next *pair) error {
	previous := append(encode(w.signer.Certificate), secret.Data[previousCert]...)
	if err := next.write(secret.Data, certKey, keyKey); err != nil {
		return err
	}
	secret.Data[previousCert] = previous
	delete(secret.Data, nextCert)
	delete(secret.Data, nextKey)
	delete(secret.Annotations, renewNow)
	w.signer = next
	return nil
}

// retired tells whether no certificate has been signed by a previous authority
// for long enough.
func (w *work) retired(leaves []leaf) bool {
	for _, l := range leaves {
		if !w.signer.signed(l.pair) || w.now.Sub(l.NotBefore) < retiredFor+backdated {
			return false
		}
	}
	return true
}

// known is how long the trust bundle has held an authority.
func (w *work) known(ctx context.Context, next *pair) (time.Duration, error) {
	secret, err := w.get(ctx, jobs.SecretTrust)
	if err != nil || secret == nil {
		return 0, err
	}
	bundle, err := certificates(secret.Data[caKey])
	if err != nil {
		return 0, fmt.Errorf("Secret %s: key %s: %w", jobs.SecretTrust, caKey, err)
	}
	if !contains(bundle, next.Certificate) {
		return 0, nil
	}
	if !ours(secret) { // the run failed until a human had added it
		return w.now.Sub(next.NotBefore), nil
	}
	since, err := time.Parse(time.RFC3339, secret.Annotations[bundledAt])
	if err != nil {
		return 0, nil
	}
	return w.now.Sub(since), nil
}

func date(p *pair) string { return p.NotAfter.UTC().Format(time.DateOnly) }
