package charts

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/opencontainers/go-digest"
	"helm.sh/helm/v3/pkg/chart/loader"
)

const (
	maxArchive = 20 << 20 // bytes
	maxIndex   = 50 << 20 // bytes
	// requestTimeout bounds one request with its body; ctx bounds the whole pull.
	requestTimeout = 60 * time.Second
)

// Option changes one pull.
type Option func(*puller)

// WithProgress has f called, from the calling goroutine, as bytes of the
// archive arrive. The total is -1 while the server does not state it.
func WithProgress(f func(done, total int64)) Option {
	return func(p *puller) { p.progress = f }
}

// puller is one pull of one chart.
type puller struct {
	ref      Ref
	client   *http.Client
	progress func(done, total int64)
}

// source is where an archive was found.
type source struct {
	from string // for messages
	// digest is what the repository states of the archive; it may be empty.
	digest string
	// open starts the download. Its size is -1 when the server does not state it.
	open func(context.Context) (body io.ReadCloser, size int64, err error)
}

// Pull fetches the chart of ref, verifies that it has the digest of ref and
// the one that the repository states, that it loads as a chart, and that it is
// of the name and version of ref; then it stores it. It returns the archive's
// file and digest, for the user to pin. What is stored already under
// ref.Digest is verified and not fetched.
func (s Store) Pull(ctx context.Context, ref Ref, opts ...Option) (path, found string, err error) {
	repository, err := ref.check()
	if err != nil {
		return "", "", err
	}
	if err := s.check(); err != nil {
		return "", "", err
	}
	if ref.Digest != "" {
		// Whatever is wrong with the stored one, a fresh archive mends it.
		if data, err := s.Open(ref.Digest); err == nil {
			if err := checkChart(ref, s.Path(ref.Digest), data); err != nil {
				return "", "", err
			}
			return s.Path(ref.Digest), ref.Digest, nil
		}
	}

	p := &puller{ref: ref, client: newClient()}
	defer p.client.CloseIdleConnections()
	for _, opt := range opts {
		opt(p)
	}

	from, data, err := p.fetch(ctx, repository)
	if err != nil {
		return "", "", err
	}
	if err := checkChart(ref, from, data); err != nil {
		return "", "", err
	}
	if err := ctx.Err(); err != nil {
		return "", "", fmt.Errorf("pull of %s was stopped: %w", ref, err)
	}
	found = digest.FromBytes(data).String()
	path, err = s.put(found, data)
	if err != nil {
		return "", "", err
	}
	return path, found, nil
}

// fetch downloads the archive and verifies its digest.
func (p *puller) fetch(ctx context.Context, repository *url.URL) (from string, data []byte, err error) {
	find := p.findInIndex
	if repository.Scheme == "oci" {
		find = p.findInRegistry
	}
	src, err := find(ctx, repository)
	if err != nil {
		return "", nil, err
	}
	const repinned = "check the pinned digest, or ask why the repository's archive changed"
	if p.ref.Digest != "" && src.digest != "" && p.ref.Digest != src.digest {
		return "", nil, mismatch(p.ref, src.from, p.ref.Digest, src.digest, repinned)
	}

	body, size, err := src.open(ctx)
	if err != nil {
		return "", nil, err
	}
	defer body.Close()
	data, err = read(ctx, src.from, body, size, maxArchive, p.progress)
	if err != nil {
		return "", nil, err
	}

	got := digest.FromBytes(data).String()
	if p.ref.Digest != "" && p.ref.Digest != got {
		return "", nil, mismatch(p.ref, src.from, p.ref.Digest, got, repinned)
	}
	if src.digest != "" && src.digest != got {
		return "", nil, mismatch(p.ref, src.from, src.digest, got, "the archive is not what the repository states, try again or tell its owner")
	}
	return src.from, data, nil
}

func mismatch(ref Ref, from, wanted, got, do string) error {
	return fmt.Errorf("digest of %s from %s does not match: wanted %s, got %s: %s", ref, from, wanted, got, do)
}

// checkChart reports whether an archive is whole and is the chart of ref.
func checkChart(ref Ref, from string, data []byte) error {
	if err := checkGzip(data); err != nil {
		return fmt.Errorf("%s is not a chart archive: %s: check the repository and its index", from, oneLine(err.Error()))
	}
	c, err := loader.LoadArchive(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s is not a chart: %s: check the repository and its index", from, oneLine(err.Error()))
	}
	if c.Metadata.Name != ref.Name || c.Metadata.Version != ref.Version {
		return fmt.Errorf("%s holds chart %s %s, wanted %s %s: check name, version and digest",
			from, oneLine(c.Metadata.Name), oneLine(c.Metadata.Version), ref.Name, ref.Version)
	}
	return nil
}

// checkGzip reads the stream to its checksum. The chart loader stops where the
// tar ends, and so takes an archive whose last bytes are missing.
func checkGzip(data []byte) error {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(r, loader.MaxDecompressedChartSize+1))
	if err != nil {
		return err
	}
	if n > loader.MaxDecompressedChartSize {
		return fmt.Errorf("it unpacks to more than %d MiB", loader.MaxDecompressedChartSize>>20)
	}
	return nil
}
