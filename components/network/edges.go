package network

import (
	"net/url"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

// Edge is a connection that the stack needs.
type Edge struct {
	From, To End
	Ports    []Port
	// Why says what it is for.
	Why string
}

// Port is where a connection goes to.
type Port struct {
	Protocol corev1.Protocol
	Number   int32
}

// AnyPort is the number of a port that only a Secret knows.
const AnyPort = 0

// Edges are the connections that a stack needs, and no others.
func Edges(s *render.Stack) []Edge {
	ends := endsOf(s)
	rows := table(s, ends)

	// Whoever connects to anything looks up its address first, and whoever does
	// not has no business asking. A primary asks for its standbys' before it makes
	// a new database, whether there are any or not.
	resolve := row{from: list("postgres"), to: "dns", ports: dnsPorts(s.Cluster.Spec.Platform), why: "looks up addresses"}
	for _, r := range rows {
		for _, e := range r.edges(ends) {
			if e.From.Inside() && !slices.Contains(resolve.from, e.From.Name) {
				resolve.from = append(resolve.from, e.From.Name)
			}
		}
	}

	var edges []Edge
	for _, r := range append(rows, resolve) {
		edges = append(edges, r.edges(ends)...)
	}
	if s.Cluster.Spec.Networking.Mesh == v1.MeshLinkerd {
		throughLinkerd(edges, sidecars(&s.Cluster.Spec))
	}
	return edges
}

// row is a line of the table: one edge from each of several ends.
type row struct {
	from  []string
	to    string
	ports []Port
	why   string
	// off leaves the row out although both of its ends are there.
	off bool
}

// edges are the row's edges, of which the stack has both ends.
func (r row) edges(ends map[string]End) []Edge {
	var edges []Edge
	for _, name := range r.from {
		from, known := ends[name]
		to, too := ends[r.to]
		if !known || !too {
			panic("network: no end is called " + name + " or " + r.to) // the table is part of the program
		}
		if from.enabled && to.enabled && !r.off && (from.Inside() || to.Inside()) {
			edges = append(edges, Edge{From: from, To: to, Ports: r.ports, Why: r.why})
		}
	}
	return edges
}

// table is what the stack needs of the network. A row counts where the stack
// has both ends.
func table(s *render.Stack, ends map[string]End) []row {
	c := &s.Cluster.Spec
	replication := tcp(postgresPort)
	if operated(c) {
		replication = tcp(postgresPort, cnpgStatusPort) // the primary asks the others whether it is cut off
	}
	n := c.Networking
	apiserver := tcp(apiServerPorts(n)...)
	return []row{
		{from: list("secrets", "init", "peers", "configure", "tenants", "backup", "restore"), to: "apiserver", ports: apiserver, why: "reads and writes its Secrets, and takes turns by a Lease"},
		{from: list("openbao"), to: "apiserver", ports: apiserver, why: "registers which node is active, and asks whose token a client has shown"},
		{from: list("postgres"), to: "apiserver", ports: apiserver, why: "the instance manager reads its Cluster", off: !operated(c)},
		{from: list("prometheus"), to: "apiserver", ports: apiserver, why: "finds the pods that it scrapes"},
		{from: list("exporter"), to: "apiserver", ports: apiserver, why: "reads the state of Jobs and volumes"},

		// OpenBao.
		{from: list("openbao"), to: "openbao", ports: tcp(openbaoPort, openbaoClusterPort), why: "joins (8200), then replicates and forwards (8201)"},
		{from: list("init", "peers", "configure", "tenants", "backup", "restore"), to: "openbao", ports: tcp(openbaoPort), why: "works on OpenBao"},
		{from: list("api"), to: "openbao", ports: tcp(openbaoPort), why: "signs with the keys"},
		{from: list("signer"), to: "openbao", ports: tcp(openbaoPort), why: "has the engine decide on signatures"},
		{from: list("openbao"), to: "kms", ports: tcp(portOf(c.OpenBao.AutoUnseal.Endpoint)), why: "unseals with the key management service", off: !n.Direct(c.OpenBao.AutoUnseal.Endpoint)},
		{from: list("openbao"), to: "transit", ports: tcp(portOf(c.OpenBao.AutoUnseal.Address)), why: "unseals with the other OpenBao or Vault", off: !n.Direct(c.OpenBao.AutoUnseal.Address)},
		{from: list("openbao"), to: "metadata", ports: tcp(80), why: "has its cloud identity from the node"},
		{from: list("openbao"), to: "gke-metadata", ports: tcp(988), why: "has its cloud identity from GKE's metadata server"},

		// Data.
		{from: list("postgres"), to: "postgres", ports: replication, why: "standbys follow the primary", off: one(c.Database.Replicas)},
		{from: list("cnpg-operator"), to: "postgres", ports: tcp(postgresPort, cnpgStatusPort), why: "the operator asks for the instances' status"},
		{from: list("api", "migrate", "backup", "restore"), to: "postgres", ports: tcp(postgresPort), why: "the control plane's data"},
		// Its host and port stand in a Secret, which nobody may read here.
		{from: list("api", "migrate", "backup", "restore"), to: "external-database", ports: tcp(AnyPort), why: "the control plane's data: only the Secret of connectionString says where"},
		{from: list("redis"), to: "redis", ports: tcp(redisPort, redisBusPort), why: "shards meet on the bus (16379) and redirect clients", off: c.Redis.Mode != v1.RedisCluster},
		{from: list("redis-cluster"), to: "redis", ports: tcp(redisPort), why: "forms and grows the cluster"},
		{from: list("api"), to: "redis", ports: tcp(redisPort), why: "the control plane's cache"},
		{from: list("api"), to: "external-redis", ports: tcp(AnyPort), why: "the control plane's cache: only the Secret of connectionString says where"},

		// What the control plane calls.
		{from: list("dashboard"), to: "hosts", ports: tcp(443, 8443), why: "calls the API by its public name; 8443 is where many a controller's pods listen"},
		{from: list("api"), to: "oauth", ports: tcp(443), why: "lets people log in with GitHub or Google", off: !n.Direct()},
		{from: list("api"), to: "stripe", ports: tcp(443), why: "takes payments", off: !n.Direct()},
		{from: list("tenants"), to: "smtp", ports: tcp(smtpPort(c)), why: "mails the passwords of tenants' admins"},
		{from: list("api"), to: "webhooks", ports: tcp(webhookPorts(s)...), why: "calls the webhooks of tenants", off: !n.Direct(webhooks(s)...)},
		{from: list("backup", "restore"), to: "bucket", ports: tcp(bucketPorts(s)...), why: "keeps the backups", off: !n.Direct(endpoints(s)...)},
		{from: list("backup", "restore"), to: "bucket-metadata", ports: tcp(80), why: "has its cloud identity from the node"},
		{from: list("backup", "restore"), to: "bucket-gke-metadata", ports: tcp(988), why: "has its cloud identity from GKE's metadata server"},

		// What goes out by a proxy, where there is one.
		{from: proxied(ends), to: "proxy", ports: tcp(proxyPorts(n.Proxy)...), why: "connects to services outside by the proxy"},

		// Who may come in from outside.
		{from: list("ingress"), to: "dashboard", ports: tcp(dashboardPort), why: "the host " + c.Domain},
		{from: list("ingress"), to: "api", ports: tcp(apiPort), why: "the host api." + c.Domain},
		{from: list("ingress"), to: "openbao", ports: tcp(openbaoPort), why: "the host vault." + c.Domain, off: c.Networking.OpenBao.Expose == v1.ExposeOff},
		{from: list("ingress"), to: "grafana", ports: tcp(grafanaPort), why: "the host grafana." + c.Domain},
		{from: list("clients"), to: "signer", ports: tcp(jobs.SignerKeyPort, jobs.SignerMTLSPort), why: "rollups' clients have transactions and blocks signed"},
		{from: list("anywhere"), to: "acme-solver", ports: tcp(8089), why: "the certificate authority asks for a token over HTTP"},

		// Monitoring.
		{from: list("prometheus"), to: "openbao", ports: tcp(openbaoMetricsPort, openbaoVolumePort), why: "scrapes metrics, and how full the volume is"},
		{from: list("prometheus"), to: "postgres", ports: tcp(postgresMetricsPort), why: "scrapes the metrics of CloudNativePG's own exporter", off: !operated(c)},
		{from: list("prometheus"), to: "postgres-exporter", ports: tcp(postgresMetricsPort), why: "scrapes metrics"},
		{from: list("prometheus"), to: "redis-exporter", ports: tcp(redisMetricsPort), why: "scrapes metrics"},
		{from: list("postgres-exporter"), to: "postgres", ports: tcp(postgresPort), why: "asks for the server's figures"},
		{from: list("redis-exporter"), to: "redis", ports: tcp(redisPort), why: "asks for the server's figures"},
		{from: list("prometheus"), to: "api", ports: tcp(apiPort), why: "scrapes metrics"},
		{from: list("prometheus"), to: "signer", ports: tcp(signerMetricsPort), why: "scrapes metrics"},
		{from: list("prometheus"), to: "exporter", ports: tcp(exporterPort), why: "scrapes metrics"},
		{from: list("prometheus"), to: "grafana", ports: tcp(grafanaPort), why: "scrapes metrics"},
		{from: list("exporter"), to: "openbao", ports: tcp(openbaoPort), why: "looks at the certificate"},
		{from: list("exporter"), to: "signer", ports: tcp(jobs.SignerKeyPort), why: "looks at the certificate"},
		{from: list("exporter"), to: "postgres", ports: tcp(postgresPort), why: "looks at the certificate"},
		{from: list("prometheus"), to: "alertmanager", ports: tcp(alertmanagerPort), why: "hands over alerts, and scrapes metrics"},
		{from: list("grafana"), to: "prometheus", ports: tcp(prometheusPort), why: "shows the metrics"},
		{from: list("alertmanager"), to: "receivers", ports: tcp(443), why: "sends alerts to Slack and PagerDuty", off: !n.Direct()},

		{from: sidecars(c), to: "mesh", ports: tcp(controlPlanePorts[c.Networking.Mesh]...), why: "the sidecar has its orders and its certificate from the mesh"},
	}
}

// The ports of the stack's pods.
const (
	openbaoPort         int32 = 8200
	openbaoClusterPort  int32 = 8201
	openbaoMetricsPort  int32 = 8210
	openbaoVolumePort   int32 = 8211
	postgresPort        int32 = 5432
	postgresMetricsPort int32 = 9187
	cnpgStatusPort      int32 = 8000
	redisPort           int32 = 6379
	redisBusPort        int32 = 16379
	redisMetricsPort    int32 = 9121
	apiPort             int32 = 8080
	exporterPort        int32 = 8080
	dashboardPort       int32 = 3000
	signerMetricsPort   int32 = 8547
	grafanaPort         int32 = 3000
	prometheusPort      int32 = 9090
	alertmanagerPort    int32 = 9093
)

func list(names ...string) []string { return names }

func tcp(numbers ...int32) []Port {
	ports := make([]Port, len(numbers))
	for i, number := range numbers {
		ports[i] = Port{corev1.ProtocolTCP, number}
	}
	return ports
}

// dnsPorts are where names are looked up. OpenShift's DNS pods listen on 5353,
// behind a Service on 53. Source: openshift/cluster-dns-operator,
// pkg/operator/controller/controller_dns_service.go.
func dnsPorts(platform v1.Platform) []Port {
	ports := []Port{{corev1.ProtocolUDP, 53}, {corev1.ProtocolTCP, 53}}
	if platform == v1.PlatformOpenShift {
		ports = append(ports, Port{corev1.ProtocolUDP, 5353}, Port{corev1.ProtocolTCP, 5353})
	}
	return ports
}

// apiServerPorts are the Service's and those that the API server listens on
// itself: a policy is held against the address after the Service's has been
// replaced, or before.
func apiServerPorts(n v1.Networking) []int32 {
	ports := append([]int32{443}, n.APIServerPorts...)
	slices.Sort(ports)
	return slices.Compact(ports)
}

func one(replicas *int32) bool { return replicas == nil || *replicas == 1 }

// portOf is the port of a valid URL; that of HTTPS where there is none.
func portOf(address string) int32 {
	u, err := url.Parse(address)
	if err != nil {
		return 443
	}
	if port, err := strconv.ParseInt(u.Port(), 10, 32); err == nil {
		return int32(port)
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}

// smtpPort is the mail server's.
func smtpPort(c *v1.BanhBaoRingClusterSpec) int32 {
	if c.Email.SMTP == nil {
		return 0
	}
	return c.Email.SMTP.Port
}

// webhookPorts are the ports of the tenants' webhooks.
func webhookPorts(s *render.Stack) []int32 {
	var ports []int32
	for _, address := range webhooks(s) {
		ports = append(ports, portOf(address))
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// bucketPorts are the ports of the services that keep backups.
func bucketPorts(s *render.Stack) []int32 {
	var ports []int32
	for _, endpoint := range endpoints(s) {
		ports = append(ports, portOf(endpoint))
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
