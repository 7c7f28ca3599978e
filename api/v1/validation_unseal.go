package v1

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// staticSealSince is the first OpenBao that has the static seal.
const staticSealSince = "2.4.0"

func (a *AutoUnseal) enabled() bool { return a.Enabled != nil && *a.Enabled }

// unsealField is a field of AutoUnseal that only some providers use.
type unsealField struct {
	name  string // under autoUnseal
	value any    // a string or a *SecretKeyRef
	users []Provider
	what  string // for a field that its users require: what to give
}

func (f unsealField) given() bool {
	if ref, ok := f.value.(*SecretKeyRef); ok {
		return ref != nil
	}
	return f.value != ""
}

// fields are all fields that only some providers use.
func (a *AutoUnseal) fields() []unsealField {
	users := func(p ...Provider) []Provider { return p }
	c := cmp.Or(a.Credentials, &Credentials{})
	with := func(other *SecretKeyRef, what string) string {
		if other == nil {
			return ""
		}
		return what
	}
	withText := func(other, what string) string {
		if other == "" {
			return ""
		}
		return what
	}
	return []unsealField{
		{"keyId", a.KeyID, users(ProviderAWSKMS, ProviderStatic), "the key's id, ARN or alias, such as alias/banhbaoring-unseal"},
		{"region", a.Region, users(ProviderAWSKMS), ""},
		{"endpoint", a.Endpoint, users(ProviderAWSKMS), ""},
		{"project", a.Project, users(ProviderGCPKMS), "the project of the key"},
		{"location", a.Location, users(ProviderGCPKMS), "the location of the key ring, such as global"},
		{"keyRing", a.KeyRing, users(ProviderGCPKMS), "the key ring of the key"},
		{"cryptoKey", a.CryptoKey, users(ProviderGCPKMS), "the name of the key"},
		{"tenantId", a.TenantID, users(ProviderAzureKV), "the id of the directory"},
		{"vaultName", a.VaultName, users(ProviderAzureKV), "the name of the key vault"},
		{"keyName", a.KeyName, users(ProviderAzureKV, ProviderTransit), "the name of the key"},
		{"address", a.Address, users(ProviderTransit), "the URL of the other OpenBao or Vault, such as https://vault.example.com:8200"},
		{"mountPath", a.MountPath, users(ProviderTransit), "the path of its transit engine, such as transit"},
		{"namespace", a.Namespace, users(ProviderTransit), ""},
		{"token", a.Token, users(ProviderTransit), "the key of a Secret that holds a token for the other OpenBao or Vault"},
		{"caCert", a.CACert, users(ProviderAWSKMS, ProviderTransit), ""},
		{"key", a.Key, users(ProviderStatic), "the key of a Secret that holds 32 bytes"},
		{"previousKeyId", a.PreviousKeyID, users(ProviderStatic), with(a.PreviousKey, "the keyId that previousKey had")},
		{"previousKey", a.PreviousKey, users(ProviderStatic), withText(a.PreviousKeyID, "the key that previousKeyId names")},
		{"credentials.accessKeyId", c.AccessKeyID, users(ProviderAWSKMS), with(c.SecretAccessKey, "what secretAccessKey belongs to")},
		{"credentials.secretAccessKey", c.SecretAccessKey, users(ProviderAWSKMS), with(c.AccessKeyID, "what belongs to accessKeyId")},
		{"credentials.serviceAccountKey", c.ServiceAccountKey, users(ProviderGCPKMS), ""},
		{"credentials.clientId", c.ClientID, users(ProviderAzureKV), with(c.ClientSecret, "what clientSecret belongs to")},
		{"credentials.clientSecret", c.ClientSecret, users(ProviderAzureKV), with(c.ClientID, "what belongs to clientId")},
	}
}

func (a *AutoUnseal) validate(at *field.Path, openbaoVersion, registry string) field.ErrorList {
	fields, provider := a.fields(), at.Child("provider")
	known := []Provider{ProviderAWSKMS, ProviderGCPKMS, ProviderAzureKV, ProviderTransit, ProviderStatic}
	wanted := a.enabled() || slices.ContainsFunc(fields, unsealField.given)

	faults := slices.Concat(
		required(provider, a.Provider != "" || !wanted, either(known)),
		enum(provider, a.Provider, known...),
		check(provider, a.Provider, !a.enabled() || a.Provider != ProviderStatic || AtLeast(openbaoVersion, staticSealSince),
			fmt.Sprintf("needs OpenBao %s or later, and openbao.version is %s", staticSealSince, openbaoVersion)),
		a.Plugin.validate(at.Child("plugin"), registry),
		check(at.Child("previousKeyId"), a.PreviousKeyID, a.PreviousKeyID == "" || a.PreviousKeyID != a.KeyID,
			"must not be keyId: OpenBao tells the two keys apart by their names\nhint: give the new key a keyId of its own"),
		forbidden(at.Child("previousKey"), a.PreviousKey != nil && a.Key != nil && a.PreviousKey.SecretName != "" && *a.PreviousKey == *a.Key, "must not be the same as key"),
		forbidden(at.Child("caCert"), a.Provider == ProviderAWSKMS && a.CACert != nil && a.Endpoint == "", "must not be given without endpoint: Amazon's certificate is known"),
		a.validateAgreement(at),
	)
	for _, f := range fields {
		names := strings.Split(f.name, ".")
		at := at.Child(names[0], names[1:]...)
		if a.enabled() && slices.Contains(known, a.Provider) {
			faults = append(faults, f.validateUse(at, a.Provider)...)
		}
		switch value := f.value.(type) {
		case *SecretKeyRef:
			faults = append(faults, validateSecretKeyRef(at, value)...)
		case string:
			faults = append(faults, f.validateText(at, value)...)
		}
	}
	return faults
}

// validateUse checks that a field is given where the provider requires it, and
// only where the provider uses it.
func (f unsealField) validateUse(at *field.Path, provider Provider) field.ErrorList {
	if slices.Contains(f.users, provider) {
		return required(at, f.what == "" || f.given(), f.what)
	}
	return forbidden(at, f.given(), fmt.Sprintf("is not used by provider %s, only by %s", provider, either(f.users)))
}

func (f unsealField) validateText(at *field.Path, text string) field.ErrorList {
	if f.name == "endpoint" || f.name == "address" {
		return validateURL(at, text, "https", "http")
	}
	return check(at, text, text == "" || plainPattern.MatchString(text), "must be letters, digits and . : / @ + = , ~ - _")
}
