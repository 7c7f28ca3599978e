package v1

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// KindImageLock is the kind of a lock file: it is read beside the documents that
// it is for, and is no object of the cluster.
const KindImageLock = "BanhBaoRingImageLock"

// ImageLock says which builds the images of the documents beside it are. `images
// --lock` writes it; every image that is rendered must be in it.
//
// +kubebuilder:object:generate=false
type ImageLock struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Images are the digests of images, by their names.
	Images map[string]string `json:"images"`
	// Plugins are OpenBao's plugins in these images.
	Plugins []LockedPlugin `json:"plugins,omitempty"`
}

// LockedPlugin is a plugin's binary in an image.
//
// +kubebuilder:object:generate=false
type LockedPlugin struct {
	// Image is the image's name, without its digest.
	Image string `json:"image"`
	// Path of the binary in it.
	Path string `json:"path"`
	// SHA256 of the binary, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// Validate finds every fault of a lock.
func (l *ImageLock) Validate() field.ErrorList {
	var faults field.ErrorList
	for _, image := range sortedKeys(l.Images) {
		digest := l.Images[image]
		faults = append(faults, check(field.NewPath("images").Key(image), digest, digestPattern.MatchString(digest), "must be a digest: sha256: and 64 hexadecimal digits")...)
	}
	return append(faults, each(field.NewPath("plugins"), l.Plugins, func(at *field.Path, p LockedPlugin) field.ErrorList {
		return slices.Concat(
			required(at.Child("image"), p.Image != "", "the image that holds the plugin"),
			required(at.Child("path"), p.Path != "", "where the binary is in it"),
			check(at.Child("sha256"), p.SHA256, sha256Pattern.MatchString(p.SHA256), "must be 64 hexadecimal digits"),
		)
	})...)
}

// Pin is the image with its digest. One that has a digest stays as it is.
func (l *ImageLock) Pin(image string) (pinned string, locked bool) {
	if strings.Contains(image, "@") {
		return image, true
	}
	digest, locked := l.Images[image]
	return image + "@" + digest, locked
}

// PluginUse is a plugin that the spec has OpenBao run.
//
// +kubebuilder:object:generate=false
type PluginUse struct {
	*Plugin
	Path *field.Path
}

// Plugins are the plugins that OpenBao runs, of a cluster that has its defaults.
func (c *BanhBaoRingCluster) Plugins() []PluginUse {
	at := field.NewPath("spec", "openbao")
	o := &c.Spec.OpenBao
	used := []PluginUse{{&o.Plugin, at.Child("plugin")}}
	if _, kms := KMSPlugins[o.AutoUnseal.Provider]; kms && o.AutoUnseal.enabled() && NeedsKMSPlugin(o.Version) {
		used = append(used, PluginUse{&o.AutoUnseal.Plugin, at.Child("autoUnseal", "plugin")})
	}
	return used
}

// Lock gives a cluster's plugins the sums that a lock has of them.
func (c *BanhBaoRingCluster) Lock(l *ImageLock) field.ErrorList {
	var faults field.ErrorList
	for _, used := range c.Plugins() {
		for _, p := range l.Plugins {
			if p.Image != used.Image || p.Path != used.Plugin.Path {
				continue
			}
			faults = append(faults, check(used.Path.Child("sha256"), used.SHA256, used.SHA256 == "" || used.SHA256 == p.SHA256, "must be what the lock has, "+p.SHA256)...)
			used.SHA256 = p.SHA256
		}
	}
	return faults
}

// Images are the images that the spec names or has by default.
func (c *BanhBaoRingCluster) Images() []string {
	s := &c.Spec
	var images []string
	for _, w := range s.workloads(nil) {
		images = append(images, w.Image)
	}
	for _, p := range c.Plugins() {
		images = append(images, p.Image)
	}
	if s.ExportsPostgres() {
		images = append(images, s.Database.Exporter.Image)
	}
	if s.ExportsRedis() {
		images = append(images, s.Redis.Exporter.Image)
	}
	slices.Sort(images)
	return slices.DeleteFunc(slices.Compact(images), func(image string) bool { return image == "" })
}
