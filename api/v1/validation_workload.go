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

// validateMemory refuses a limit that a program cannot even start within: its pod
// would be killed again and again. What it needs under load is far more.
func validateMemory(at *field.Path, r *corev1.ResourceRequirements, least string) field.ErrorList {
	limit, limited := r.Limits[corev1.ResourceMemory]
	ok := !limited || !isAmount(corev1.ResourceMemory, limit) || limit.Cmp(resource.MustParse(least)) >= 0 // what is no amount is reported as such
	return check(at.Child("limits").Key("memory"), limit.String(), ok, "must be "+least+" or more: the program cannot start with less")
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
			validateAmount(at.Key(string(name)), name, quantity),
			check(at.Key(string(name)), string(name), isResource(name), "must be cpu, memory, ephemeral-storage or a name such as example.com/device"),
		)
	}
	return faults
}

// least is the smallest amount of memory or storage that is meant by anyone: what
// is below it lacks its unit, or has that of CPU.
var least = resource.MustParse("1Mi")

// validateAmount checks that a quantity is in the units of what it is of.
func validateAmount(at *field.Path, name corev1.ResourceName, q resource.Quantity) field.ErrorList {
	if !isCountable(q) || q.Sign() < 0 {
		return nil // reported as such
	}
	switch {
	case name == corev1.ResourceCPU:
		milli := resource.NewMilliQuantity(q.MilliValue(), resource.DecimalSI)
		return slices.Concat(
			check(at, q.String(), q.Sign() > 0, "must be more than 0, such as 100m"),
			check(at, q.String(), q.Cmp(*milli) == 0, "must be whole thousandths of a CPU, such as 100m"),
		)
	case name == corev1.ResourceMemory, name == corev1.ResourceEphemeralStorage, strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix):
		return validateBytes(at, q, "Mi")
	}
	return nil
}

// isAmount reports whether a quantity is one that can be asked for.
func isAmount(name corev1.ResourceName, q resource.Quantity) bool {
	return q.Sign() > 0 && isCountable(q) && len(validateAmount(nil, name, q)) == 0
}

// validateBytes checks an amount of memory or storage. The unit is the one that
// was probably meant where there is none.
func validateBytes(at *field.Path, q resource.Quantity, unit string) field.ErrorList {
	detail := "must be 1Mi or more"
	if text := q.String(); strings.HasSuffix(text, "m") {
		detail = "must be whole bytes: m stands for thousandths\nhint: did you mean " + strings.TrimSuffix(text, "m") + "Mi?"
	} else if q.Sign() > 0 && q.Format == resource.DecimalSI && q.Cmp(*resource.NewQuantity(10_000, resource.DecimalSI)) < 0 {
		detail += "\nhint: did you mean " + strings.TrimRight(text, "kK") + unit + "?"
	}
	return check(at, q.String(), q.Cmp(least) >= 0, detail)
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
		check(at.Child("size"), s.Size.String(), isCountable(s.Size), mustBeCountable),
		s.validateSize(at.Child("size")),
		validateObjectName(at.Child("storageClass"), s.StorageClass),
	)
}

func (s *Storage) validateSize(at *field.Path) field.ErrorList {
	if !isCountable(s.Size) {
		return nil // reported as such
	}
	if s.Size.Sign() <= 0 {
		return check(at, s.Size.String(), false, "must be more than 0, such as 10Gi")
	}
	return validateBytes(at, s.Size, "Gi")
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
