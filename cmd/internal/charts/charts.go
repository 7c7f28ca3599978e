// Package charts fetches Helm chart archives from chart repositories and OCI
// registries, and keeps them by the digest of their bytes.
package charts

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

var (
	namePattern   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Ref names a chart in a repository.
type Ref struct {
	// Repository is https://host/path, which holds an index.yaml, or
	// oci://registry/path. An OCI path that does not end in Name has Name
	// appended. Plain http is for loopback hosts only.
	Repository string
	Name       string
	// Version is one exact version, as the chart itself writes it.
	Version string
	// Digest is sha256:… of the .tgz archive; empty takes what the repository has.
	Digest string
}

// String is what messages call the chart.
func (r Ref) String() string { return fmt.Sprintf("chart %s %s", r.Name, r.Version) }

// check validates r and returns its repository. No error holds the repository
// as it was given, since that may hold a password.
func (r Ref) check() (*url.URL, error) {
	if !namePattern.MatchString(r.Name) {
		return nil, fmt.Errorf("chart name %q must be letters, digits, dots, underscores and dashes", r.Name)
	}
	if _, err := semver.NewVersion(r.Version); err != nil {
		return nil, fmt.Errorf("version %q of chart %s must be one exact version such as 1.2.3", r.Version, r.Name)
	}
	if r.Digest != "" {
		if err := checkDigest(r.Digest); err != nil {
			return nil, err
		}
	}

	u, err := url.Parse(r.Repository)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return nil, fmt.Errorf("repository of %s is not a URL: write https://host/path or oci://host/path", r)
	}
	switch shown := show(u); {
	case u.Scheme != "https" && u.Scheme != "oci" && u.Scheme != "http":
		return nil, fmt.Errorf("repository of %s has the scheme %s: use https or oci", r, u.Scheme)
	case u.User != nil:
		return nil, fmt.Errorf("repository %s holds credentials: remove them, and for oci run docker login %s", shown, u.Host)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("repository %s has a query or a fragment: remove it", shown)
	case u.Scheme == "http" && !loopback(u):
		return nil, fmt.Errorf("repository %s is plain http: use https", shown)
	case u.Scheme == "oci" && strings.ContainsAny(u.Path, ":@"):
		return nil, fmt.Errorf("repository %s names a tag or a digest: write them as version and digest", shown)
	}
	return u, nil
}

func checkDigest(digest string) error {
	if !digestPattern.MatchString(digest) {
		return fmt.Errorf("digest %q must be sha256: and 64 hexadecimal digits in lower case", digest)
	}
	return nil
}

// show is u without user, query and fragment, each of which may be a secret.
func show(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
