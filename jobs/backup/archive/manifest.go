// Package archive writes backups to a bucket, reads them back, verifies and
// prunes them. It knows neither OpenBao nor PostgreSQL: a part is a stream.
//
// A backup is a folder of objects and a manifest.json, which is written last: a
// folder without one is no backup. What no manifest names is removed a day
// later.
package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
)

// ManifestFile is the name of a backup's manifest in its folder.
const ManifestFile = "manifest.json"

// chunkDir holds the pieces of incremental dumps.
const chunkDir = "chunks/"

// format is the version of the manifest and of what it describes. Format 1 was
// not signed, hashed clear content without a key, and held dumps as SQL scripts.
const format = 2

// Manifest describes a backup: what it holds, and what is needed to use it.
type Manifest struct {
	Format int               `json:"format"`
	Name   string            `json:"name"`
	Reason jobs.BackupReason `json:"reason"`
	Type   v1.BackupType     `json:"type"`
	// Cluster and Namespace are the stack's.
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// Request identifies the document that asked for the backup.
	Request     string    `json:"request,omitempty"`
	StartedAt   time.Time `json:"startedAt"`
	CompletedAt time.Time `json:"completedAt"`
	// Sequence counts the backups of one cluster in one place, and Previous is the
	// sha256 of the manifest before: a signature does not stop replay.
	Sequence          int64     `json:"sequence,omitempty"`
	Previous          string    `json:"previous,omitempty"`
	PreviousStartedAt time.Time `json:"previousStartedAt,omitzero"`
	// Retention, in days, is by what this run removed older backups; 0 is none.
	Retention int32 `json:"retention,omitempty"`
	// ContentKey is the key of clear content's hashes, encrypted to the recipients.
	ContentKey string `json:"contentKey,omitempty"`
	// Needs are what a restore needs beside the objects.
	Needs Needs `json:"needs"`
	// Recipients are the age public keys that the objects are encrypted to.
	Recipients []string `json:"recipients,omitempty"`
	// Degraded says that the backup's own cluster alone had the private key of its
	// recipient when it was taken.
	Degraded bool   `json:"degraded,omitempty"`
	Parts    []Part `json:"parts"`

	// Signer is whose signature over the manifest is valid; "" where nobody signed.
	// Whether it is trusted is for Repository.Trust to say.
	Signer signing.Key `json:"-"`
	// Hash is the manifest's sha256.
	Hash string `json:"-"`
}

// Needs are what a restore needs beside the objects.
type Needs struct {
	// ClusterID is OpenBao's own identity, which a restore brings back.
	ClusterID string `json:"clusterId,omitempty"`
	// Keys is how many signing keys it held; nil where that was not to be seen.
	Keys *int64 `json:"keys,omitempty"`
	jobs.BackupNeeds
}

// Part is one component's content: one object, or chunks.
type Part struct {
	Component v1.BackupComponent `json:"component"`
	// File is the part's name in the backup's folder.
	File        string      `json:"file"`
	Compression Compression `json:"compression"`
	Encrypted   bool        `json:"encrypted"`
	// Content is what was put in: before compression and encryption.
	Content Sum `json:"content"`
	// Same identifies the content where two streams of one content differ.
	Same string `json:"same,omitempty"`
	// Rows are the rows of each table.
	Rows map[string]int64 `json:"rows,omitempty"`
	// Objects are what is stored, in order.
	Objects []Object `json:"objects"`
}

// Sum is a stream's size in bytes and its hash in hexadecimal: the sha256 of what
// is stored, and a keyed one of clear content.
type Sum struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	HMAC   string `json:"hmac,omitempty"`
}

// text is the hash.
func (s Sum) text() string { return s.SHA256 + s.HMAC }

// Object is an object in the bucket.
type Object struct {
	// Key is its name below the prefix.
	Key string `json:"key"`
	Sum
	// Content is what a chunk holds. It is what chunks are found again by.
	Content *Sum `json:"content,omitempty"`
}

// Size is what the backup takes in the bucket, in bytes, with what it shares.
func (m *Manifest) Size() int64 {
	var size int64
	for _, p := range m.Parts {
		size += p.Stored()
	}
	return size
}

// Stored is what the part takes in the bucket, in bytes.
func (p *Part) Stored() int64 {
	var size int64
	for _, o := range p.Objects {
		size += o.Size
	}
	return size
}

// Part finds a component's part.
func (m *Manifest) Part(c v1.BackupComponent) (Part, bool) {
	i := slices.IndexFunc(m.Parts, func(p Part) bool { return p.Component == c })
	if i < 0 {
		return Part{}, false
	}
	return m.Parts[i], true
}

// envelope is a manifest as it is stored: with its own sha256, so that one wrong
// byte in it is noticed, and with a signature, so that its author is known.
type envelope struct {
	SHA256    string          `json:"sha256"`
	Signer    signing.Key     `json:"signer,omitempty"`
	Signature []byte          `json:"signature,omitempty"`
	Manifest  json.RawMessage `json:"manifest"`
}

// encode writes a manifest, its sha256 and its signature.
func encode(m *Manifest, by *signing.Signer) ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	signer, signature := sign(by, text)
	if signer == "" {
		return fmt.Appendf(nil, "{\"sha256\": %q,\n\"manifest\": %s}\n", hash(text), text), nil
	}
	return fmt.Appendf(nil, "{\"sha256\": %q,\n\"signer\": %q,\n\"signature\": %q,\n\"manifest\": %s}\n",
		hash(text), signer, base64.StdEncoding.EncodeToString(signature), text), nil
}

var errCorrupt = errors.New("is corrupt")

// decode reads a manifest that is whole and safe to follow: of a version that is
// known, with names that stay below the prefix, and with no signature or a valid
// one.
func decode(text []byte) (*Manifest, error) {
	var s envelope
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("%s %w: %w", ManifestFile, errCorrupt, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s %w: something follows it", ManifestFile, errCorrupt)
	}
	if got := hash(s.Manifest); got != s.SHA256 {
		return nil, fmt.Errorf("%s %w: its sha256 is %s, and it says %q", ManifestFile, errCorrupt, got, s.SHA256)
	}
	if (s.Signer != "" || len(s.Signature) > 0) && !s.Signer.Verify(s.Manifest, s.Signature) {
		return nil, fmt.Errorf("%s %w: its signature is not valid", ManifestFile, errCorrupt)
	}
	var m Manifest
	if err := json.Unmarshal(s.Manifest, &m); err != nil {
		return nil, fmt.Errorf("%s %w: %w", ManifestFile, errCorrupt, err)
	}
	m.Signer, m.Hash = s.Signer, s.SHA256
	if m.Format < 1 || m.Format > format {
		return nil, fmt.Errorf("%s is of format %d, and this program knows 1 to %d\nhint: use the version %s that wrote it", ManifestFile, m.Format, format, m.Needs.Versions.Renderer)
	}
	for _, p := range m.Parts {
		for _, o := range p.Objects {
			if path.Clean(o.Key) != o.Key || strings.HasPrefix(o.Key, "/") || strings.HasPrefix(o.Key, "../") || !ours(o.Key) {
				return nil, fmt.Errorf("%s names %q, which is no object of a backup", ManifestFile, o.Key)
			}
		}
	}
	return &m, nil
}

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
