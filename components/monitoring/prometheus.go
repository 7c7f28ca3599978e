package monitoring

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

func (p *parts) exporter() error {
	c := p.Cluster
	config := jobs.ExporterConfig{Cluster: c.Name, Namespace: c.Namespace, Endpoints: []jobs.Endpoint{{
		Name: "openbao", Address: fmt.Sprintf("%s:%d", jobs.OpenBaoName, jobs.OpenBaoPort), Protocol: jobs.ProtocolTLS,
	}}}
	if *c.Spec.Database.Managed {
		config.Endpoints = append(config.Endpoints, jobs.Endpoint{
			Name: "postgres", Address: postgresAddress, Protocol: jobs.ProtocolPostgres,
		})
	}
	if *c.Spec.Signer.Enabled {
		config.Endpoints = append(config.Endpoints, jobs.Endpoint{
			Name: jobs.Signer, Address: fmt.Sprintf("%s:%d", jobs.SignerName, jobs.SignerKeyPort), Protocol: jobs.ProtocolTLS,
		})
	}
	cm, _ := find[*corev1.ConfigMap](p, exporter)
	var err error
	if cm.Data, err = jobs.Encode(config); err != nil {
		return err
	}
	deployment, _ := find[*appsv1.Deployment](p, exporter)
	p.Place(&deployment.Spec.Template.Spec, c.Spec.Jobs.Workload)
	checksum(&deployment.Spec.Template, cm)
	return nil
}

// postgresAddress is the primary's Service.
const postgresAddress = "banhbaoring-postgres-primary:5432"

func (p *parts) prometheus() error {
	set, ok := find[*appsv1.StatefulSet](p, prometheus)
	if !ok {
		return nil
	}
	spec := p.Cluster.Spec.Monitoring
	config, _ := find[*corev1.ConfigMap](p, prometheus)
	if err := edit(config, "prometheus.yaml", func(c object) {
		c["global"].(object)["external_labels"].(object)["cluster"] = p.Cluster.Name
		if !*spec.Alerting.Enabled {
			delete(c, "alerting")
		}
	}); err != nil {
		return err
	}
	rules, _ := find[*corev1.ConfigMap](p, rules)
	pod := &set.Spec.Template.Spec
	p.Place(pod, spec.Prometheus.Workload)
	storage(set, spec.Prometheus.Storage)
	checksum(&set.Spec.Template, config, rules)

	const retention, size = "--storage.tsdb.retention.time=", "--storage.tsdb.retention.size="
	args := pod.Containers[0].Args
	// A fifth of the volume is left to the write-ahead log and to compaction.
	bytes := spec.Prometheus.Storage.Size.Value() / 5 * 4
	args[slices.Index(args, retention+"15d")] = retention + spec.Prometheus.Retention
	args[slices.Index(args, size+"8589934592B")] = fmt.Sprintf("%s%dB", size, bytes)
	return nil
}
