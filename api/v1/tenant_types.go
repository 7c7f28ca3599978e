package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// BanhBaoRingTenant is one customer of a stack, with an OpenBao namespace of its own.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.spec.plan`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
type BanhBaoRingTenant struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BanhBaoRingTenantSpec   `json:"spec"`
	Status BanhBaoRingTenantStatus `json:"status,omitzero"`
}

// BanhBaoRingTenantList is a list of tenants.
//
// +kubebuilder:object:root=true
type BanhBaoRingTenantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BanhBaoRingTenant `json:"items"`
}

// BanhBaoRingTenantSpec is what a user asks for a tenant.
type BanhBaoRingTenantSpec struct {
	// ClusterRef is the cluster that the tenant lives in.
	ClusterRef LocalObjectReference `json:"clusterRef"`
	// DisplayName is shown to people.
	DisplayName string `json:"displayName,omitempty"`
	// Plan presets the quotas; a quota that is given wins, but may exceed the
	// plan's only with allowOverPlan.
	Plan Plan `json:"plan,omitempty"`
	// Quotas limit what the tenant may use.
	Quotas Quotas `json:"quotas,omitzero"`
	// AllowOverPlan permits quotas above those of the plan.
	AllowOverPlan bool `json:"allowOverPlan,omitempty"`
	// Suspended shuts the tenant out: nobody logs in, and whoever has is logged
	// out. Nothing is deleted.
	Suspended bool `json:"suspended,omitempty"`
	// Admin is the tenant's first user.
	Admin Admin `json:"admin"`
	// APIKeys are logins for programs. Each is kept in a Secret of its own,
	// banhbaoring-tenant-<tenant>.<name>.
	APIKeys []APIKey `json:"apiKeys,omitempty"`
	// Keys are signing keys with policies, which the tenants Job makes and keeps as they
	// are written here. One that is removed is not deleted: it signs no more. They need the
	// cluster's signer.
	Keys []Key `json:"keys,omitempty"`
	// Settings of the tenant.
	Settings TenantSettings `json:"settings,omitzero"`
}

// APIKey is a login for a program.
type APIKey struct {
	// Name of the key.
	Name string `json:"name"`
	// Role is what the key may do. Defaults to signer.
	Role TenantRole `json:"role,omitempty"`
	// Rotate mints the key anew: any value that it did not have before.
	Rotate string `json:"rotate,omitempty"`
}

// Key is a signing key that signs what its policy allows, for its clients.
type Key struct {
	// Name of the key.
	Name string `json:"name"`
	// Type of the key: evm or cosmos.
	Type KeyType `json:"type"`
	// Policy is what the key may sign: docs/policies.md and docs/policy.schema.json.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Policy runtime.RawExtension `json:"policy"`
	// Fence lets one client at a time sign block payloads.
	Fence *Fence `json:"fence,omitempty"`
	// NonceGuard lets no nonce of a chain sign twice: sameContent, but for other fees, or
	// sameRecipient, but for other transactions to the same recipient. Off when absent.
	NonceGuard NonceGuard `json:"nonceGuard,omitempty"`
	// Clients are the programs that may have it sign; nobody may when absent.
	Clients []KeyClient `json:"clients,omitempty"`
}

// KeyType is the kind of chain that a key signs for.
//
// +kubebuilder:validation:Enum=evm;cosmos
type KeyType string

// The types of keys that have a policy.
const (
	KeyEVM    KeyType = "evm"
	KeyCosmos KeyType = "cosmos"
)

// Fence lets one client at a time sign block payloads.
type Fence struct {
	// Lease is how long a holder that is not heard of keeps the fence, such as 4s: at least
	// two blocks.
	Lease string `json:"lease"`
}

// NonceGuard is what a nonce that has signed may sign again.
//
// +kubebuilder:validation:Enum=sameContent;sameRecipient
type NonceGuard string

// The nonce guards.
const (
	SameContent   NonceGuard = "sameContent"
	SameRecipient NonceGuard = "sameRecipient"
)

// KeyClient is a program that may have a key sign. It may be a client of several keys,
// and is written alike in each.
type KeyClient struct {
	// Name of the client. Its credential is in Secret
	// banhbaoring-tenant-<tenant>.client.<name>.
	Name string `json:"name"`
	// Auth is mtls, a certificate, or apiKey.
	Auth ClientAuth `json:"auth"`
	// Namespace is the one whose pods may connect to the signer for it.
	Namespace string `json:"namespace"`
	// Rotate mints the credential anew: any value that it did not have before. The one
	// before works for a day, and a certificate until its end.
	Rotate string `json:"rotate,omitempty"`
	// Deliver has the tenants Job write the credential, and settings for the client's
	// program, into the client's namespace too. The Job may then create Secrets and
	// ConfigMaps there.
	Deliver bool `json:"deliver,omitempty"`
}

// ClientAuth is how a client shows who it is.
//
// +kubebuilder:validation:Enum=mtls;apiKey
type ClientAuth string

// How clients show who they are.
const (
	AuthMTLS   ClientAuth = "mtls"
	AuthAPIKey ClientAuth = "apiKey"
)

// TenantRole is what a login of a tenant may do: admin everything that the
// tenant may, signer sign and verify, auditor look.
//
// +kubebuilder:validation:Enum=admin;signer;auditor
type TenantRole string

// The roles of a tenant.
const (
	RoleAdmin   TenantRole = "admin"
	RoleSigner  TenantRole = "signer"
	RoleAuditor TenantRole = "auditor"
)

// Quotas limit what a tenant may use; absent means unlimited where the plan
// sets no limit either.
type Quotas struct {
	// Keys that may exist.
	// +kubebuilder:validation:Minimum=0
	Keys *int64 `json:"keys,omitempty"`
	// SignaturesPerMonth that may be made.
	// +kubebuilder:validation:Minimum=0
	SignaturesPerMonth *int64 `json:"signaturesPerMonth,omitempty"`
	// Namespaces that may exist.
	// +kubebuilder:validation:Minimum=0
	Namespaces *int64 `json:"namespaces,omitempty"`
	// TeamMembers that may exist.
	// +kubebuilder:validation:Minimum=0
	TeamMembers *int64 `json:"teamMembers,omitempty"`
	// APIKeys that may exist.
	// +kubebuilder:validation:Minimum=0
	APIKeys *int64 `json:"apiKeys,omitempty"`
}

// Admin is a tenant's first user.
type Admin struct {
	// Email of the user.
	Email string `json:"email"`
	// Password of the user; minted into Secret banhbaoring-tenant-<tenant>-admin
	// when absent, and mailed where the cluster has email.smtp.
	Password *SecretKeyRef `json:"password,omitempty"`
}

// TenantSettings are a tenant's settings.
type TenantSettings struct {
	// AuditRetentionDays is how long audit records are kept, in days.
	// +kubebuilder:validation:Minimum=1
	AuditRetentionDays int32 `json:"auditRetentionDays,omitempty"`
	// AllowExportableKeys permits keys that can leave OpenBao.
	AllowExportableKeys bool `json:"allowExportableKeys,omitempty"`
	// AllowedIPRanges are the addresses that may log in; any when absent. Behind
	// an Ingress or a Gateway, OpenBao sees clients' addresses only through the
	// cluster's networking.trustedProxies.
	AllowedIPRanges []string `json:"allowedIPRanges,omitempty"`
	// Webhooks are called on events.
	Webhooks []Webhook `json:"webhooks,omitempty"`
}

// Webhook is called on events.
type Webhook struct {
	// URL that is called.
	URL string `json:"url"`
	// Events that it is called on, such as key.created.
	Events []string `json:"events,omitempty"`
	// Secret signs the calls (HMAC).
	Secret *SecretKeyRef `json:"secret,omitempty"`
	// CACert holds the certificates of the authority that signed the URL's, where
	// that is no public one.
	CACert *SecretKeyRef `json:"caCert,omitempty"`
}

// BanhBaoRingTenantStatus is what was seen of a tenant. The renderer does not read it.
type BanhBaoRingTenantStatus struct {
	// Phase is Pending, Active, Suspended or Deleted.
	Phase            string       `json:"phase,omitempty"`
	OpenBaoNamespace string       `json:"openbaoNamespace,omitempty"`
	Usage            *TenantUsage `json:"usage,omitempty"`
	CreatedAt        *metav1.Time `json:"createdAt,omitempty"`
	LastActiveAt     *metav1.Time `json:"lastActiveAt,omitempty"`
}

// TenantUsage is what a tenant uses.
type TenantUsage struct {
	Keys                int64 `json:"keys,omitempty"`
	SignaturesThisMonth int64 `json:"signaturesThisMonth,omitempty"`
	APIKeys             int64 `json:"apiKeys,omitempty"`
	TeamMembers         int64 `json:"teamMembers,omitempty"`
}
