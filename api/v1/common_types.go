package v1

import (
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// SecretRef names a Secret. Its name is written as secretName or as name.
type SecretRef struct {
	// SecretName is the Secret's name.
	SecretName string `json:"secretName,omitempty"`
	// Name is another way to write secretName.
	Name string `json:"name,omitempty"`
}

// SecretKeyRef names one key of a Secret. The Secret's name is written as
// secretName or as name.
type SecretKeyRef struct {
	SecretRef `json:",inline"`
	// Key is the key in the Secret.
	Key string `json:"key,omitempty"`
}

// Storage is a request for a persistent volume.
type Storage struct {
	// Size of each volume, such as 50Gi.
	Size resource.Quantity `json:"size,omitzero"`
	// StorageClass of each volume; the cluster's default class when absent.
	StorageClass string `json:"storageClass,omitempty"`
}

// Scheduling says on which nodes pods may run.
type Scheduling struct {
	// NodeSelector is a set of labels that a node must carry.
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations are taints that the pods tolerate.
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Affinity replaces the spread over nodes that is rendered otherwise: a
	// Kubernetes affinity.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
}

// Workload is what every component that runs pods can be told.
type Workload struct {
	Scheduling `json:",inline"`
	// Version is the image's tag when image gives none.
	Version string `json:"version,omitempty"`
	// Image replaces the default image. It is used as written: spec.imageRegistry
	// does not apply to it. Without a tag or digest, version is its tag.
	Image string `json:"image,omitempty"`
	// Resources of the main container.
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`
}

// LocalObjectReference names an object in the same namespace.
type LocalObjectReference struct {
	// Name of the object.
	Name string `json:"name"`
}

// S3 is a bucket of an S3 service.
type S3 struct {
	// Bucket is the bucket's name.
	Bucket string `json:"bucket"`
	// Region of the bucket.
	Region string `json:"region,omitempty"`
	// Prefix of every object's name, such as production/.
	Prefix string `json:"prefix,omitempty"`
	// Endpoint of an S3 service other than Amazon's, as a URL.
	Endpoint string `json:"endpoint,omitempty"`
	// PathStyle puts the bucket into the path instead of the host name.
	PathStyle bool `json:"pathStyle,omitempty"`
	// Credentials is a Secret with the keys access-key-id and secret-access-key.
	// Without it, the pod's workload identity is used.
	Credentials *SecretRef `json:"credentials,omitempty"`
	// CACert holds the certificates of the authority that signed the endpoint's,
	// where that is no public one.
	CACert *SecretKeyRef `json:"caCert,omitempty"`
}

// GCS is a bucket of Google Cloud Storage.
type GCS struct {
	// Bucket is the bucket's name.
	Bucket string `json:"bucket"`
	// Prefix of every object's name, such as production/.
	Prefix string `json:"prefix,omitempty"`
	// Credentials is a Secret with the key service-account.json. Without it,
	// the pod's workload identity is used.
	Credentials *SecretRef `json:"credentials,omitempty"`
}

// Destination is where backups are kept: exactly one of s3 and gcs.
//
// +kubebuilder:validation:XValidation:rule="has(self.s3) != has(self.gcs)",message="give exactly one of s3 and gcs"
type Destination struct {
	// S3 keeps backups in an S3 bucket.
	S3 *S3 `json:"s3,omitempty"`
	// GCS keeps backups in a bucket of Google Cloud Storage.
	GCS *GCS `json:"gcs,omitempty"`
}

// Credentials open the bucket; without any, the pod's own identity does.
func (d Destination) Credentials() *SecretRef {
	switch {
	case d.S3 != nil:
		return d.S3.Credentials
	case d.GCS != nil:
		return d.GCS.Credentials
	}
	return nil
}

// CACert holds the authority of the service's own, if it has one.
func (d Destination) CACert() *SecretKeyRef {
	if d.S3 == nil {
		return nil
	}
	return d.S3.CACert
}

// Place is where objects go, by which two destinations are compared.
func (d Destination) Place() string {
	switch {
	case d.S3 != nil:
		return "s3 " + service(d.S3.Endpoint) + " " + d.S3.Bucket + "/" + d.S3.Prefix
	case d.GCS != nil:
		return "gcs " + d.GCS.Bucket + "/" + d.GCS.Prefix
	}
	return ""
}

// service is one name for each endpoint of one service: its host in lower case, the
// port that counts and the path. It is empty for Amazon's own, where a bucket's name is
// that of one bucket, whichever endpoint leads to it.
func service(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return endpoint
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if _, amazon := amazonRegion(host, "s3"); amazon {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return host + ":" + port + strings.TrimRight(u.Path, "/")
}

// BackupComponent is a part of the stack that a backup holds.
//
// +kubebuilder:validation:Enum=openbao;database;secrets
type BackupComponent string

// The parts of the stack that a backup holds.
const (
	BackupOpenBao  BackupComponent = "openbao"
	BackupDatabase BackupComponent = "database"
	BackupSecrets  BackupComponent = "secrets"
)
