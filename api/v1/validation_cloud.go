package v1

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A cloud's id of a key says where the key is. What the spec says beside it must
// agree: otherwise no pod unseals, and the message of the cloud tells little.

// validateAgreement checks what one field of a provider says of another.
func (a *AutoUnseal) validateAgreement(at *field.Path) field.ErrorList {
	switch a.Provider {
	case ProviderAWSKMS:
		return slices.Concat(
			a.validateARN(at),
			validateEndpointRegion(at.Child("endpoint"), a.Endpoint, "kms", a.region()),
			validateVerifies(at.Child("caCert"), a.CACert, "endpoint", a.Endpoint),
		)
	case ProviderGCPKMS:
		return a.validateKeyPath(at)
	case ProviderAzureKV:
		return a.validateVault(at)
	case ProviderTransit:
		return validateVerifies(at.Child("caCert"), a.CACert, "address", a.Address)
	}
	return nil
}

// validateARN checks an ARN against the region. Source: AWS KMS's developer
// guide, "Key identifiers": arn:<partition>:kms:<region>:<account>:key/<id> or
// alias/<name>.
func (a *AutoUnseal) validateARN(at *field.Path) field.ErrorList {
	keyID := at.Child("keyId")
	if !strings.HasPrefix(a.KeyID, "arn:") {
		return nil
	}
	parts := strings.SplitN(a.KeyID, ":", 6)
	whole := len(parts) == 6 && parts[2] == "kms" && parts[3] != "" &&
		(strings.HasPrefix(parts[5], "key/") || strings.HasPrefix(parts[5], "alias/"))
	if !whole {
		return check(keyID, a.KeyID, false, "must be an ARN of a key or alias in KMS, such as arn:aws:kms:eu-west-1:111122223333:key/0f1e2d3c")
	}
	return check(at.Child("region"), a.Region, a.Region == "" || a.Region == parts[3], fmt.Sprintf("must be %s, as keyId has it", parts[3]))
}

// region is the key's, where the spec says it.
func (a *AutoUnseal) region() string {
	if parts := strings.Split(a.KeyID, ":"); parts[0] == "arn" && len(parts) > 3 {
		return parts[3]
	}
	return a.Region
}

// validateEndpointRegion checks an endpoint of Amazon's own service that names a
// region against the one that is meant.
func validateEndpointRegion(at *field.Path, endpoint, service, region string) field.ErrorList {
	named, _ := amazonRegion(bareHost(endpoint), service)
	return forbidden(at, region != "" && named != "" && named != region, "must be an endpoint of region "+region)
}

// IsAccelerated reports whether an endpoint is that of Amazon's transfer acceleration.
func IsAccelerated(endpoint string) bool {
	return strings.HasPrefix(bareHost(endpoint), "s3-accelerate.")
}

// validateAccelerated checks a bucket that is reached by acceleration. Source: Amazon S3's
// user guide, "Requirements for using Amazon S3 Transfer Acceleration".
func (s *S3) validateAccelerated(at *field.Path) field.ErrorList {
	if !IsAccelerated(s.Endpoint) {
		return nil
	}
	const accelerated = "where endpoint is that of transfer acceleration"
	return slices.Concat(
		required(at.Child("region"), s.Region != "", "the bucket's region, which the endpoint of transfer acceleration does not tell"),
		check(at.Child("bucket"), s.Bucket, !strings.Contains(s.Bucket, "."), "must have no dot "+accelerated),
		forbidden(at.Child("pathStyle"), s.PathStyle, "must not be given "+accelerated+", which takes the bucket in the host's name only"),
	)
}

// amazonDomains are those of Amazon's own endpoints, and of its customers' machines.
// Source: github.com/aws/aws-sdk-go-v2, partitions.json, dnsSuffix and
// dualStackDnsSuffix.
var amazonDomains = []string{".amazonaws.com", ".api.aws", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn", ".amazonaws.eu", ".api.amazonwebservices.eu"}

// amazonRegionPattern is a region's name, such as us-gov-west-1.
var amazonRegionPattern = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)

// amazonRegion reports whether a host is an endpoint of one of Amazon's services, and
// the region that its name has: s3.amazonaws.com, s3-accelerate and s3-external-1 have
// none. Source: AWS General Reference, "Service endpoints".
func amazonRegion(host, service string) (region string, amazon bool) {
	for _, domain := range amazonDomains {
		of, ok := strings.CutSuffix(host, domain)
		if !ok {
			continue
		}
		labels := strings.Split(of, ".")
		at := slices.IndexFunc(labels, func(label string) bool { return label == service || strings.HasPrefix(label, service+"-") })
		if at < 0 {
			return "", false
		}
		for _, label := range labels[at:] {
			label = strings.TrimPrefix(strings.TrimPrefix(label, service+"-"), "fips-")
			if amazonRegionPattern.MatchString(label) {
				return label, true
			}
		}
		return "", true
	}
	return "", false
}

// validateKeyPath checks a key's name that is written in full. Source: Google
// Cloud KMS's "Object hierarchy".
func (a *AutoUnseal) validateKeyPath(at *field.Path) field.ErrorList {
	var faults field.ErrorList
	for _, f := range []struct{ name, value string }{{"project", a.Project}, {"location", a.Location}, {"keyRing", a.KeyRing}, {"cryptoKey", a.CryptoKey}} {
		if !strings.Contains(f.value, "/") {
			continue
		}
		parts := strings.Split(f.value, "/")
		faults = append(faults, check(at.Child(f.name), f.value, false,
			"must be the name alone, without the path\nhint: write "+parts[len(parts)-1])...)
		whole := map[string]string{}
		for i := 0; i+1 < len(parts); i += 2 {
			whole[parts[i]] = parts[i+1]
		}
		for _, other := range []struct{ part, name, value string }{
			{"projects", "project", a.Project}, {"locations", "location", a.Location}, {"keyRings", "keyRing", a.KeyRing},
		} {
			of := whole[other.part]
			agree := of == "" || other.value == "" || other.name == f.name || strings.Contains(other.value, "/") || of == other.value
			faults = append(faults, check(at.Child(other.name), other.value, agree, fmt.Sprintf("must be %s, as %s has it", of, f.name))...)
		}
	}
	return faults
}

// validateVault checks a vault or a key that is written as a URL. Source: Azure
// Key Vault's "About keys": https://<vault>.vault.azure.net/keys/<name>/<version>.
func (a *AutoUnseal) validateVault(at *field.Path) field.ErrorList {
	var faults field.ErrorList
	if strings.Contains(a.VaultName, "/") || strings.Contains(a.VaultName, ".") {
		name, _, _ := strings.Cut(bareHost(a.VaultName), ".")
		faults = append(faults, check(at.Child("vaultName"), a.VaultName, false, "must be the vault's name alone, without its domain\nhint: write "+name)...)
	}
	if rest, ok := strings.CutPrefix(a.KeyName, "https://"); ok {
		parts := strings.Split(rest, "/")
		vault, _, _ := strings.Cut(parts[0], ".")
		hint := ""
		if len(parts) > 2 && parts[1] == "keys" {
			hint = "\nhint: write " + parts[2]
		}
		faults = slices.Concat(faults,
			check(at.Child("keyName"), a.KeyName, false, "must be the key's name alone, without its URL"+hint),
			check(at.Child("vaultName"), a.VaultName, a.VaultName == "" || strings.ContainsAny(a.VaultName, "./") || vault == a.VaultName, fmt.Sprintf("must be %s, as keyName has it", vault)),
		)
	}
	return faults
}
