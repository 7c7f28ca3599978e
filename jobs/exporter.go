package jobs

// Exporter is the program that tells Prometheus what only Kubernetes knows of
// the stack. It runs for good, and `banhbaoring job` names it too.
const Exporter = "exporter"

// ExporterPort is where the exporter answers.
const ExporterPort = 8080

// VolumePort is where an exporter answers that measures its pod's volume.
const VolumePort = 8211

// BackupCronJob is the CronJob of scheduled backups.
const BackupCronJob = "banhbaoring-backup"

// ExporterConfig configures the exporter.
type ExporterConfig struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// Endpoints are those whose certificates it looks at.
	Endpoints []Endpoint `json:"endpoints,omitempty"`
	// Volumes are those whose file systems it measures.
	Volumes []Volume `json:"volumes,omitempty"`
}

// Endpoint is a server with a certificate.
type Endpoint struct {
	Name     string   `json:"name"`
	Address  string   `json:"address"`
	Protocol Protocol `json:"protocol"`
}

// Protocol is how TLS begins.
type Protocol string

// TLS begins at once, or after a request in PostgreSQL's own protocol.
const (
	ProtocolTLS      Protocol = "tls"
	ProtocolPostgres Protocol = "postgres"
)

// Volume is a mounted volume.
type Volume struct {
	Name string `json:"name"`
	Path string `json:"path"`
}
