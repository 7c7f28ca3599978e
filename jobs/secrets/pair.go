package secrets

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Keys of a Secret of type kubernetes.io/tls, and the one that cert-manager
// made usual beside them.
const (
	certKey = "tls.crt"
	keyKey  = "tls.key"
	caKey   = "ca.crt"
)

// pair is a certificate and its private key.
type pair struct {
	*x509.Certificate
	chain []*x509.Certificate // what signed it, if it is given
	key   crypto.Signer
}

// backdated is how far the clocks of two machines may be apart.
const backdated = 5 * time.Minute

// sign makes a certificate of a new key: signed by a pair, or by itself.
func sign(template *x509.Certificate, by *pair, now time.Time, life time.Duration) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.NotBefore, template.NotAfter = now.Add(-backdated), now.Add(life)
	parent, signer := template, crypto.Signer(key)
	if by != nil {
		parent, signer = by.Certificate, by.key
		if template.NotAfter.After(by.NotAfter) {
			template.NotAfter = by.NotAfter
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &pair{Certificate: certificate, key: key}, err
}

// write puts a pair into a Secret's data.
func (p *pair) write(data map[string][]byte, cert, key string) error {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return err
	}
	data[cert] = encode(p.Certificate)
	data[key] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return nil
}

// ending tells whether less than a third of a certificate's life is left.
func (p *pair) ending(now time.Time) bool {
	return p.NotAfter.Sub(now) < p.NotAfter.Sub(p.NotBefore)/3
}

// signed tells whether a pair's key signed a certificate.
func (p *pair) signed(c *pair) bool { return c.CheckSignatureFrom(p.Certificate) == nil }

// readPair reads a pair from a Secret's data; nil where it has neither half.
// Its errors name keys and never hold what is in them.
func readPair(data map[string][]byte, cert, key string) (*pair, error) {
	if len(data[cert]) == 0 && len(data[key]) == 0 {
		return nil, nil
	}
	chain, err := certificates(data[cert])
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", cert, err)
	}
	signer, err := privateKey(data[key])
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", key, err)
	}
	public, ok := chain[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(signer.Public()) {
		return nil, fmt.Errorf("%s does not belong to %s", key, cert)
	}
	return &pair{Certificate: chain[0], chain: chain[1:], key: signer}, nil
}

// certificates reads PEM that holds certificates and nothing else.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	blocks := bytes.Count(text, []byte("-----BEGIN "))
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("it holds something else than certificates")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("it holds a certificate that cannot be read")
		}
		list = append(list, certificate)
	}
	if len(list) == 0 || len(list) != blocks {
		return nil, errors.New("it is no certificate in PEM")
	}
	return list, nil
}

// privateKey reads a private key in any of the usual forms of PEM.
func privateKey(text []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errors.New("it is no private key in PEM")
		}
		if block.Type == "EC PARAMETERS" { // OpenSSL writes them before the key
			continue
		}
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if signer, ok := key.(crypto.Signer); ok {
				return signer, nil
			}
		}
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key, nil
		}
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
		return nil, errors.New("it is no private key that can be read")
	}
}

// encode writes certificates as PEM.
func encode(list ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range list {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes all
	}
	return out.Bytes()
}
