package v1

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Limits of a tenant's keys. Each has an entry in the metadata of the tenant's namespace,
// of which OpenBao takes 64; clients are limited by the engine.
const (
	mostKeys    = 50
	mostClients = 64
)

// The leases of fences that the engine takes. Source: secp256k1/settings.go.
const leastLease, mostLease = time.Second, time.Minute

// validateKeys checks the keys of a tenant, of which there may be most.
func validateKeys(at *field.Path, tenant *metav1.ObjectMeta, keys []Key, most *int64) field.ErrorList {
	first := map[string]KeyClient{}
	names := make([]string, len(keys))
	faults := each(at, keys, func(at *field.Path, key Key) field.ErrorList {
		return slices.Concat(key.validate(at), validateKeyClients(at.Child("clients"), tenant, key.Clients, first))
	})
	for i, key := range keys {
		names[i] = key.Name
	}
	return slices.Concat(faults, unique(at, names),
		forbidden(at, len(keys) > mostKeys, fmt.Sprintf("must be at most %d", mostKeys)),
		forbidden(at, most != nil && int64(len(keys)) > *most, fmt.Sprintf("must be at most %d, which quotas.keys or else the plan allows", deref(most))),
	)
}

func (k *Key) validate(at *field.Path) field.ErrorList {
	name := at.Child("name")
	var policy map[string]any
	return slices.Concat(
		required(name, k.Name != "", "such as batcher"),
		check(name, k.Name, k.Name == "" || isLabel(k.Name), mustBeLabel),
		required(at.Child("type"), k.Type != "", "evm or cosmos"),
		enum(at.Child("type"), k.Type, KeyEVM, KeyCosmos),
		required(at.Child("policy"), len(k.Policy.Raw) > 0, "what the key may sign, such as rules and fees: see docs/policies.md"),
		forbidden(at.Child("policy"), len(k.Policy.Raw) > 0 && json.Unmarshal(k.Policy.Raw, &policy) != nil, "must be a mapping, such as rules and fees: see docs/policies.md"),
		k.Fence.validate(at.Child("fence"), k.Type),
		enum(at.Child("nonceGuard"), k.NonceGuard, SameContent, SameRecipient),
		forbidden(at.Child("nonceGuard"), k.NonceGuard != "" && k.Type == KeyCosmos, "must not be given for a key of type cosmos, which has no nonces"),
	)
}

func (f *Fence) validate(at *field.Path, kind KeyType) field.ErrorList {
	if f == nil {
		return nil
	}
	lease, err := time.ParseDuration(f.Lease)
	return slices.Concat(
		required(at.Child("lease"), f.Lease != "", "such as 4s"),
		check(at.Child("lease"), f.Lease, f.Lease == "" || err == nil && lease >= leastLease && lease <= mostLease, fmt.Sprintf("must be a duration of %v to %v, such as 4s", leastLease, mostLease)),
		forbidden(at, kind == KeyCosmos, "must not be given for a key of type cosmos, which signs no blocks"),
	)
}

// validateKeyClients checks the clients of a key. First holds those of the keys before, of
// which each is written alike.
func validateKeyClients(at *field.Path, tenant *metav1.ObjectMeta, clients []KeyClient, first map[string]KeyClient) field.ErrorList {
	room := validation.DNS1123LabelMaxLength - len(fmt.Sprintf(derivedFromClient, tenant.Name, ""))
	names := make([]string, len(clients))
	faults := each(at, clients, func(at *field.Path, c KeyClient) field.ErrorList {
		name := at.Child("name")
		other, known := first[c.Name]
		if !known {
			first[c.Name] = c
		}
		return slices.Concat(
			required(name, c.Name != "", "such as op-batcher"),
			check(name, c.Name, c.Name == "" || isLabel(c.Name), mustBeLabel),
			check(name, c.Name, room < 1 || len(c.Name) <= room, fmt.Sprintf("must be at most %d characters, so that %s stays within %d", room, fmt.Sprintf(derivedFromClient, tenant.Name, "<name>"), validation.DNS1123LabelMaxLength)),
			required(at.Child("auth"), c.Auth != "", "mtls or apiKey"),
			enum(at.Child("auth"), c.Auth, AuthMTLS, AuthAPIKey),
			required(at.Child("namespace"), c.Namespace != "", "the namespace whose pods may connect"),
			validateClientNamespace(at.Child("namespace"), c.Namespace),
			validateDelivery(at.Child("deliver"), c, tenant.Namespace),
			forbidden(at, known && c.Name != "" && c != other, fmt.Sprintf("must be as client %s of an earlier key: it is one program with one credential", c.Name)),
		)
	})
	for i, c := range clients {
		names[i] = c.Name
	}
	return slices.Concat(faults, unique(at, names), forbidden(at, len(clients) > mostClients, fmt.Sprintf("must be at most %d", mostClients)))
}

// validateClientNamespace checks a namespace whose pods may connect to the signer.
func validateClientNamespace(at *field.Path, name string) field.ErrorList {
	return slices.Concat(
		check(at, name, name == "" || isLabel(name), mustBeLabel),
		check(at, name, name == metav1.NamespaceDefault || !IsForeignNamespace(name), "must be the namespace of the client's own pods: all pods there may connect to the signer"),
	)
}

// validateDelivery refuses delivery to where the credential is anyway, and to the namespace
// of others whose pods may be clients; no pod of the other namespaces of others may.
func validateDelivery(at *field.Path, c KeyClient, stack string) field.ErrorList {
	return slices.Concat(
		forbidden(at, c.Deliver && c.Namespace != "" && c.Namespace == stack, "must not be given in the stack's own namespace, where the credential is anyway"),
		forbidden(at, c.Deliver && c.Namespace == metav1.NamespaceDefault, "must not be given in namespace default, where the tenants Job would have the right to create Secrets\nhint: give the client a namespace of its own"),
	)
}

func isLabel(name string) bool {
	return len(name) <= validation.DNS1123LabelMaxLength && labelPattern.MatchString(name)
}

// IsShorter reports whether a lease is a shorter one than another; what is none is not.
func IsShorter(lease, other string) bool {
	a, err1 := time.ParseDuration(lease)
	b, err2 := time.ParseDuration(other)
	return err1 == nil && err2 == nil && a < b
}
