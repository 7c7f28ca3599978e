package archive

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
)

// ErrUntrusted is that nothing proves who made a backup.
var ErrUntrusted = errors.New("is not proven to be of this cluster")

// Trust reports why nothing proves that a backup is of this cluster. A signature
// does not prove that it is the newest one: see Chain.
func (r *Repository) Trust(m *Manifest) error {
	switch {
	case m.Signer == "":
		return fmt.Errorf("backup %s %w: it is not signed", m.Name, ErrUntrusted)
	case !slices.Contains(r.Trusted, m.Signer):
		return fmt.Errorf("backup %s %w: it is signed by %s, which is not trusted", m.Name, ErrUntrusted, m.Signer)
	}
	return nil
}

// Link is a backup's place in the chain of those of one cluster in one place.
type Link struct {
	Name     string `json:"name"`
	Sequence int64  `json:"sequence"`
	// Hash is the sha256 of the manifest.
	Hash      string    `json:"hash"`
	StartedAt time.Time `json:"startedAt,omitzero"`
}

// Link is the backup's own.
func (m *Manifest) Link() Link { return Link{m.Name, m.Sequence, m.Hash, m.StartedAt} }

// contentPurpose is what the key of clear content's hashes is derived for.
const contentPurpose = "banhbaoring backup content"

// wrap is the key of clear content's hashes as a manifest holds it: for those
// only who may read the content.
func wrap(key []byte, recipients []age.Recipient) (string, error) {
	if len(recipients) == 0 {
		return base64.StdEncoding.EncodeToString(key), nil
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipients...)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(key); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(out.Bytes()), nil
}

// contentKey undoes wrap. It is nil in format 1, which hashes without a key.
func (m *Manifest) contentKey(identities []age.Identity) ([]byte, error) {
	if m.Format < 2 {
		return nil, nil
	}
	text, err := base64.StdEncoding.DecodeString(m.ContentKey)
	if err != nil {
		return nil, fmt.Errorf("%s %w: its contentKey cannot be read", ManifestFile, errCorrupt)
	}
	if len(m.Recipients) == 0 {
		return text, nil
	}
	if len(identities) == 0 {
		return nil, errEncrypted
	}
	r, err := age.Decrypt(bytes.NewReader(text), identities...)
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	return io.ReadAll(r)
}

// sign signs a manifest's text, or leaves it unsigned without a signer.
func sign(by *signing.Signer, text []byte) (signing.Key, []byte) {
	if by == nil {
		return "", nil
	}
	return by.Public(), by.Sign(text)
}
