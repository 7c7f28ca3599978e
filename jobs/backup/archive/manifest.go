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
)

// ManifestFile is the name of a backup's manifest in its folder.
const ManifestFile = "manifest.json"

// chunkDir holds the pieces of incremental dumps.
const chunkDir = "chunks/"

// format is the version of the manifest and of what it describes.
const format = 1

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
	// Needs are what a restore needs beside the objects.
	Needs Needs `json:"needs"`
	// Recipients are the age public keys that the objects are encrypted to.
	Recipients []string `json:"recipients,omitempty"`
	Parts      []Part   `json:"parts"`
}

// Needs are what a restore needs beside the objects.
type Needs struct {
	// ClusterID is OpenBao's own identity, which a restore brings back.
	ClusterID string `json:"clusterId,omitempty"`
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

// Sum is a stream's size in bytes and sha256, in hexadecimal.
type Sum struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

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

// sealed is a manifest as it is stored: with its own sha256, so that one wrong
// byte in it is noticed.
type sealed struct {
	SHA256   string          `json:"sha256"`
	Manifest json.RawMessage `json:"manifest"`
}

// encode writes a manifest and its sha256.
func encode(m *Manifest) ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "{\"sha256\": %q,\n\"manifest\": %s}\n", hash(text), text), nil
}

var errCorrupt = errors.New("is corrupt")

// decode reads a manifest that is whole and safe to follow: of a version that is
// known, with names that stay below the prefix.
func decode(text []byte) (*Manifest, error) {
	var s sealed
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
	var m Manifest
	if err := json.Unmarshal(s.Manifest, &m); err != nil {
		return nil, fmt.Errorf("%s %w: %w", ManifestFile, errCorrupt, err)
	}
	if m.Format != format {
		return nil, fmt.Errorf("%s is of format %d, and this program knows %d\nhint: use the version %s that wrote it", ManifestFile, m.Format, format, m.Needs.Versions.Renderer)
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
