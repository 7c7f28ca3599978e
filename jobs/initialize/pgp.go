package initialize

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// fingerprints are those of PGP keys, which it tries out: OpenBao would find a
// key of no use only after it has begun to initialise itself.
func fingerprints(keys []string) ([]string, error) {
	var all []string
	for i, key := range keys {
		fingerprint, err := fingerprint(key)
		if err != nil {
			return nil, fmt.Errorf("spec.openbao.init.pgpKeys[%d] cannot encrypt: %w: hint: gpg --export NAME | base64 -w0", i, err)
		}
		all = append(all, fingerprint)
	}
	return all, nil
}

func fingerprint(key string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "", err
	}
	entity, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return "", err
	}
	out, err := openpgp.Encrypt(io.Discard, openpgp.EntityList{entity}, nil, nil, nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", entity.PrimaryKey.Fingerprint), out.Close()
}
