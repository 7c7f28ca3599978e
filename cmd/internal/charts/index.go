package charts

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// index is what is read of a repository's index.yaml.
type index struct {
	Entries map[string][]indexEntry `json:"entries"`
}

type indexEntry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
}

// findInIndex looks a chart up in the index of an HTTP repository.
func (p *puller) findInIndex(ctx context.Context, repository *url.URL) (source, error) {
	at := repository.JoinPath("index.yaml")
	where := show(at)
	body, size, err := p.get(ctx, at)
	if err != nil {
		return source{}, err
	}
	defer body.Close()
	data, err := read(ctx, where, body, size, maxIndex, nil)
	if err != nil {
		return source{}, err
	}
	var idx index
	if err := yaml.Unmarshal(data, &idx); err != nil {
		return source{}, fmt.Errorf("%s is not the index of a chart repository: %s", where, oneLine(err.Error()))
	}
	entry, err := idx.entry(p.ref, where)
	if err != nil {
		return source{}, err
	}
	stated, err := entry.digest()
	if err != nil {
		return source{}, fmt.Errorf("%s states a wrong digest of %s: %w: tell the repository's owner", where, p.ref, err)
	}
	archive, err := entry.resolve(repository)
	if err != nil {
		return source{}, fmt.Errorf("%s leads nowhere for %s: %w", where, p.ref, err)
	}

	if archive.Scheme == "oci" {
		src, err := p.findInRegistry(ctx, archive)
		if err == nil && stated != "" && src.digest != stated {
			err = mismatch(p.ref, src.from, stated, src.digest, "index and registry differ, tell the repository's owner")
		}
		return src, err
	}
	return source{
		from:   show(archive),
		digest: stated,
		open: func(ctx context.Context) (io.ReadCloser, int64, error) {
			return p.get(ctx, archive)
		},
	}, nil
}

// entry is the entry of a chart's exact version; the first one counts.
func (i index) entry(ref Ref, where string) (indexEntry, error) {
	entries, known := i.Entries[ref.Name]
	if !known {
		return indexEntry{}, unknownName(ref, where, slices.Sorted(maps.Keys(i.Entries)))
	}
	versions := make([]string, len(entries))
	for n, entry := range entries {
		if entry.Version == ref.Version {
			return entry, nil
		}
		versions[n] = entry.Version
	}
	return indexEntry{}, unknownVersion(ref, where, versions)
}

// digest is what the index states, in our spelling. Helm writes bare digits.
func (e indexEntry) digest() (string, error) {
	if e.Digest == "" {
		return "", nil
	}
	digest := "sha256:" + strings.TrimPrefix(strings.ToLower(e.Digest), "sha256:")
	return digest, checkDigest(digest)
}

// resolve is the entry's first URL, which is the one that Helm takes. A
// relative one lies below the repository, whether or not that ends in a slash.
func (e indexEntry) resolve(repository *url.URL) (*url.URL, error) {
	if len(e.URLs) == 0 {
		return nil, fmt.Errorf("it has no url: tell the repository's owner")
	}
	to, err := url.Parse(e.URLs[0])
	if err != nil {
		return nil, fmt.Errorf("its url cannot be read: tell the repository's owner")
	}
	to = repository.JoinPath("/").ResolveReference(to)
	return to, follow(repository, to)
}
