package helm

import (
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"
)

// apiVersions is what a chart finds in .Capabilities.APIVersions: the API of a
// current Kubernetes and of the operators whose objects this project prints.
// Written down, because Helm's own list is compiled from whatever client-go
// registers and a cluster's list needs a cluster.
var apiVersions = chartutil.VersionSet{
	"v1",
	"admissionregistration.k8s.io/v1",
	"apiextensions.k8s.io/v1",
	"apiregistration.k8s.io/v1",
	"apps/v1",
	"apps/v1/Deployment",
	"apps/v1/StatefulSet",
	"authentication.k8s.io/v1",
	"authorization.k8s.io/v1",
	"autoscaling/v1",
	"autoscaling/v2",
	"autoscaling/v2/HorizontalPodAutoscaler",
	"batch/v1",
	"batch/v1/CronJob",
	"batch/v1/Job",
	"certificates.k8s.io/v1",
	"coordination.k8s.io/v1",
	"discovery.k8s.io/v1",
	"events.k8s.io/v1",
	"flowcontrol.apiserver.k8s.io/v1",
	"networking.k8s.io/v1",
	"networking.k8s.io/v1/Ingress",
	"networking.k8s.io/v1/NetworkPolicy",
	"node.k8s.io/v1",
	"policy/v1",
	"policy/v1/PodDisruptionBudget",
	"rbac.authorization.k8s.io/v1",
	"scheduling.k8s.io/v1",
	"storage.k8s.io/v1",

	"cert-manager.io/v1",
	"cert-manager.io/v1/Certificate",
	"external-secrets.io/v1",
	"external-secrets.io/v1/ExternalSecret",
	"gateway.networking.k8s.io/v1",
	"gateway.networking.k8s.io/v1/HTTPRoute",
	"monitoring.coreos.com/v1",
	"monitoring.coreos.com/v1/PodMonitor",
	"monitoring.coreos.com/v1/PrometheusRule",
	"monitoring.coreos.com/v1/ServiceMonitor",
}

// capabilities are what templates see of the cluster, refused where the chart's
// kubeVersion excludes it.
func (c *Chart) capabilities(version string) (*chartutil.Capabilities, error) {
	if strings.Count(version, ".") == 1 {
		version += ".0" // Argo CD may say "1.33"
	}
	kube, err := chartutil.ParseKubeVersion(version)
	if err != nil {
		return nil, fmt.Errorf("kubernetes version %q: %w", version, err)
	}
	if want := c.chart.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, kube.Version) {
		return nil, &Error{Chart: c.Name(),
			Message: fmt.Sprintf("version %s needs Kubernetes %s, not %s", c.Version(), want, kube.Version),
			Hint:    "say in spec.kubeVersion which version the cluster has, or use a chart made for it"}
	}
	helm := chartutil.DefaultCapabilities.HelmVersion // its type cannot be named here
	helm.Version, helm.GitCommit, helm.GitTreeState, helm.GoVersion = helmVersion, "", "", ""
	return &chartutil.Capabilities{
		KubeVersion: *kube,
		APIVersions: append(chartutil.VersionSet{}, apiVersions...),
		HelmVersion: helm,
	}, nil
}
