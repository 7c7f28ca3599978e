package charts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

const (
	// chartLayer is what Helm pushes an archive as.
	chartLayer  = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	maxManifest = 4 << 20 // bytes
	maxTags     = 10000
)

// findInRegistry looks a chart up by the tag of its version. at is a
// repository, or the url of an index entry, which holds the tag too.
func (p *puller) findInRegistry(ctx context.Context, at *url.URL) (source, error) {
	name, tag, tagged := strings.Cut(strings.Trim(at.Path, "/"), ":")
	if !tagged {
		// A tag cannot hold the + of a version; Helm writes it as _.
		tag = strings.ReplaceAll(p.ref.Version, "+", "_")
	}
	if !tagged && path.Base(name) != p.ref.Name {
		name = path.Join(name, p.ref.Name)
	}
	where := "oci://" + at.Host + "/" + name
	repo, err := remote.NewRepository(at.Host + "/" + name)
	if err != nil {
		return source{}, fmt.Errorf("%s is not the name of an OCI repository: write oci://registry/path in lower case", where)
	}
	repo.PlainHTTP = loopback(at)
	repo.ManifestMediaTypes = []string{ocispec.MediaTypeImageManifest}
	client := &auth.Client{Client: p.client, Credential: dockerCredential, Cache: auth.NewCache()}
	client.SetUserAgent(userAgent)
	repo.Client = client

	layer, err := chartOf(ctx, repo, tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return source{}, p.explainMissing(ctx, repo, where)
	}
	if err != nil {
		return source{}, explainOCI(ctx, where+":"+tag, at.Host, err)
	}
	// A layer that is too large need not be asked for.
	if layer.Size > maxArchive {
		return source{}, tooLarge(where+":"+tag, maxArchive)
	}
	return source{
		from:   where + ":" + tag,
		digest: layer.Digest.String(),
		open: func(ctx context.Context) (io.ReadCloser, int64, error) {
			body, err := repo.Blobs().Fetch(ctx, layer)
			if err != nil {
				return nil, 0, explainOCI(ctx, where+":"+tag, at.Host, err)
			}
			return body, layer.Size, nil
		},
	}, nil
}

// chartOf is the layer of a manifest that is the chart's archive.
func chartOf(ctx context.Context, repo *remote.Repository, tag string) (ocispec.Descriptor, error) {
	desc, body, err := repo.FetchReference(ctx, tag)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer body.Close()
	if desc.MediaType != ocispec.MediaTypeImageManifest {
		return ocispec.Descriptor{}, fmt.Errorf("it is a %s and not a chart: check repository and name", desc.MediaType)
	}
	if desc.Size > maxManifest {
		return ocispec.Descriptor{}, fmt.Errorf("its manifest is larger than %d MiB: check repository and name", maxManifest>>20)
	}
	data, err := content.ReadAll(body, desc)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(data, &manifest); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("its manifest cannot be read: %w", err)
	}

	var found []ocispec.Descriptor
	for _, layer := range manifest.Layers {
		if layer.MediaType == chartLayer {
			found = append(found, layer)
		}
	}
	if len(found) != 1 {
		return ocispec.Descriptor{}, fmt.Errorf("it has %d layers of the type %s and not one, so it is not a chart: check repository and name", len(found), chartLayer)
	}
	return found[0], checkDigest(found[0].Digest.String())
}

// explainMissing says which versions there are; a repository that cannot list
// its tags is one that has no such chart.
func (p *puller) explainMissing(ctx context.Context, repo *remote.Repository, where string) error {
	var versions []string
	enough := errors.New("enough")
	err := repo.Tags(ctx, "", func(tags []string) error {
		for _, tag := range tags {
			versions = append(versions, strings.ReplaceAll(tag, "_", "+"))
		}
		if len(versions) >= maxTags {
			return enough
		}
		return nil
	})
	if ctx.Err() != nil {
		return explain(ctx, where, err)
	}
	if err != nil && !errors.Is(err, enough) {
		return fmt.Errorf("%s is not in %s, which lists no versions: check repository and name", p.ref, where)
	}
	return unknownVersion(p.ref, where, versions)
}

// explainOCI words what a registry answers; the rest is of the network.
func explainOCI(ctx context.Context, where, host string, err error) error {
	answer := (*errcode.ErrorResponse)(nil)
	isAnswer := errors.As(err, &answer)
	switch {
	case errors.Is(err, auth.ErrBasicCredentialNotFound),
		isAnswer && answer.StatusCode == http.StatusUnauthorized,
		isAnswer && answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("fetch %s: access is denied: check the name, or run docker login %s", where, host)
	case isAnswer:
		return fmt.Errorf("fetch %s: status %d: try again later", where, answer.StatusCode)
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("fetch %s: the registry lost the archive: tell its owner", where)
	}
	return explain(ctx, where, err)
}

// dockerCredential is what docker login stored for a registry, or nothing. It
// is called only when a registry asks who is there.
func dockerCredential(ctx context.Context, host string) (auth.Credential, error) {
	if _, err := os.UserHomeDir(); err != nil && os.Getenv("DOCKER_CONFIG") == "" {
		return auth.EmptyCredential, nil
	}
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("read the docker config: %w", err)
	}
	return credentials.Credential(store)(ctx, host)
}
