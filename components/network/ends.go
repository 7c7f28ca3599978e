package network

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

// End is one side of an edge: pods of the namespace, or what is outside.
type End struct {
	Name string
	// Labels select pods of the namespace; what is outside has none.
	Labels map[string]string
	// Peers are what is outside, as a NetworkPolicy names it; without any, it
	// is every address.
	Peers []networkingv1.NetworkPolicyPeer

	enabled bool
}

// Inside tells whether the end is pods of the namespace.
func (e End) Inside() bool { return len(e.Labels) > 0 }

// endsOf are all ends, by name. Where the stack lacks one, it is not enabled.
func endsOf(s *render.Stack) map[string]End {
	ends := map[string]End{}
	for _, e := range append(pods(s), outside(s)...) {
		ends[e.Name] = e
	}
	return ends
}

// pods are the ends inside the namespace.
func pods(s *render.Stack) []End {
	c := &s.Cluster.Spec
	of := func(name, component string) map[string]string {
		return map[string]string{
			"app.kubernetes.io/name": name, "app.kubernetes.io/component": component, "app.kubernetes.io/instance": s.Cluster.Name,
		}
	}
	job := func(name string, enabled bool) End {
		return End{Name: name, Labels: of("banhbaoring", name), enabled: enabled}
	}
	monitored := *c.Monitoring.Enabled && c.Monitoring.Mode == v1.MonitoringStandalone
	ends := []End{
		job("secrets", true),
		job("peers", true),
		job("init", true),
		job("configure", true),
		job("tenants", v1.HasNamespaces(c.OpenBao.Version)),
		job("backup", *c.Backup.Enabled || len(s.Backups) > 0),
		job("restore", len(s.Restores) > 0),
		// The chart's own labels: its component has no prefix, and its instance is
		// the release.
		{Name: "openbao", enabled: true, Labels: map[string]string{
			"app.kubernetes.io/name": "openbao", "app.kubernetes.io/instance": "banhbaoring", "component": "server",
		}},
		{Name: "redis", Labels: of("redis", "redis"), enabled: *c.Redis.Managed},
		{Name: "redis-cluster", Labels: of("redis", "cluster"), enabled: *c.Redis.Managed && c.Redis.Mode == v1.RedisCluster},
		{Name: "api", Labels: of("api", "api"), enabled: true},
		{Name: "migrate", Labels: of("api", "migrate"), enabled: c.API.Migrations != nil},
		{Name: "dashboard", Labels: of("dashboard", "dashboard"), enabled: *c.Dashboard.Replicas > 0},
		{Name: "signer", Labels: of("signer", "signer"), enabled: *c.Signer.Enabled},
		{Name: "exporter", Labels: of("exporter", "exporter"), enabled: *c.Monitoring.Enabled},
		{Name: "postgres-exporter", Labels: of("postgres-exporter", "postgres-exporter"), enabled: c.ExportsPostgres()},
		{Name: "redis-exporter", Labels: of("redis-exporter", "redis-exporter"), enabled: c.ExportsRedis()},
		{Name: "alertmanager", Labels: of("alertmanager", "alertmanager"), enabled: monitored && *c.Monitoring.Alerting.Enabled},
		{Name: "grafana", Labels: of("grafana", "grafana"), enabled: monitored && *c.Monitoring.Grafana.Enabled},
		// cert-manager's pods, which prove by HTTP that the hosts are ours.
		{Name: "acme-solver", enabled: c.OpenBao.TLS.Issuer != "" && c.Networking.Mode == v1.NetworkingIngress, Labels: map[string]string{"acme.cert-manager.io/http01-solver": "true"}},
	}

	postgres := End{Name: "postgres", Labels: of("postgres", "database"), enabled: *c.Database.Managed}
	if operated(c) {
		// The pods are the operator's. Source: cloudnative-pg, pkg/utils/labels_annotations.go.
		postgres.Labels = map[string]string{"cnpg.io/cluster": "banhbaoring-postgres"}
	}
	prometheus := End{Name: "prometheus", Labels: of("prometheus", "prometheus"), enabled: *c.Monitoring.Enabled}
	if !monitored {
		// The pods are the operator's, in a namespace of its choice. Source:
		// prometheus-operator, pkg/prometheus/server/statefulset.go and agent/.
		prometheus.Labels, prometheus.Peers = nil, podsAnywhere(metav1.LabelSelectorRequirement{
			Key: "app.kubernetes.io/name", Operator: metav1.LabelSelectorOpIn, Values: []string{"prometheus", "prometheus-agent"},
		})
	}
	return append(ends, postgres, prometheus)
}

// outside are the ends that are no pods of the namespace. Names cannot be given
// to a NetworkPolicy, so that most are all addresses that they may have.
func outside(s *render.Stack) []End {
	c := &s.Cluster.Spec
	unseal := c.OpenBao.AutoUnseal
	kms := *unseal.Enabled && unseal.Provider != v1.ProviderTransit && unseal.Provider != v1.ProviderStatic
	identity := kms && unseal.Credentials == nil
	bucket, bucketIdentity, gcs := buckets(s)

	return []End{
		// Any port 53, as a node's own cache of names is no pod, and has an address
		// that each cluster chooses.
		{Name: "dns", enabled: true},
		{Name: "apiserver", enabled: true, Peers: ranges(c.Networking.APIServerCIDRs...)},
		{Name: "kms", enabled: kms, Peers: kmsPeers(c)},
		{Name: "transit", enabled: *unseal.Enabled && unseal.Provider == v1.ProviderTransit, Peers: given(c.Networking.KMSCIDRs, unseal.Address)},
		{Name: "metadata", enabled: identity, Peers: ranges(metadata...)},
		{Name: "gke-metadata", enabled: identity && unseal.Provider == v1.ProviderGCPKMS, Peers: ranges(gkeMetadata)},
		{Name: "external-database", enabled: !*c.Database.Managed, Peers: anyButLinks()},
		{Name: "external-redis", enabled: !*c.Redis.Managed, Peers: anyButLinks()},
		{Name: "cnpg-operator", enabled: operated(c), Peers: podsAnywhere(metav1.LabelSelectorRequirement{
			Key: "app.kubernetes.io/name", Operator: metav1.LabelSelectorOpIn, Values: []string{"cloudnative-pg"},
		})},
		{Name: "hosts", enabled: true},
		{Name: "stripe", enabled: *c.Billing.Stripe.Enabled, Peers: internet()},
		{Name: "oauth", enabled: c.API.OAuth.GitHub != nil || c.API.OAuth.Google != nil, Peers: internet()},
		{Name: "smtp", enabled: c.Email.SMTP != nil, Peers: targets(c.Networking.PrivateTargets)},
		{Name: "webhooks", enabled: len(webhookPorts(s)) > 0, Peers: targets(c.Networking.PrivateTargets)},
		{Name: "bucket", enabled: bucket, Peers: given(c.Networking.BucketCIDRs, endpoints(s)...)},
		{Name: "bucket-metadata", enabled: bucketIdentity, Peers: ranges(metadata...)},
		{Name: "bucket-gke-metadata", enabled: bucketIdentity && gcs, Peers: ranges(gkeMetadata)},
		{Name: "receivers", enabled: *c.Monitoring.Alerting.Enabled && (c.Monitoring.Alerting.Slack != nil || c.Monitoring.Alerting.PagerDuty != nil), Peers: internet()},
		{Name: "proxy", enabled: c.Networking.Proxy != nil},
		{Name: "ingress", enabled: true, Peers: ingress(c.Networking)},
		{Name: "anywhere", enabled: true},
		{Name: "clients", enabled: len(clients(s)) > 0, Peers: namespaces(clients(s))},
		{Name: "mesh", enabled: c.Networking.Mesh != v1.MeshNone, Peers: controlPlanes[c.Networking.Mesh]},
	}
}

// metadata are the addresses where clouds tell a pod who it is.
var metadata = []string{
	"169.254.169.254/32", // AWS, Azure, Google Cloud
	"fd00:ec2::254/128",  // AWS
	"169.254.170.23/32",  // EKS Pod Identity
	"fd00:ec2::23/128",   // EKS Pod Identity
}

// gkeMetadata is where GKE's metadata server listens, on port 988, once a pod's
// requests to the address above have been redirected.
const gkeMetadata = "169.254.169.252/32"

func operated(c *v1.BanhBaoRingClusterSpec) bool {
	return *c.Database.Managed && c.Database.Engine == v1.DatabaseCloudNativePG
}

// ingress is who may connect to what is exposed.
func ingress(n v1.Networking) []networkingv1.NetworkPolicyPeer {
	namespaces := &metav1.LabelSelector{}
	if n.IngressControllerNamespace != "" {
		namespaces.MatchLabels = map[string]string{"kubernetes.io/metadata.name": n.IngressControllerNamespace}
	}
	peers := []networkingv1.NetworkPolicyPeer{{NamespaceSelector: namespaces}}
	return append(peers, ranges(n.TrustedProxies...)...)
}

func ranges(cidrs ...string) []networkingv1.NetworkPolicyPeer {
	var peers []networkingv1.NetworkPolicyPeer
	for _, cidr := range cidrs {
		peers = append(peers, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr}})
	}
	return peers
}

// podsAnywhere are the pods of any namespace that meet a requirement.
func podsAnywhere(r metav1.LabelSelectorRequirement) []networkingv1.NetworkPolicyPeer {
	return []networkingv1.NetworkPolicyPeer{{
		NamespaceSelector: &metav1.LabelSelector{},
		PodSelector:       &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{r}},
	}}
}

// clients are the namespaces of the signer's clients.
func clients(s *render.Stack) []string {
	names := slices.Clone(s.Cluster.Spec.Signer.ClientNamespaces)
	for _, t := range s.Tenants {
		for _, key := range t.Spec.Keys {
			for _, c := range key.Clients {
				names = append(names, c.Namespace)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// namespaces are the pods of some namespaces.
func namespaces(names []string) []networkingv1.NetworkPolicyPeer {
	var peers []networkingv1.NetworkPolicyPeer
	for _, name := range names {
		peers = append(peers, networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{
			MatchLabels: map[string]string{"kubernetes.io/metadata.name": name},
		}})
	}
	return peers
}

// destinations are where backups are kept, and restored from.
func destinations(s *render.Stack) []*v1.Destination {
	var all []*v1.Destination
	if d := s.Cluster.Spec.Backup.Destination; d != nil {
		all = append(all, d)
	}
	for _, b := range s.Backups {
		if b.Spec.Destination != nil {
			all = append(all, b.Spec.Destination)
		}
	}
	for _, r := range s.Restores {
		if r.Spec.Source != nil {
			all = append(all, r.Spec.Source)
		}
	}
	return all
}

// buckets tells what backups are kept in: any bucket, one that is opened by the
// pod's cloud identity, one of Google's so.
func buckets(s *render.Stack) (given, byIdentity, gcs bool) {
	for _, d := range destinations(s) {
		given = true
		switch {
		case d.S3 != nil && d.S3.Credentials == nil:
			byIdentity = true
		case d.GCS != nil && d.GCS.Credentials == nil:
			byIdentity, gcs = true, true
		}
	}
	return given, byIdentity, gcs
}
