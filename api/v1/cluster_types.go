package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BanhBaoRingCluster is one key-management stack: OpenBao with the secp256k1
// plugin, the control plane's API, dashboard, database, cache, monitoring,
// backups.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bbr
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="OpenBao",type=string,JSONPath=`.spec.openbao.version`
// +kubebuilder:printcolumn:name="API",type=string,JSONPath=`.status.endpoints.api`
// +kubebuilder:printcolumn:name="Dashboard",type=string,JSONPath=`.status.endpoints.dashboard`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type BanhBaoRingCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BanhBaoRingClusterSpec   `json:"spec"`
	Status BanhBaoRingClusterStatus `json:"status,omitzero"`
}

// BanhBaoRingClusterList is a list of clusters.
//
// +kubebuilder:object:root=true
type BanhBaoRingClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BanhBaoRingCluster `json:"items"`
}

// Plan is a preset: of sizes and replicas for a cluster, of quotas for a tenant.
//
// +kubebuilder:validation:Enum=free;starter;pro;enterprise
type Plan string

// The plans.
const (
	PlanFree       Plan = "free"
	PlanStarter    Plan = "starter"
	PlanPro        Plan = "pro"
	PlanEnterprise Plan = "enterprise"
)

// Platform is the kind of cluster that the stack runs on.
//
// +kubebuilder:validation:Enum=kubernetes;openshift
type Platform string

// The platforms.
const (
	PlatformKubernetes Platform = "kubernetes"
	PlatformOpenShift  Platform = "openshift"
)

// BanhBaoRingClusterSpec is what a user asks of a stack. Only domain is required.
type BanhBaoRingClusterSpec struct {
	// Domain of the dashboard; the other hosts are api.<domain>, vault.<domain>
	// and grafana.<domain>.
	Domain string `json:"domain"`
	// Plan presets sizes, replicas and autoscaling; a field that is given wins.
	// Defaults to starter.
	Plan Plan `json:"plan,omitempty"`
	// Replicas is another way to write openbao.replicas.
	// +kubebuilder:validation:Enum=1;3;5;7
	Replicas *int32 `json:"replicas,omitempty"`

	// ImageRegistry replaces the registry of every default image, such as
	// registry.internal/mirror; the rest of the image's name stays.
	ImageRegistry string `json:"imageRegistry,omitempty"`
	// ImagePullSecrets are given to every pod.
	ImagePullSecrets []LocalObjectReference `json:"imagePullSecrets,omitempty"`

	// Platform is kubernetes, or openshift: its DNS listens on another port, and it
	// gives the pods their user and group itself. Defaults to kubernetes.
	Platform Platform `json:"platform,omitempty"`
	// KubeVersion is the version of Kubernetes that the output is for, such as
	// "1.29". What needs a later one is then left out or written in another way.
	// The least is 1.29; any version from 1.30 on when absent.
	KubeVersion string `json:"kubeVersion,omitempty"`

	// OpenBao keeps the keys.
	OpenBao OpenBao `json:"openbao,omitzero"`
	// API is the control plane.
	API API `json:"api,omitzero"`
	// Dashboard is the control plane's web page.
	Dashboard Dashboard `json:"dashboard,omitzero"`
	// Signer signs for rollups' clients, by the policies of their keys.
	Signer Signer `json:"signer,omitzero"`
	// Database is the control plane's PostgreSQL.
	Database Database `json:"database,omitzero"`
	// Redis is the control plane's cache.
	Redis Redis `json:"redis,omitzero"`
	// Monitoring is Prometheus, Alertmanager and Grafana.
	Monitoring Monitoring `json:"monitoring,omitzero"`
	// Backup is the scheduled backup.
	Backup Backup `json:"backup,omitzero"`
	// Billing connects the control plane to payment services.
	Billing Billing `json:"billing,omitzero"`
	// Email is how the stack sends mail.
	Email Email `json:"email,omitzero"`
	// Networking is how the stack is reached from outside, and what it may reach.
	Networking Networking `json:"networking,omitzero"`
	// Certificates says who signs the certificates inside the stack.
	Certificates Certificates `json:"certificates,omitzero"`
	// Secrets says where the Secrets that the user provides come from.
	Secrets Secrets `json:"secrets,omitzero"`
	// Jobs are the Jobs that do what manifests cannot.
	Jobs Jobs `json:"jobs,omitzero"`
	// Guardrails has the cluster refuse what nobody means to do: deleting Secrets
	// that hold keys, claims or the namespace, running programs or other images in
	// OpenBao's pods, weakening the namespace's pod security. It needs Kubernetes
	// 1.30, and the right to make ValidatingAdmissionPolicies.
	Guardrails bool `json:"guardrails,omitempty"`
	// Rerun runs a Job again: its name, and any new value.
	Rerun map[string]string `json:"rerun,omitempty"`
	// Patches are kustomize patches, applied to the finished objects in order.
	Patches []Patch `json:"patches,omitempty"`
}

// API is the control plane's API.
type API struct {
	Workload `json:",inline"`
	// Replicas is the number of pods where autoscaling is off. Where it is on,
	// they are the least unless autoscaling.minReplicas says otherwise.
	// +kubebuilder:validation:Minimum=1
	Replicas *int32 `json:"replicas,omitempty"`
	// Autoscaling adds pods under load.
	Autoscaling Autoscaling `json:"autoscaling,omitzero"`
	// OAuth lets people log in with accounts that they have elsewhere.
	OAuth OAuth `json:"oauth,omitzero"`
	// Migrations is a Job that prepares the database for each version of the
	// API. The API's pods start beside it, so that /ready must not answer
	// before the database is as that version needs it.
	Migrations *Migrations `json:"migrations,omitempty"`
}

// OAuth are the services whose accounts may log in.
type OAuth struct {
	// GitHub accounts.
	GitHub *OAuthClient `json:"github,omitempty"`
	// Google accounts.
	Google *OAuthClient `json:"google,omitempty"`
}

// OAuthClient is the control plane as it is registered with such a service.
type OAuthClient struct {
	// ClientID that the service gave.
	ClientID SecretKeyRef `json:"clientId"`
	// ClientSecret that the service gave.
	ClientSecret SecretKeyRef `json:"clientSecret"`
}

// Autoscaling is a HorizontalPodAutoscaler.
type Autoscaling struct {
	// Enabled turns it on; on in the plans pro and enterprise, and when any other
	// of its fields is given.
	Enabled *bool `json:"enabled,omitempty"`
	// MinReplicas is the smallest number of pods.
	// +kubebuilder:validation:Minimum=1
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// MaxReplicas is the largest number of pods.
	// +kubebuilder:validation:Minimum=1
	MaxReplicas int32 `json:"maxReplicas,omitempty"`
	// TargetCPU is the aimed-at use of the CPU request, in percent.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	TargetCPU int32 `json:"targetCPU,omitempty"`
}

// Migrations prepare the database for the API's version.
type Migrations struct {
	// Command in the API's image.
	Command []string `json:"command"`
}

// Dashboard is the control plane's web page.
type Dashboard struct {
	Workload `json:",inline"`
	// Replicas is the number of pods; 0 leaves the dashboard out.
	// +kubebuilder:validation:Minimum=0
	Replicas *int32 `json:"replicas,omitempty"`
	// CACert holds the certificates of the authority that signed that of
	// api.<domain>, which the dashboard calls, where that is no public one.
	CACert *SecretKeyRef `json:"caCert,omitempty"`
}

// Signer signs for rollups' clients, by the policies of their keys.
type Signer struct {
	Workload `json:",inline"`
	// Enabled turns it on; on when any other of its fields is given.
	Enabled *bool `json:"enabled,omitempty"`
	// Replicas is the number of pods.
	// +kubebuilder:validation:Minimum=1
	Replicas *int32 `json:"replicas,omitempty"`
	// ClientNamespaces are the namespaces whose pods may connect, beside those of the
	// clients of tenants' keys.
	ClientNamespaces []string `json:"clientNamespaces,omitempty"`
}

// Billing connects the control plane to payment services.
type Billing struct {
	// Stripe takes payments.
	Stripe Stripe `json:"stripe,omitzero"`
}

// Stripe is the payment service of that name.
type Stripe struct {
	// Enabled turns it on; on when any other of its fields is given.
	Enabled *bool `json:"enabled,omitempty"`
	// SecretKeyRef holds the API key.
	SecretKeyRef *SecretKeyRef `json:"secretKeyRef,omitempty"`
	// WebhookSecretRef holds the secret that signs webhooks.
	WebhookSecretRef *SecretKeyRef `json:"webhookSecretRef,omitempty"`
}

// Email is how the stack sends mail: the passwords of tenants' first users.
type Email struct {
	// SMTP is the server that takes the mail; none is sent when absent.
	SMTP *SMTP `json:"smtp,omitempty"`
}

// SMTP is a mail server.
type SMTP struct {
	// Host name of the server.
	Host string `json:"host"`
	// Port of the server. Defaults to 587, and to 465 with tls: implicit.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// TLS is starttls, implicit or none. Defaults to starttls, without which
	// nothing is sent then.
	TLS SMTPTLS `json:"tls,omitempty"`
	// From is the sender's address. Defaults to banhbaoring@<domain>.
	From string `json:"from,omitempty"`
	// Username that logs in; nobody logs in when absent.
	Username *SecretKeyRef `json:"username,omitempty"`
	// Password of that user.
	Password *SecretKeyRef `json:"password,omitempty"`
	// CACert is the authority of the server's certificate; those of the system
	// when absent.
	CACert *SecretKeyRef `json:"caCert,omitempty"`
}

// SMTPTLS is how a mail server's connection is encrypted.
//
// +kubebuilder:validation:Enum=starttls;implicit;none
type SMTPTLS string

// How a mail server's connection is encrypted.
const (
	SMTPStartTLS SMTPTLS = "starttls"
	SMTPImplicit SMTPTLS = "implicit"
	SMTPPlain    SMTPTLS = "none"
)

// NetworkingMode is the kind of object that exposes the hosts.
//
// +kubebuilder:validation:Enum=ingress;gateway
type NetworkingMode string

// The kinds of objects that expose the hosts.
const (
	NetworkingIngress NetworkingMode = "ingress"
	NetworkingGateway NetworkingMode = "gateway"
)

// Mesh is the service mesh whose sidecars run beside the stack's containers.
//
// +kubebuilder:validation:Enum=none;istio;linkerd
type Mesh string

// The service meshes.
const (
	MeshNone    Mesh = "none"
	MeshIstio   Mesh = "istio"
	MeshLinkerd Mesh = "linkerd"
)

// Networking is how the stack is reached from outside, and what it may reach.
type Networking struct {
	// Mode is ingress or gateway.
	Mode NetworkingMode `json:"mode,omitempty"`
	// IngressClassName is the class of every Ingress; the cluster's default
	// class when absent.
	IngressClassName string `json:"ingressClassName,omitempty"`
	// GatewayRef is the Gateway that HTTPRoutes attach to.
	GatewayRef *GatewayRef `json:"gatewayRef,omitempty"`
	// Mesh is istio, linkerd or none. What runs for long gets a sidecar, which
	// leaves alone the ports whose traffic is encrypted or is addressed to a
	// pod and not to a Service; Jobs get none, as they would never end. The mesh
	// must be installed with its CNI plugin: the namespace refuses the
	// privileged init container that it would need otherwise.
	Mesh Mesh `json:"mesh,omitempty"`
	// Annotations of every Ingress or HTTPRoute.
	Annotations map[string]string `json:"annotations,omitempty"`
	// APIServerCIDRs are the addresses of the Kubernetes API server; any
	// address when absent.
	APIServerCIDRs []string `json:"apiServerCIDRs,omitempty"`
	// APIServerPorts are the ports that the Kubernetes API server itself listens
	// on, beside 443, its Service's. Defaults to 6443.
	APIServerPorts []int32 `json:"apiServerPorts,omitempty"`
	// Proxy is what programs use that connect to services outside: OpenBao's seal,
	// backups and restores, the API, Alertmanager.
	Proxy *Proxy `json:"proxy,omitempty"`
	// IngressControllerNamespace is the namespace whose pods may connect to what
	// is exposed: that of the Ingress controller, or of the Gateway's pods. The
	// pods of any namespace may when it is absent.
	IngressControllerNamespace string `json:"ingressControllerNamespace,omitempty"`
	// KMSCIDRs are the addresses of the key management service or of the other
	// OpenBao that unseals; when absent, any address that the provider may have.
	KMSCIDRs []string `json:"kmsCIDRs,omitempty"`
	// BucketCIDRs are the addresses of the services that keep backups; any but
	// link-local ones when absent.
	BucketCIDRs []string `json:"bucketCIDRs,omitempty"`
	// PrivateTargets are names of hosts and ranges of addresses inside the
	// cluster or its network that webhooks of tenants may call, and where the
	// mail server may be. All others there are refused.
	PrivateTargets []string `json:"privateTargets,omitempty"`
	// OpenBao is what of OpenBao is reached from outside, as vault.<domain>.
	OpenBao OpenBaoExposure `json:"openbao,omitzero"`
	// TrustedProxies are the addresses of proxies whose X-Forwarded-For header
	// OpenBao believes. They may connect to what is exposed: load balancers
	// that send to pods directly, and controllers in the network of their node,
	// are no pods to a NetworkPolicy.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
}

// Expose is how much of OpenBao is reached from outside.
//
// +kubebuilder:validation:Enum=off;signing;all
type Expose string

// How much of OpenBao is reached from outside.
const (
	ExposeOff     Expose = "off"
	ExposeSigning Expose = "signing"
	ExposeAll     Expose = "all"
)

// OpenBaoExposure is what of OpenBao is reached from outside.
type OpenBaoExposure struct {
	// Expose is off, signing (logins, the secp256k1 engine and health) or all,
	// which holds operations that need no login.
	Expose Expose `json:"expose,omitempty"`
}

// Proxy is an HTTP proxy, which connects to services outside. It must ask for no
// password: that would stand in the pods' environment.
type Proxy struct {
	// HTTPS is the URL of the proxy for HTTPS, such as http://proxy.example.com:3128.
	HTTPS string `json:"https"`
	// HTTP is the URL of the proxy for plain HTTP; nothing goes out so when absent.
	HTTP string `json:"http,omitempty"`
	// NoProxy are hosts, domains and ranges of addresses that are connected to
	// without it, beside those inside the cluster and the stack's own hosts.
	NoProxy []string `json:"noProxy,omitempty"`
	// CACert holds the certificates of the authority with which the proxy signs for
	// the hosts that it is asked for, where it looks into the connections, and of
	// that which signed the proxy's own, where its URL begins with https://. They
	// are trusted beside the public ones.
	CACert *SecretKeyRef `json:"caCert,omitempty"`
}

// GatewayRef is a Gateway of the Gateway API.
type GatewayRef struct {
	// Name of the Gateway.
	Name string `json:"name"`
	// Namespace of the Gateway; the stack's own when absent.
	Namespace string `json:"namespace,omitempty"`
	// SectionName is a listener of the Gateway.
	SectionName string `json:"sectionName,omitempty"`
}

// Certificates says who signs the certificates inside the stack.
type Certificates struct {
	// CertManager lets cert-manager make the internal CA and sign; otherwise
	// the secrets Job does.
	CertManager bool `json:"certManager,omitempty"`
	// Issuer is a cert-manager issuer that signs the in-cluster names instead
	// of an own CA. A public issuer cannot.
	Issuer *IssuerRef `json:"issuer,omitempty"`
}

// IssuerRef is an issuer of cert-manager.
type IssuerRef struct {
	// Name of the issuer.
	Name string `json:"name"`
	// Kind is Issuer or ClusterIssuer.
	// +kubebuilder:validation:Enum=Issuer;ClusterIssuer
	Kind string `json:"kind,omitempty"`
}

// Secrets says where the Secrets that the user provides come from.
type Secrets struct {
	// ExternalSecrets fetches them with the External Secrets Operator.
	ExternalSecrets *ExternalSecrets `json:"externalSecrets,omitempty"`
}

// ExternalSecrets fetches Secrets with the External Secrets Operator.
type ExternalSecrets struct {
	// StoreRef is the store that holds the values.
	StoreRef StoreRef `json:"storeRef"`
	// RefreshInterval is how often values are fetched, such as 1h.
	RefreshInterval string `json:"refreshInterval,omitempty"`
	// Prefix of every name in the store.
	Prefix string `json:"prefix,omitempty"`
}

// StoreRef is a store of the External Secrets Operator.
type StoreRef struct {
	// Name of the store.
	Name string `json:"name"`
	// Kind is SecretStore or ClusterSecretStore.
	// +kubebuilder:validation:Enum=SecretStore;ClusterSecretStore
	Kind string `json:"kind,omitempty"`
}

// Jobs are the Jobs that do what manifests cannot, and the keeper sidecar.
type Jobs struct {
	Workload `json:",inline"`
}

// Patch is a kustomize patch: a strategic merge patch, or a list of JSON 6902
// operations with a target.
type Patch struct {
	// Patch is the text of the patch, YAML or JSON.
	Patch string `json:"patch"`
	// Target selects the objects; a strategic merge patch may name its object
	// itself instead.
	Target *PatchTarget `json:"target,omitempty"`
}

// PatchTarget selects objects. Group, version, kind, name and namespace are
// regular expressions that must match in full.
type PatchTarget struct {
	Group              string `json:"group,omitempty"`
	Version            string `json:"version,omitempty"`
	Kind               string `json:"kind,omitempty"`
	Name               string `json:"name,omitempty"`
	Namespace          string `json:"namespace,omitempty"`
	LabelSelector      string `json:"labelSelector,omitempty"`
	AnnotationSelector string `json:"annotationSelector,omitempty"`
}
