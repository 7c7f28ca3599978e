package v1

import (
	"math"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The grammar of image references. Source: github.com/distribution/reference,
// regexp.go.
const (
	imageHost = `(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`
	imagePart = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
	imageTag  = `[\w][\w.-]{0,127}`
)

const mustBeCountable = "must be less than 8Ei"

var (
	imagePattern    = regexp.MustCompile(`^((?:` + imageHost + `/)?` + imagePart + `(?:/` + imagePart + `)*)(?::` + imageTag + `)?(?:@sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128}))?$`)
	registryPattern = regexp.MustCompile(`^` + imageHost + `(?:/` + imagePart + `)*$`)
	tagPattern      = regexp.MustCompile(`^` + imageTag + `$`)
)

// validate checks what every component can be told. The registry is that of
// the spec, which Default has put before the image where none was given.
func (w *Workload) validate(at *field.Path, registry string) field.ErrorList {
	return slices.Concat(
		validateTag(at.Child("version"), w.Version),
		validateImage(at.Child("image"), w.Image, registry, w.Version),
		validateResources(at.Child("resources"), &w.Resources),
		w.Scheduling.validate(at),
	)
}

func validateTag(at *field.Path, version string) field.ErrorList {
	return check(at, version, version == "" || isTag(version), "must be usable as an image's tag: letters, digits, underscores, dots and hyphens")
}

func isTag(s string) bool { return tagPattern.MatchString(s) }

// validateImage checks an image, which may be absent. A registry or a version
// that has a fault of its own is not held against the image it has become a
// part of.
func validateImage(at *field.Path, image, registry, version string) field.ErrorList {
	if registry != "" && !isRegistry(registry) {
		image = strings.TrimPrefix(image, registry+"/")
	}
	if version != "" && !isTag(version) {
		image = strings.TrimSuffix(image, ":"+version)
	}
	name := imagePattern.FindStringSubmatch(image)
	return check(at, image, image == "" || name != nil && len(name[1]) <= 255, "must be an image, such as registry.example.com/team/app:1.0.0")
}

// validateImageRegistry checks what stands before the names of images. Its
// first part must look like a host: otherwise it would name a folder of Docker
// Hub.
func validateImageRegistry(at *field.Path, registry string) field.ErrorList {
	if registry == "" {
		return nil
	}
	bare := registry
	if _, rest, found := strings.Cut(registry, "://"); found {
		bare = rest
	}
	detail := "must be a registry's host and a path, such as registry.example.com/mirror"
	switch {
	case isRegistry(bare):
		detail += "\nhint: write " + bare
	case isRegistry("docker.io/" + bare):
		detail += "\nhint: write docker.io/" + bare + ", or the port of a host that has no dot in its name"
	}
	return check(at, registry, isRegistry(registry), detail)
}

func isRegistry(s string) bool {
	host, _, _ := strings.Cut(s, "/")
	return registryPattern.MatchString(s) && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// validateResources checks what a container asks for. Quantities have been
// parsed already.
func validateResources(at *field.Path, r *corev1.ResourceRequirements) field.ErrorList {
	faults := slices.Concat(
		validateQuantities(at.Child("requests"), r.Requests),
		validateQuantities(at.Child("limits"), r.Limits),
		forbidden(at.Child("claims"), len(r.Claims) > 0, "must not be given: the pods claim no devices"),
	)
	for _, name := range sortedKeys(r.Requests) {
		request := r.Requests[name]
		limit, limited := r.Limits[name]
		ok := !limited || !isCountable(request) || !isCountable(limit) || request.Cmp(limit) <= 0
		faults = append(faults, check(at.Child("requests").Key(string(name)), request.String(), ok, "must be at most the limit, "+limit.String())...)
	}
	return faults
}

// validateQuantities checks the resources of one list: those of a container,
// and those that a device plugin or an operator has given a prefix.
func validateQuantities(at *field.Path, list corev1.ResourceList) field.ErrorList {
	var faults field.ErrorList
	for _, name := range sortedKeys(list) {
		quantity := list[name]
		faults = slices.Concat(faults,
			check(at.Key(string(name)), quantity.String(), quantity.Sign() >= 0, "must not be negative"),
			check(at.Key(string(name)), quantity.String(), isCountable(quantity), mustBeCountable),
			check(at.Key(string(name)), string(name), isResource(name), "must be cpu, memory, ephemeral-storage or a name such as example.com/device"),
		)
	}
	return faults
}

// isCountable tells whether a quantity is one that Kubernetes can count. To
// compare others, such as 1e999999999, can take hours.
func isCountable(q resource.Quantity) bool {
	return math.Abs(q.AsApproximateFloat64()) < math.MaxInt64
}

func isResource(name corev1.ResourceName) bool {
	switch name {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		return true
	}
	return (strings.Contains(string(name), "/") || strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)) &&
		len(validation.IsQualifiedName(string(name))) == 0
}

// validate checks a volume that is asked for.
func (s *Storage) validate(at *field.Path) field.ErrorList {
	return slices.Concat(
		check(at.Child("size"), s.Size.String(), s.Size.Sign() > 0, "must be more than 0, such as 10Gi"),
		check(at.Child("size"), s.Size.String(), isCountable(s.Size), mustBeCountable),
		validateObjectName(at.Child("storageClass"), s.StorageClass),
	)
}

func (s *Scheduling) validate(at *field.Path) field.ErrorList {
	return slices.Concat(
		validateLabels(at.Child("nodeSelector"), s.NodeSelector),
		each(at.Child("tolerations"), s.Tolerations, validateToleration),
	)
}

func validateToleration(at *field.Path, t corev1.Toleration) field.ErrorList {
	equal := t.Operator != corev1.TolerationOpExists
	return slices.Concat(
		enum(at.Child("operator"), t.Operator, corev1.TolerationOpEqual, corev1.TolerationOpExists),
		enum(at.Child("effect"), t.Effect, corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute),
		required(at.Child("key"), t.Key != "" || !equal, "a taint's key, unless operator is Exists"),
		check(at.Child("key"), t.Key, t.Key == "" || len(validation.IsQualifiedName(t.Key)) == 0, "must be a key such as role or example.com/role"),
		forbidden(at.Child("value"), !equal && t.Value != "", "must not be given where operator is Exists"),
		forbidden(at.Child("tolerationSeconds"), t.TolerationSeconds != nil && t.Effect != corev1.TaintEffectNoExecute, "must not be given unless effect is NoExecute"),
	)
}
