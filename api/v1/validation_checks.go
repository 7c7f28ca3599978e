package v1

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	mustBeLabel     = "must be lower-case letters, digits and hyphens, and begin and end with a letter or digit"
	mustBeSubdomain = "must be lower-case letters, digits, hyphens and dots, and begin and end with a letter or digit"
)

// labelPattern is a DNS label of any length.
var labelPattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// credentials is a value such as https://user:password@host.
var credentials = regexp.MustCompile(`://[^/]*@|:[^/@]*@`)

// check is a fault unless ok. The fault shows the value, except where that may
// hold a password.
func check(at *field.Path, value any, ok bool, detail string) field.ErrorList {
	if ok {
		return nil
	}
	if s, isString := value.(string); isString && credentials.MatchString(s) {
		return forbidden(at, true, detail)
	}
	return field.ErrorList{field.Invalid(at, value, detail)}
}

// forbidden is a fault, without the value, where bad.
func forbidden(at *field.Path, bad bool, detail string) field.ErrorList {
	if !bad {
		return nil
	}
	return field.ErrorList{field.Forbidden(at, detail)}
}

// required is a fault unless given; what says what to give.
func required(at *field.Path, given bool, what string) field.ErrorList {
	if given {
		return nil
	}
	return field.ErrorList{field.Required(at, "is required: "+what)}
}

// oneOf is a fault unless the value is among those known.
func oneOf[T comparable](at *field.Path, value T, known ...T) field.ErrorList {
	if slices.Contains(known, value) {
		return nil
	}
	return field.ErrorList{{Type: field.ErrorTypeNotSupported, Field: at.String(), BadValue: value, Detail: "must be " + either(known)}}
}

// enum is oneOf for a field that may be absent.
func enum[T ~string](at *field.Path, value T, known ...T) field.ErrorList {
	if value == "" {
		return nil
	}
	return oneOf(at, value, known...)
}

// either writes "a, b or c".
func either[T any](values []T) string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = fmt.Sprint(value)
	}
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func atLeast[T int32 | int64](at *field.Path, value *T, least T) field.ErrorList {
	if value == nil {
		return nil
	}
	return check(at, *value, *value >= least, fmt.Sprintf("must be %d or more", least))
}

// each checks every element of a list.
func each[T any](at *field.Path, list []T, validate func(*field.Path, T) field.ErrorList) field.ErrorList {
	var faults field.ErrorList
	for i, element := range list {
		faults = append(faults, validate(at.Index(i), element)...)
	}
	return faults
}

// unique is a fault for each element that an earlier one equals.
func unique[T comparable](at *field.Path, list []T) field.ErrorList {
	var faults field.ErrorList
	for i, element := range list {
		faults = append(faults, check(at.Index(i), element, !slices.Contains(list[:i], element), "must not be given twice")...)
	}
	return faults
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// validateObjectName checks the name of an object, which may be absent.
func validateObjectName(at *field.Path, name string) field.ErrorList {
	return check(at, name, name == "" || len(validation.IsDNS1123Subdomain(name)) == 0, mustBeSubdomain)
}

// validateReference checks the required name of another object.
func validateReference(at *field.Path, ref LocalObjectReference) field.ErrorList {
	return validateRequiredName(at.Child("name"), ref.Name)
}

func validateRequiredName(at *field.Path, name string) field.ErrorList {
	return slices.Concat(required(at, name != "", "the name of the object"), validateObjectName(at, name))
}

// validateSecretRef checks a reference to a Secret, which may be absent. No
// fault shows the name: it may be a secret, written where its name belongs.
func validateSecretRef(at *field.Path, ref *SecretRef) field.ErrorList {
	if ref == nil {
		return nil
	}
	name, secretName := ref.Name, ref.SecretName
	faults := slices.Concat(
		required(at.Child("secretName"), name != "" || secretName != "", "the name of a Secret"),
		forbidden(at.Child("name"), name != "" && secretName != "" && name != secretName, "must equal secretName where both are given\nhint: one of the two is enough"),
	)
	switch {
	case secretName != "" && secretName != name:
		faults = append(faults, validateSecretName(at.Child("secretName"), secretName)...)
	case name != "":
		faults = append(faults, validateSecretName(at.Child("name"), name)...)
	}
	return faults
}

func validateSecretName(at *field.Path, name string) field.ErrorList {
	return forbidden(at, len(validateObjectName(at, name)) > 0, "must be the name of a Secret: "+strings.TrimPrefix(mustBeSubdomain, "must be "))
}

// validateSecretKeyRef checks a reference to a key of a Secret, which may be
// absent.
func validateSecretKeyRef(at *field.Path, ref *SecretKeyRef) field.ErrorList {
	if ref == nil {
		return nil
	}
	return slices.Concat(
		validateSecretRef(at, &ref.SecretRef),
		required(at.Child("key"), ref.Key != "", "the key in the Secret"),
		forbidden(at.Child("key"), ref.Key != "" && len(validation.IsConfigMapKey(ref.Key)) > 0, "must be a key in a Secret: letters, digits, hyphens, underscores and dots"),
	)
}

// validateLabels checks the keys and values of labels.
func validateLabels(at *field.Path, labels map[string]string) field.ErrorList {
	var faults field.ErrorList
	for _, key := range sortedKeys(labels) {
		value := labels[key]
		faults = slices.Concat(faults,
			check(at.Key(key), key, len(validation.IsQualifiedName(key)) == 0, "must have a key such as role or example.com/role"),
			check(at.Key(key), value, len(validation.IsValidLabelValue(value)) == 0, "must be at most 63 letters, digits, hyphens, underscores and dots, and begin and end with a letter or digit"),
		)
	}
	return faults
}

// validateAnnotations checks the keys of annotations; values may be anything.
func validateAnnotations(at *field.Path, annotations map[string]string) field.ErrorList {
	var faults field.ErrorList
	for _, key := range sortedKeys(annotations) {
		faults = append(faults, check(at.Key(key), key, len(validation.IsQualifiedName(strings.ToLower(key))) == 0, "must have a key such as example.com/role")...)
	}
	return faults
}

// validateURL checks a URL, which may be absent. No fault shows it: its path or
// query may hold a token.
func validateURL(at *field.Path, raw string, schemes ...string) field.ErrorList {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		return forbidden(at, true, "must be a URL with a host whose scheme is "+either(schemes))
	}
	return forbidden(at, u.User != nil, "must hold no user name or password")
}

// isPlainHTTP reports whether a URL's connection is not encrypted.
func isPlainHTTP(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Scheme == "http"
}

// validateVerifies refuses an authority, which may be absent, where the URL beside it
// has no certificate that could be verified.
func validateVerifies(at *field.Path, authority *SecretKeyRef, name, url string) field.ErrorList {
	return forbidden(at, authority != nil && isPlainHTTP(url), "is not used where "+name+" begins with http://")
}

// validateCIDR checks a range of addresses, whose host bits must be zero.
func validateCIDR(at *field.Path, cidr string) field.ErrorList {
	const detail = "must be a range of addresses, such as 10.0.0.0/8"
	if address, err := netip.ParseAddr(cidr); err == nil && address.Zone() == "" {
		return check(at, cidr, false, fmt.Sprintf("%s\nhint: write %s/%d for this one address", detail, cidr, address.BitLen()))
	}
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return check(at, cidr, false, detail)
	}
	canonical := prefix.Masked().String()
	return check(at, cidr, cidr == canonical, "must begin with the range's first address\nhint: write "+canonical)
}
