package charts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const userAgent = "banhbaoring"

func newClient() *http.Client {
	return &http.Client{
		Transport: guard{&http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: 10 * time.Second,
			// Archives are gzip themselves: unpacked on the way, none has its digest.
			DisableCompression: true,
		}},
		Timeout: requestTimeout,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 10 {
				return errors.New("stopped after 10 redirects")
			}
			if err := follow(via[0].URL, req.URL); err != nil {
				return fmt.Errorf("redirect refused: %w", err)
			}
			return nil
		},
	}
}

// guard is the last word on where requests go: also those that a registry's
// token challenge asks for, which may carry credentials.
type guard struct{ next *http.Transport }

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !loopback(req.URL) {
		return nil, fmt.Errorf("%s is plain http: use https", show(req.URL))
	}
	return g.next.RoundTrip(req)
}

// CloseIdleConnections is what http.Client looks for.
func (g guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

// follow reports whether a URL that from named, by a redirect or in its index,
// may be fetched: https and registries, and plain http only from loopback to
// loopback, so that no remote repository reaches into this machine.
func follow(from, to *url.URL) error {
	plain := to.Scheme == "http" || to.Scheme == "oci" && loopback(to)
	switch {
	case to.User != nil:
		return fmt.Errorf("%s holds credentials: tell the repository's owner", show(to))
	case plain && (!loopback(from) || !loopback(to)):
		return fmt.Errorf("%s is plain http, want https: tell the repository's owner", show(to))
	case to.Scheme != "http" && to.Scheme != "https" && to.Scheme != "oci":
		return fmt.Errorf("%s is not https: tell the repository's owner", show(to))
	}
	return nil
}

func loopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// get starts a download; the size is -1 when the server does not state it.
func (p *puller) get(ctx context.Context, u *url.URL) (io.ReadCloser, int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, 0, explain(ctx, show(u), err)
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, 0, explain(ctx, show(u), err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, resp.ContentLength, nil
	}
	resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, 0, fmt.Errorf("fetch %s: status %d: a login is supported for oci:// repositories only", show(u), resp.StatusCode)
	case http.StatusNotFound, http.StatusGone:
		return nil, 0, fmt.Errorf("fetch %s: status %d: there is no such file, check the repository", show(u), resp.StatusCode)
	}
	return nil, 0, fmt.Errorf("fetch %s: status %d: try again later", show(u), resp.StatusCode)
}

// read takes a body of at most limit bytes. A size of -1 is unknown.
func read(ctx context.Context, from string, body io.Reader, size, limit int64, progress func(done, total int64)) ([]byte, error) {
	if size > limit {
		return nil, tooLarge(from, limit)
	}
	if progress != nil {
		body = &counter{Reader: body, total: size, progress: progress}
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, explain(ctx, from, err)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(from, limit)
	}
	return data, nil
}

func tooLarge(from string, limit int64) error {
	return fmt.Errorf("fetch %s: larger than %d MiB: check the repository", from, limit>>20)
}

type counter struct {
	io.Reader
	done, total int64
	progress    func(done, total int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if n > 0 {
		c.done += int64(n)
		c.progress(c.done, c.total)
	}
	return n, err
}

// explain words a failure of the network: one line, and no more of a URL than
// show gives. What ctx ended still is context.Canceled or DeadlineExceeded.
func explain(ctx context.Context, where string, err error) error {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("fetch %s: stopped: %w", where, ctx.Err())
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("fetch %s: no whole answer in time: check the network and HTTPS_PROXY, then try again", where)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("fetch %s: the answer ended early: try again", where)
	}
	// net/http quotes the URL that it was redirected to, signature and all.
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	do := ""
	if errors.As(err, new(*net.OpError)) {
		do = ": check the address, the network and HTTPS_PROXY"
	} else if errors.As(err, new(*tls.CertificateVerificationError)) {
		do = ": check the address, or trust its authority on this machine"
	}
	return fmt.Errorf("fetch %s: %s%s", where, oneLine(err.Error()), do)
}

var queryPattern = regexp.MustCompile(`\?[^\s"']+`)

// oneLine makes foreign text fit for a message: one line, not endless, and
// without the queries of URLs.
func oneLine(text string) string {
	text = queryPattern.ReplaceAllString(strings.Join(strings.Fields(text), " "), "")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + "…"
	}
	return text
}
