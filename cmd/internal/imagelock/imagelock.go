// Package imagelock writes lock files: it asks registries for the digests of
// images, and for the sums of the plugins that lie in them.
package imagelock

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	registry "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/cmd/internal/output"
	"github.com/banhbaoring/banhbaoring/render"
)

const comment = "# Written by `banhbaoring images --lock`: keep it beside the spec.\n"

// mostBinary bounds what is read of a plugin, in bytes.
const mostBinary = 1 << 30

// Write locks images, and the plugins of stacks, to a file. Nothing is written
// unless every registry has answered.
func Write(ctx context.Context, file string, images []string, stacks []*render.Stack, platform string) error {
	target, err := registry.ParsePlatform(platform)
	if err != nil {
		return fmt.Errorf("--platform: %w", err)
	}
	r := resolver{[]remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithPlatform(*target)}}
	lock := v1.ImageLock{APIVersion: v1.GroupVersion.String(), Kind: v1.KindImageLock, Images: map[string]string{}}
	var faults []error
	for _, image := range images {
		if strings.Contains(image, "@") {
			continue
		}
		digest, err := r.digest(image)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", image, err))
			continue
		}
		lock.Images[image] = digest
	}
	known := map[v1.LockedPlugin]bool{}
	for _, s := range stacks {
		for _, used := range s.Cluster.Plugins() {
			plugin := v1.LockedPlugin{Image: used.Image, Path: used.Plugin.Path}
			if known[plugin] {
				continue
			}
			known[plugin] = true
			// Of the build that was locked, lest the tag has moved meanwhile.
			pinned, locked := lock.Pin(used.Image)
			if !locked {
				continue // told above
			}
			if plugin.SHA256, err = r.sum(pinned, used.Plugin.Path); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", used.Image, err))
				continue
			}
			if used.SHA256 != "" && used.SHA256 != plugin.SHA256 {
				faults = append(faults, fmt.Errorf("%s: must be the sha256 of %s in %s, %s (got %s)", used.Path.Child("sha256"), used.Plugin.Path, used.Image, plugin.SHA256, used.SHA256))
			}
			lock.Plugins = append(lock.Plugins, plugin)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	text, err := yaml.Marshal(lock)
	if err != nil {
		return err
	}
	return output.File(file, append([]byte(comment), text...))
}

type resolver struct{ options []remote.Option }

// digest is that of an image, of its index where it is for several platforms.
func (r resolver) digest(image string) (string, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return "", err
	}
	found, err := remote.Head(ref, r.options...)
	if err != nil {
		return "", err
	}
	return found.Digest.String(), nil
}

// sum is the sha256 of a file in an image.
func (r resolver) sum(image, file string) (string, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return "", err
	}
	img, err := remote.Image(ref, r.options...)
	if err != nil {
		return "", err
	}
	content := mutate.Extract(img)
	defer content.Close()
	files := tar.NewReader(content)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return "", fmt.Errorf("there is no file %s in the image", file)
		}
		if err != nil {
			return "", err
		}
		if header.Typeflag != tar.TypeReg || path.Clean("/"+header.Name) != path.Clean("/"+file) {
			continue
		}
		hash := sha256.New()
		if n, err := io.Copy(hash, io.LimitReader(files, mostBinary+1)); err != nil {
			return "", err
		} else if n > mostBinary {
			return "", fmt.Errorf("%s is larger than a plugin can be", file)
		}
		return hex.EncodeToString(hash.Sum(nil)), nil
	}
}
