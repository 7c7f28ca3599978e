package jobs

import (
	"cmp"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
)

// Exporter is the program that tells Prometheus what only Kubernetes knows of
// the stack. It runs for good, and `banhbaoring job` names it too.
const Exporter = "exporter"

// ExporterPort is where the exporter answers.
const ExporterPort = 8080

// VolumePort is where an exporter answers that measures its pod's volume.
const VolumePort = 8211

// BackupCronJob is the CronJob of scheduled backups.
const BackupCronJob = "banhbaoring-backup"

// BackupDue is when the success after the CronJob's last one is due. Where none has
// succeeded yet, the first is due after the CronJob was made.
func BackupDue(c *batchv1.CronJob) (time.Time, error) {
	schedule, err := cron.ParseStandard(c.Spec.Schedule)
	if err != nil {
		return time.Time{}, fmt.Errorf("CronJob %s: schedule %q: %w", c.Name, c.Spec.Schedule, err)
	}
	zone := time.UTC
	if c.Spec.TimeZone != nil {
		if zone, err = time.LoadLocation(*c.Spec.TimeZone); err != nil {
			return time.Time{}, fmt.Errorf("CronJob %s: %w", c.Name, err)
		}
	}
	since := cmp.Or(c.Status.LastSuccessfulTime, &c.CreationTimestamp)
	return schedule.Next(since.In(zone)), nil
}

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
