// Package store keeps objects in a bucket: of S3, or of Google Cloud Storage by
// its XML interface.
package store

import (
	"context"
	"io"
	"iter"
	"time"
)

// Info is what a bucket tells of an object.
type Info struct {
	// Key is the object's name below the prefix.
	Key  string
	Size int64
	// Modified is when it was written, by the bucket's own clock.
	Modified time.Time
}

// Store is a bucket below a prefix. Its methods are safe for use by several
// goroutines.
type Store interface {
	// Put writes an object of unknown size as it is read, and replaces one of that
	// name. An object is there as a whole or not at all.
	Put(ctx context.Context, key string, body io.Reader) error
	// Get reads an object. Its error is fs.ErrNotExist where there is none.
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	// List lists the objects whose names begin with a prefix, by name.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object; that there is none is no error.
	Delete(ctx context.Context, key string) error
	// Abort removes what is left of uploads that began before a time and were
	// not completed.
	Abort(ctx context.Context, before time.Time) error
	// String is the place, such as s3://bucket/prefix/.
	String() string
}
