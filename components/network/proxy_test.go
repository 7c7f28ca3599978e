package network_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components/network"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

// outward is a stack of which everything goes out that can go by a proxy.
const outward = `
openbao: {version: 2.6.2, autoUnseal: {SEAL}}
api: {oauth: {github: {clientId: {secretName: g, key: a}, clientSecret: {secretName: g, key: b}}}}
monitoring: {alerting: {slack: {webhookUrl: {secretName: slack, key: url}}}}
backup: {destination: {s3: {bucket: backups, BUCKET}}}
billing: {stripe: {secretKeyRef: {secretName: s, key: k}}}
email: {smtp: {host: smtp.example.com}}
networking: {proxy: {PROXY}}
`

const (
	kmsSeal     = "provider: awskms, keyId: alias/a, region: eu-west-1"
	publicProxy = `https: "http://proxy.example.com:3128"`
)

// connects are the ends outside that each end connects to, with the ports.
func connects(t *testing.T, seal, bucket, proxy string) map[string]map[string][]int32 {
	t.Helper()
	spec := strings.NewReplacer("SEAL", seal, "BUCKET", bucket, "PROXY", proxy).Replace(outward)
	all := map[string]map[string][]int32{}
	for _, e := range network.Edges(golden.Stack(t, spec)) {
		if e.To.Inside() || !e.From.Inside() {
			continue
		}
		if all[e.From.Name] == nil {
			all[e.From.Name] = map[string][]int32{}
		}
		for _, p := range e.Ports {
			all[e.From.Name][e.To.Name] = append(all[e.From.Name][e.To.Name], p.Number)
		}
	}
	return all
}

// What goes out by the proxy has the proxy's port for it, and no other way out.
func TestWhoGoesOutByTheProxyHasNoOtherWayOut(t *testing.T) {
	goesOut := map[string][]string{"openbao": {"kms"}, "api": {"oauth", "stripe"}, "backup": {"bucket"}, "alertmanager": {"receivers"}}
	all := connects(t, kmsSeal, "region: eu-west-1", publicProxy)
	for from, ends := range all {
		services, uses := goesOut[from]
		if got := ends["proxy"]; uses != slices.Equal(got, []int32{3128}) || !uses && got != nil {
			t.Errorf("%s connects to the proxy at %v", from, got)
		}
		for _, to := range services {
			if ends[to] != nil {
				t.Errorf("%s connects to %s beside the proxy", from, to)
			}
		}
	}
	for from := range goesOut {
		if all[from] == nil {
			t.Errorf("%s connects to nothing outside", from)
		}
	}
	if all["tenants"]["smtp"] == nil {
		t.Error("mail is not sent directly, which no HTTP proxy takes")
	}
	for _, from := range []string{"openbao", "backup"} {
		metadata := map[string]string{"openbao": "metadata", "backup": "bucket-metadata"}[from]
		if all[from][metadata] == nil {
			t.Errorf("%s does not ask its node directly who it is", from)
		}
	}
}

func TestWhatNoProxyIsForIsConnectedToDirectly(t *testing.T) {
	const inCluster = `endpoint: "http://minio.storage.svc:9000", credentials: {secretName: s3}`
	for name, c := range map[string]struct {
		seal, bucket, proxy, from, to string
		ports, proxyPorts             []int32
	}{
		"a bucket inside the cluster": {kmsSeal, inCluster, publicProxy, "backup", "bucket", []int32{9000}, []int32{3128}},
		"an OpenBao inside the cluster": {`provider: transit, address: "https://vault.security.svc:8200", keyName: k, token: {secretName: t, key: k}`,
			"region: eu-west-1", publicProxy, "openbao", "transit", []int32{8200}, []int32{3128}},
		"whatever noProxy may name": {kmsSeal, "region: eu-west-1", publicProxy + ", noProxy: [a.example.com]", "openbao", "kms", []int32{443}, []int32{3128}},
		"two proxies":               {kmsSeal, "region: eu-west-1", publicProxy + `, http: "http://other.example.com:8888"`, "api", "oauth", nil, []int32{3128, 8888}},
		"a proxy without a port":    {kmsSeal, "region: eu-west-1", `https: "http://proxy.example.com"`, "api", "stripe", nil, []int32{80}},
	} {
		t.Run(name, func(t *testing.T) {
			ends := connects(t, c.seal, c.bucket, c.proxy)[c.from]
			if !slices.Equal(ends[c.to], c.ports) || !slices.Equal(ends["proxy"], c.proxyPorts) {
				t.Errorf("%s connects to %s at %v and to the proxy at %v", c.from, c.to, ends[c.to], ends["proxy"])
			}
		})
	}
}

// Each edge to the proxy is a policy that lets out to its port, and nothing else.
func TestTheProxysEdgeIsAPolicy(t *testing.T) {
	s := golden.Stack(t, strings.NewReplacer("SEAL", kmsSeal, "BUCKET", "region: eu-west-1", "PROXY", publicProxy).Replace(outward))
	objects, err := network.Component().Build(s)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, o := range objects {
		p, ok := o.(*networkingv1.NetworkPolicy)
		if !ok || !strings.HasSuffix(p.Name, "-to-proxy") {
			continue
		}
		found[strings.TrimSuffix(strings.TrimPrefix(p.Name, "banhbaoring-allow-"), "-to-proxy")] = true
		if len(p.Spec.Egress) != 1 || len(p.Spec.Egress[0].Ports) != 1 || p.Spec.Egress[0].Ports[0].Port.IntVal != 3128 || len(p.Spec.Ingress) != 0 {
			t.Errorf("%s: %+v", p.Name, p.Spec)
		}
	}
	for _, from := range []string{"openbao", "api", "backup", "alertmanager"} {
		if !found[from] {
			t.Errorf("%s is not let out to the proxy", from)
		}
	}
	if len(found) != 4 {
		t.Errorf("let out to the proxy: %v", found)
	}
}

// OpenShift's DNS pods listen on 5353: whoever looks up addresses may ask there
// too, and nobody anywhere else.
func TestOnOpenShiftNamesAreLookedUpOnPort5353Too(t *testing.T) {
	want := map[v1.Platform][]network.Port{
		v1.PlatformKubernetes: {{Protocol: corev1.ProtocolUDP, Number: 53}, {Protocol: corev1.ProtocolTCP, Number: 53}},
		v1.PlatformOpenShift: {
			{Protocol: corev1.ProtocolUDP, Number: 53}, {Protocol: corev1.ProtocolTCP, Number: 53},
			{Protocol: corev1.ProtocolUDP, Number: 5353}, {Protocol: corev1.ProtocolTCP, Number: 5353},
		},
	}
	stacks := map[string]*render.Stack{"everything": golden.Stack(t, everything)}
	for _, name := range golden.Examples(t) {
		stacks[name] = example(t, name)
	}
	for name, s := range stacks {
		for platform, ports := range want {
			t.Run(name+" on "+string(platform), func(t *testing.T) {
				s.Cluster.Spec.Platform = platform
				edges := 0
				for _, e := range network.Edges(s) {
					if e.To.Name != "dns" {
						continue
					}
					edges++
					if !slices.Equal(e.Ports, ports) {
						t.Errorf("%s looks up addresses at %v", e.From.Name, e.Ports)
					}
				}
				if edges < 8 {
					t.Errorf("only %d look up addresses", edges)
				}
			})
		}
	}
}
