package v1

import (
	"encoding/base64"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	// plainPattern keeps quotes, spaces and template braces out of OpenBao's
	// configuration.
	plainPattern = regexp.MustCompile(`^[\w.:/@+=,~-]+$`)
)

func (o *OpenBao) validate(at *field.Path, registry string) field.ErrorList {
	var faults field.ErrorList
	if isTag(o.Version) { // otherwise the workload's fault says so
		faults = validateSemver(at.Child("version"), o.Version)
		v, err := semver.StrictNewVersion(o.Version)
		faults = append(faults, check(at.Child("version"), o.Version, err != nil || v.Major() == 2, "must be a version of OpenBao 2, such as 2.7.1: there is no other")...)
	}
	faults = slices.Concat(faults,
		validateMemory(at.Child("resources"), &o.Resources, "64Mi"),
		atLeast(at.Child("minReadySeconds"), o.MinReadySeconds, 0),
		o.Storage.validate(at.Child("storage")),
		o.AutoUnseal.validate(at.Child("autoUnseal"), o.Version, registry),
		o.Init.validate(at.Child("init"), o.AutoUnseal.enabled()),
		validateObjectName(at.Child("tls", "issuer"), o.TLS.Issuer),
		validateSecretName(at.Child("tls", "secretName"), o.TLS.SecretName),
		o.Plugin.validate(at.Child("plugin"), registry),
		o.Chart.validate(at.Child("chart")),
		validateAnnotations(at.Child("serviceAccountAnnotations"), o.ServiceAccountAnnotations),
		validateLabels(at.Child("podLabels"), o.PodLabels),
	)
	for _, key := range sortedKeys(o.PodLabels) {
		ours := strings.HasPrefix(key, "app.kubernetes.io/") || strings.HasPrefix(key, "openbao-") || key == "component"
		faults = append(faults, forbidden(at.Child("podLabels").Key(key), ours, "must not be given: selectors rest on app.kubernetes.io/*, component and openbao-*")...)
	}
	return faults
}

// validateSemver checks a version in full, which may be absent.
func validateSemver(at *field.Path, version string) field.ErrorList {
	detail := "must be a version in full, such as 1.2.3"
	if v, err := semver.NewVersion(version); err == nil {
		detail += "\nhint: write " + v.String()
	}
	_, err := semver.StrictNewVersion(version)
	return check(at, version, version == "" || err == nil, detail)
}

func (p *Plugin) validate(at *field.Path, registry string) field.ErrorList {
	_, err := semver.NewVersion(p.Version)
	clean := path.IsAbs(p.Path) && path.Clean(p.Path) == p.Path && p.Path != "/" && plainPattern.MatchString(p.Path)
	return slices.Concat(
		check(at.Child("version"), p.Version, p.Version == "" || err == nil && isTag(p.Version), "must be a version, such as 1.2.3"),
		validateImage(at.Child("image"), p.Image, registry, p.Version),
		check(at.Child("path"), p.Path, p.Path == "" || clean, "must be the absolute path of a file, such as /plugin/secp256k1"),
		check(at.Child("sha256"), p.SHA256, p.SHA256 == "" || sha256Pattern.MatchString(p.SHA256), "must be 64 hexadecimal digits in lower case"),
	)
}

func (c *Chart) validate(at *field.Path) field.ErrorList {
	if c == nil {
		return nil
	}
	return slices.Concat(
		required(at.Child("version"), c.Version != "", "the chart's version, such as 0.29.3"),
		validateSemver(at.Child("version"), c.Version),
		required(at.Child("digest"), c.Digest != "", "the digest that banhbaoring chart pull prints"),
		check(at.Child("digest"), c.Digest, c.Digest == "" || digestPattern.MatchString(c.Digest), "must be sha256: and 64 hexadecimal digits in lower case"),
		validateURL(at.Child("repository"), c.Repository, "https", "http", "oci"),
	)
}

func (i *Init) validate(at *field.Path, autoUnseal bool) field.ErrorList {
	keys := at.Child("pgpKeys")
	return slices.Concat(
		check(at.Child("shares"), i.Shares, i.Shares >= 1 && i.Shares <= 255, "must be 1 to 255"),
		check(at.Child("threshold"), i.Threshold, i.Threshold >= 1, "must be 1 or more"),
		check(at.Child("threshold"), i.Threshold, i.Threshold <= i.Shares, fmt.Sprintf("must be at most shares, of which there are %d", i.Shares)),
		check(at.Child("threshold"), i.Threshold, i.Threshold != 1 || i.Shares <= 1, "must be 2 or more where there are several shares"),
		forbidden(keys, len(i.PGPKeys) > 0 && !autoUnseal, "must not be given without autoUnseal: nothing could unseal"),
		check(keys, len(i.PGPKeys), len(i.PGPKeys) == 0 || len(i.PGPKeys) == int(i.Shares), fmt.Sprintf("must be as many as shares, %d", i.Shares)),
		each(keys, i.PGPKeys, func(at *field.Path, key string) field.ErrorList {
			_, err := base64.StdEncoding.DecodeString(key)
			return forbidden(at, err != nil || key == "", "must be a public key in base64, without armor")
		}),
	)
}
