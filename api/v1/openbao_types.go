package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OpenBao is the cluster that keeps the keys.
type OpenBao struct {
	Workload `json:",inline"`
	// Replicas is the number of raft peers: 1, 3, 5 or 7.
	// +kubebuilder:validation:Enum=1;3;5;7
	Replicas *int32 `json:"replicas,omitempty"`
	// AllowSingle permits to shrink a cluster to one replica.
	AllowSingle bool `json:"allowSingle,omitempty"`
	// MinReadySeconds is how long a pod must be ready before the next one is
	// replaced, in seconds.
	// +kubebuilder:validation:Minimum=0
	MinReadySeconds *int32 `json:"minReadySeconds,omitempty"`
	// Storage of each peer.
	Storage Storage `json:"storage,omitzero"`
	// AutoUnseal unseals with a key that is kept elsewhere.
	AutoUnseal AutoUnseal `json:"autoUnseal,omitzero"`
	// Init is how the cluster is initialised, once.
	Init Init `json:"init,omitzero"`
	// TLS is the certificate that clients see.
	TLS TLS `json:"tls,omitzero"`
	// Plugin is the secp256k1 secrets engine.
	Plugin Plugin `json:"plugin,omitzero"`
	// Chart renders with the official chart instead of the built-in one.
	Chart *Chart `json:"chart,omitempty"`
	// ServiceAccountAnnotations tie the pods to a cloud identity, such as
	// eks.amazonaws.com/role-arn.
	ServiceAccountAnnotations map[string]string `json:"serviceAccountAnnotations,omitempty"`
	// PodLabels are added to the pods.
	PodLabels map[string]string `json:"podLabels,omitempty"`
}

// Provider is a kind of auto-unseal.
//
// +kubebuilder:validation:Enum=awskms;gcpkms;azurekv;transit;static
type Provider string

// The kinds of auto-unseal.
const (
	ProviderAWSKMS  Provider = "awskms"
	ProviderGCPKMS  Provider = "gcpkms"
	ProviderAzureKV Provider = "azurekv"
	ProviderTransit Provider = "transit"
	ProviderStatic  Provider = "static"
)

// AutoUnseal unseals with a key that is kept elsewhere. Which fields count
// depends on the provider.
type AutoUnseal struct {
	// Enabled turns it on; on when a provider is given.
	Enabled *bool `json:"enabled,omitempty"`
	// Provider keeps the key.
	Provider Provider `json:"provider,omitempty"`

	// KeyID is the key's id, ARN or alias (awskms), or the name of the current
	// key (static).
	KeyID string `json:"keyId,omitempty"`
	// Region of the key (awskms).
	Region string `json:"region,omitempty"`
	// Endpoint of the service, as a URL (awskms).
	Endpoint string `json:"endpoint,omitempty"`

	// Project of the key (gcpkms).
	Project string `json:"project,omitempty"`
	// Location of the key ring (gcpkms).
	Location string `json:"location,omitempty"`
	// KeyRing of the key (gcpkms).
	KeyRing string `json:"keyRing,omitempty"`
	// CryptoKey is the key's name (gcpkms).
	CryptoKey string `json:"cryptoKey,omitempty"`

	// TenantID of the directory (azurekv).
	TenantID string `json:"tenantId,omitempty"`
	// VaultName is the key vault's name (azurekv).
	VaultName string `json:"vaultName,omitempty"`
	// KeyName is the key's name (azurekv, transit).
	KeyName string `json:"keyName,omitempty"`

	// Address of the other OpenBao or Vault, as a URL (transit).
	Address string `json:"address,omitempty"`
	// MountPath of its transit engine (transit).
	MountPath string `json:"mountPath,omitempty"`
	// Namespace of its transit engine (transit).
	Namespace string `json:"namespace,omitempty"`
	// Token for it (transit).
	Token *SecretKeyRef `json:"token,omitempty"`
	// CACert is the certificate authority of the service's certificate (awskms with
	// an endpoint, transit).
	CACert *SecretKeyRef `json:"caCert,omitempty"`

	// Key is a 32-byte key (static); minted when absent.
	Key *SecretKeyRef `json:"key,omitempty"`
	// PreviousKeyID is the name of the key before the current one (static), from
	// which OpenBao moves to the current one as it starts.
	PreviousKeyID string `json:"previousKeyId,omitempty"`
	// PreviousKey is that key (static).
	PreviousKey *SecretKeyRef `json:"previousKey,omitempty"`

	// Credentials for the service; the pod's workload identity when absent.
	Credentials *Credentials `json:"credentials,omitempty"`
	// Plugin is the provider's KMS plugin, which OpenBao needs from 2.7 on.
	Plugin Plugin `json:"plugin,omitzero"`
}

// Credentials are a provider's credentials, each in a Secret.
type Credentials struct {
	// AccessKeyID of AWS.
	AccessKeyID *SecretKeyRef `json:"accessKeyId,omitempty"`
	// SecretAccessKey of AWS.
	SecretAccessKey *SecretKeyRef `json:"secretAccessKey,omitempty"`
	// ServiceAccountKey of Google Cloud, as JSON.
	ServiceAccountKey *SecretKeyRef `json:"serviceAccountKey,omitempty"`
	// ClientID of Azure.
	ClientID *SecretKeyRef `json:"clientId,omitempty"`
	// ClientSecret of Azure.
	ClientSecret *SecretKeyRef `json:"clientSecret,omitempty"`
}

// Init is how OpenBao is initialised, once.
type Init struct {
	// Shares is the number of unseal (or recovery) key shares.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	Shares int32 `json:"shares,omitempty"`
	// Threshold is the number of shares that are needed.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	Threshold int32 `json:"threshold,omitempty"`
	// PGPKeys are public keys in base64, one for each share, that encrypt the
	// recovery keys.
	PGPKeys []string `json:"pgpKeys,omitempty"`
}

// TLS is the certificate that clients outside see, and, when it is a Secret
// that covers the in-cluster names too, the one that is used inside.
type TLS struct {
	// Issuer is the cert-manager ClusterIssuer of the public hosts'
	// certificates. Without one, the hosts have the certificate that the ingress
	// controller has for them; behind a Gateway, the Gateway has it in any case.
	Issuer string `json:"issuer,omitempty"`
	// SecretName is a Secret with tls.crt, tls.key and ca.crt that covers the
	// in-cluster names. Without an issuer it is vault.<domain>'s too.
	SecretName string `json:"secretName,omitempty"`
}

// Plugin is an OpenBao plugin in an image.
type Plugin struct {
	// Version that is registered, and the image's tag when image gives none.
	Version string `json:"version,omitempty"`
	// Image that holds the binary.
	Image string `json:"image,omitempty"`
	// Path of the binary in the image.
	Path string `json:"path,omitempty"`
	// SHA256 of the binary, in hexadecimal; any binary of the image when absent.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	SHA256 string `json:"sha256,omitempty"`
}

// Chart is an OpenBao chart that `banhbaoring chart pull` has stored.
type Chart struct {
	// Repository is a chart repository's URL, or an OCI reference (oci://…).
	Repository string `json:"repository,omitempty"`
	// Version of the chart.
	Version string `json:"version"`
	// Digest of the chart's archive, sha256:….
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	Digest string `json:"digest"`
}

// BanhBaoRingClusterStatus is what was seen of a stack. The renderer does not
// read it.
type BanhBaoRingClusterStatus struct {
	// Phase is Pending, Initializing, Running, Degraded or Failed.
	Phase      string             `json:"phase,omitempty"`
	OpenBao    *OpenBaoStatus     `json:"openbao,omitempty"`
	API        *ComponentStatus   `json:"api,omitempty"`
	Dashboard  *ComponentStatus   `json:"dashboard,omitempty"`
	Database   *DatabaseStatus    `json:"database,omitempty"`
	Redis      *RedisStatus       `json:"redis,omitempty"`
	Endpoints  *Endpoints         `json:"endpoints,omitempty"`
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OpenBaoStatus is what was seen of OpenBao.
type OpenBaoStatus struct {
	Ready   bool   `json:"ready"`
	Sealed  bool   `json:"sealed"`
	Version string `json:"version,omitempty"`
	Nodes   string `json:"nodes,omitempty"`
	Leader  string `json:"leader,omitempty"`
}

// ComponentStatus is what was seen of a Deployment.
type ComponentStatus struct {
	Ready    bool   `json:"ready"`
	Version  string `json:"version,omitempty"`
	Replicas string `json:"replicas,omitempty"`
}

// DatabaseStatus is what was seen of the database.
type DatabaseStatus struct {
	Ready           bool   `json:"ready"`
	Version         string `json:"version,omitempty"`
	PrimaryEndpoint string `json:"primaryEndpoint,omitempty"`
}

// RedisStatus is what was seen of Redis.
type RedisStatus struct {
	Ready   bool   `json:"ready"`
	Version string `json:"version,omitempty"`
	Mode    string `json:"mode,omitempty"`
}

// Endpoints are the URLs of the stack.
type Endpoints struct {
	API       string `json:"api,omitempty"`
	Dashboard string `json:"dashboard,omitempty"`
	OpenBao   string `json:"openbao,omitempty"`
	Grafana   string `json:"grafana,omitempty"`
}
