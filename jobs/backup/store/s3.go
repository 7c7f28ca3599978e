package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// partSize is how much of an object is held in memory while it is uploaded. An
// upload has 10,000 parts at most, so that no object is larger than 78 GiB.
// Source: docs.aws.amazon.com, Amazon S3 multipart upload limits.
const partSize = 8 << 20

// retries of one request, each after a longer pause.
const retries = 5

// amazon and googleStorage are the services' addresses.
const (
	amazon        = "https://s3.amazonaws.com"
	googleStorage = "https://storage.googleapis.com"
)

// Credentials open a bucket. Without any, the workload's identity does.
type Credentials struct {
	AccessKeyID, SecretAccessKey string
	// ServiceAccount is a key of Google's, in JSON.
	ServiceAccount []byte
}

// Options change how a bucket is reached.
type Options struct {
	// Idle is how long a connection may stand still; two minutes when it is 0.
	Idle time.Duration
	// Retries are those of a request; five when it is 0.
	Retries int
	// CACert holds certificates, in PEM, of the authorities that sign the
	// endpoint's; public ones when it is empty.
	CACert []byte
	// ProxyCA holds those of the authority of a proxy, which count too.
	ProxyCA []byte
}

// Open opens the bucket of a destination. It sends nothing.
func Open(ctx context.Context, d v1.Destination, c Credentials, o Options) (Store, error) {
	if o.Idle == 0 {
		o.Idle = 2 * time.Minute
	}
	if o.Retries == 0 {
		o.Retries = retries
	}
	if d.GCS != nil {
		return openGCS(ctx, *d.GCS, c, o)
	}
	return openS3(*d.S3, c, o)
}

func openS3(d v1.S3, c Credentials, o Options) (Store, error) {
	endpoint := d.Endpoint
	if endpoint == "" {
		endpoint = amazon
	}
	lookup := minio.BucketLookupAuto
	if d.PathStyle {
		lookup = minio.BucketLookupPath
	}
	creds := credentials.NewIAM("")
	if c.AccessKeyID != "" {
		creds = credentials.NewStaticV4(c.AccessKeyID, c.SecretAccessKey, "")
	}
	transport, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	return open("s3", endpoint, d.Bucket, d.Prefix, &minio.Options{
		MaxRetries: o.Retries, Creds: creds, Transport: transport, Region: d.Region, BucketLookup: lookup,
	})
}

// openGCS opens a bucket by the XML interface, which takes an OAuth token where
// S3 has a signature. Source: cloud.google.com/storage/docs/xml-api/overview.
func openGCS(ctx context.Context, d v1.GCS, c Credentials, o Options) (Store, error) {
	transport, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport})
	const scope = "https://www.googleapis.com/auth/devstorage.read_write"
	var tokens oauth2.TokenSource
	if c.ServiceAccount != nil {
		account, err := google.JWTConfigFromJSON(c.ServiceAccount, scope)
		if err != nil {
			return nil, errors.New("the service account's key cannot be read: want the JSON that Google gives") // which may hold the key
		}
		tokens = account.TokenSource(ctx)
	} else if tokens, err = google.DefaultTokenSource(ctx, scope); err != nil {
		return nil, fmt.Errorf("workload identity: %w", err)
	}
	return open("gs", googleStorage, d.Bucket, d.Prefix, &minio.Options{
		MaxRetries: o.Retries, Creds: credentials.NewStatic("", "", "", credentials.SignatureAnonymous), Region: "auto",
		Transport: &oauth2.Transport{Source: tokens, Base: transport}, BucketLookup: minio.BucketLookupPath,
	})
}

func open(scheme, endpoint, bucket, prefix string, o *minio.Options) (Store, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("endpoint %q is no URL", endpoint)
	}
	o.Secure = u.Scheme == "https"
	client, err := minio.New(u.Host, o)
	if err != nil {
		return nil, err
	}
	if v1.IsAccelerated(endpoint) { // else the client would ask the region's endpoint
		client.SetS3TransferAccelerate(u.Host)
	}
	return &bucketStore{client: client, scheme: scheme, bucket: bucket, prefix: prefix}, nil
}

// bucketStore is a bucket of a service that speaks S3.
type bucketStore struct {
	client         *minio.Client
	scheme         string
	bucket, prefix string
}

func (s *bucketStore) String() string { return s.scheme + "://" + s.bucket + "/" + s.prefix }

func (s *bucketStore) Put(ctx context.Context, key string, body io.Reader) error {
	size := int64(-1) // it is read into memory, a part at a time
	if in, ok := body.(*bytes.Reader); ok {
		size = in.Size()
	}
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+key, body, size, minio.PutObjectOptions{
		PartSize: partSize, ContentType: "application/octet-stream", NumThreads: 1,
	})
	return s.told("write", key, err)
}

func (s *bucketStore) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	object, _, _, err := (&minio.Core{Client: s.client}).GetObject(ctx, s.bucket, s.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, s.told("read", key, err)
	}
	return object, nil
}

func (s *bucketStore) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for o := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
			if o.Err != nil {
				yield(Info{}, s.told("list", prefix, o.Err))
				return
			}
			if !yield(Info{Key: strings.TrimPrefix(o.Key, s.prefix), Size: o.Size, Modified: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Info{}, err)
		}
	}
}

func (s *bucketStore) Delete(ctx context.Context, key string) error {
	return s.told("delete", key, s.client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{}))
}

func (s *bucketStore) Abort(ctx context.Context, before time.Time) error {
	core := minio.Core{Client: s.client}
	for upload := range s.client.ListIncompleteUploads(ctx, s.bucket, s.prefix, true) {
		if upload.Err != nil {
			return s.told("list uploads of", "", upload.Err)
		}
		if !upload.Initiated.Before(before) {
			continue
		}
		if err := core.AbortMultipartUpload(ctx, s.bucket, upload.Key, upload.UploadID); err != nil {
			return s.told("abort the upload of", strings.TrimPrefix(upload.Key, s.prefix), err)
		}
	}
	return nil
}

// told says what was tried where, and what may mend it.
func (s *bucketStore) told(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	switch answer := minio.ToErrorResponse(err); answer.Code {
	case minio.NoSuchKey:
		err = fs.ErrNotExist
	case minio.AccessDenied, "Forbidden":
		hint = "\nhint: its policy must let these credentials list, read, write and delete objects, and abort uploads"
	case minio.NoSuchBucket:
		hint = "\nhint: make the bucket first"
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		hint = "\nhint: see the Secret that spec names as credentials, and region"
	}
	return fmt.Errorf("%s %s%s: %w%s", verb, s, key, err, hint)
}
