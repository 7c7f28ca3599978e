package network_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/components/network"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

func TestNetwork(t *testing.T) {
	golden.Component(t, network.Component(), "default", "")
}

// Each variant's golden file holds what differs from the default stack.
func TestVariants(t *testing.T) {
	for name, spec := range map[string]string{
		"external-data": `
database: {managed: false, connectionString: {secretName: db, key: url}}
redis: {managed: false, connectionString: {secretName: cache, key: url}}
api: {migrations: {command: [migrate]}}
`,
		"operators": `
database: {engine: cloudnativepg}
monitoring: {mode: operator}
`,
		"narrow": `
networking:
  apiServerCIDRs: [10.0.0.1/32]
  ingressControllerNamespace: ingress-nginx
  trustedProxies: [10.1.0.0/16]
`,
		"signer":      "signer: {clientNamespaces: [rollup, bridge]}",
		"signer-mesh": "signer: {enabled: true}\nnetworking: {mesh: linkerd}",
		"smtp":        `email: {smtp: {host: smtp.example.com, tls: implicit}}`,
		"istio":       `networking: {mesh: istio}`,
		"linkerd":     `networking: {mesh: linkerd}`,
		"small":       "plan: free\ndashboard: {replicas: 0}\nmonitoring: {enabled: false}\nredis: {mode: standalone}\n",
		"openbao-24":  `openbao: {version: 2.4.0}`,
		"backup-elsewhere": `
backup:
  enabled: true
  destination: {s3: {bucket: backups, endpoint: "http://minio.minio.svc:9000", credentials: {secretName: s3}}}
`,
		"backup-by-identity": `
backup:
  enabled: true
  destination: {gcs: {bucket: backups}}
`,
		"awskms": `
openbao: {autoUnseal: {provider: awskms, keyId: alias/unseal, region: us-east-1}}
`,
		"awskms-credentials": `
openbao:
  autoUnseal:
    provider: awskms
    keyId: alias/unseal
    region: us-east-1
    credentials: {accessKeyId: {secretName: aws, key: id}, secretAccessKey: {secretName: aws, key: secret}}
`,
		"gcpkms": `
openbao: {autoUnseal: {provider: gcpkms, project: p, keyRing: r, cryptoKey: k}}
`,
		"azurekv": `
openbao: {autoUnseal: {provider: azurekv, tenantId: 11111111-1111-1111-1111-111111111111, vaultName: vault, keyName: key}}
`,
		"transit": `
openbao: {autoUnseal: {provider: transit, address: "https://vault.example.com:8200", keyName: key, token: {secretName: transit, key: token}}}
`,
		"static": `
openbao: {autoUnseal: {provider: static}}
`,
	} {
		t.Run(name, func(t *testing.T) {
			golden.Assert(t, filepath.Join("network", name), difference(t, golden.Render(t, network.Component(), ""), golden.Render(t, network.Component(), spec)))
		})
	}
}

// difference is what head has and base has not, after the names of what base
// alone has.
func difference(t testing.TB, base, head render.Manifests) []byte {
	t.Helper()
	known := map[string]*unstructured.Unstructured{}
	for _, u := range base {
		known[u.GetName()] = u
	}
	var more render.Manifests
	for _, u := range head {
		if old := known[u.GetName()]; old == nil || !reflect.DeepEqual(old.Object, u.Object) {
			more = append(more, u)
		}
		delete(known, u.GetName())
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(known)) {
		out.WriteString("# without " + name + "\n")
	}
	text, err := more.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 && len(more) == 0 {
		return []byte("# as default\n")
	}
	return append([]byte(out.String()), text...)
}

func TestNetworkOfExamples(t *testing.T) {
	for _, name := range []string{"quickstart", "production"} {
		t.Run(name, func(t *testing.T) {
			objects, err := render.Render(example(t, name+".yaml"), []render.Component{network.Component()})
			if err != nil {
				t.Fatal(err)
			}
			text, err := objects.YAML()
			if err != nil {
				t.Fatal(err)
			}
			golden.Assert(t, filepath.Join("network", name), text)
		})
	}
}

func example(t testing.TB, name string) *render.Stack {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden.Root(t), "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	in, err := render.Load(render.Source{Name: name, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return in.Stacks[0]
}

// everything turns on every part of a stack.
const everything = `
openbao: {tls: {issuer: letsencrypt}}
api: {migrations: {command: [migrate]}}
database: {replicas: 2}
redis: {mode: cluster}
monitoring: {alerting: {enabled: true, slack: {webhookUrl: {secretName: slack, key: url}}}}
backup: {enabled: true, destination: {s3: {bucket: backups, region: eu-west-1}}}
signer: {clientNamespaces: [rollup]}
`

// The pods that others make in the namespace, by the end that selects them.
var others = map[string]string{
	"acme-solver": "cert-manager makes them",
	"backup":      "its Jobs are not rendered with the rest of the stack",
}

// eachStack runs a test on the examples, and on a stack with every part.
func eachStack(t *testing.T, test func(t *testing.T, s *render.Stack, pods map[string]labels.Set)) {
	run := func(name string, s *render.Stack) {
		t.Run(name, func(t *testing.T) {
			objects, err := render.Render(s, components.All())
			if err != nil {
				t.Fatal(err)
			}
			test(t, s, podsOf(objects))
		})
	}
	for _, name := range golden.Examples(t) {
		run(name, example(t, name))
	}
	run("everything", golden.Stack(t, everything))
}

// podsOf are the labels of the rendered pod templates, by kind and name.
func podsOf(objects render.Manifests) map[string]labels.Set {
	pods := map[string]labels.Set{}
	for _, u := range objects {
		for _, path := range [][]string{{"spec", "template"}, {"spec", "jobTemplate", "spec", "template"}} {
			if found, ok, _ := unstructured.NestedStringMap(u.Object, append(path, "metadata", "labels")...); ok {
				pods[u.GetKind()+"/"+u.GetName()] = found
			}
		}
	}
	return pods
}

func TestEveryEndInsideSelectsPodsThatAreRendered(t *testing.T) {
	eachStack(t, func(t *testing.T, s *render.Stack, pods map[string]labels.Set) {
		for name, e := range insides(network.Edges(s)) {
			if others[name] != "" || e.Labels["cnpg.io/cluster"] != "" {
				continue
			}
			selects := func(pod labels.Set) bool { return labels.SelectorFromSet(e.Labels).Matches(pod) }
			if !slices.ContainsFunc(slices.Collect(maps.Values(pods)), selects) {
				t.Errorf("%s selects no pod: %v", name, e.Labels)
			}
		}
	})
}

// A pod without an edge is one that nobody can reach and that reaches nobody.
func TestEveryRenderedPodHasAnEdge(t *testing.T) {
	eachStack(t, func(t *testing.T, s *render.Stack, pods map[string]labels.Set) {
		ends := insides(network.Edges(s))
		for name, pod := range pods {
			selected := func(e network.End) bool { return labels.SelectorFromSet(e.Labels).Matches(pod) }
			if !slices.ContainsFunc(slices.Collect(maps.Values(ends)), selected) {
				t.Errorf("no edge begins or ends at %s: %v", name, pod)
			}
		}
	})
}

func insides(edges []network.Edge) map[string]network.End {
	ends := map[string]network.End{}
	for _, e := range edges {
		for _, end := range []network.End{e.From, e.To} {
			if end.Inside() {
				ends[end.Name] = end
			}
		}
	}
	return ends
}

func TestWhoeverConnectsLooksUpAddressesAndNobodyElse(t *testing.T) {
	edges := network.Edges(golden.Stack(t, everything))
	connects, looksUp := map[string]bool{}, map[string]bool{}
	for _, e := range edges {
		switch {
		case e.To.Name == "dns":
			looksUp[e.From.Name] = true
		case e.From.Inside():
			connects[e.From.Name] = true
		}
	}
	if !maps.Equal(connects, looksUp) {
		t.Errorf("%v connect to others, %v look up addresses", connects, looksUp)
	}
}

// The policies say what the table says: each begins or ends at pods of the
// namespace, and names its direction, its protocols and ports.
func TestPoliciesAreExplicit(t *testing.T) {
	s := golden.Stack(t, everything)
	objects, err := network.Component().Build(s)
	if err != nil {
		t.Fatal(err)
	}
	want := 1 // that denies
	for _, e := range network.Edges(s) {
		for _, end := range []network.End{e.From, e.To} {
			if end.Inside() {
				want++
			}
		}
	}
	if len(objects) != want {
		t.Errorf("there are %d policies for %d sides of edges", len(objects), want)
	}
	for _, o := range objects[1:] {
		p := typed(t, o)
		if len(p.Spec.PolicyTypes) != 1 || len(p.Spec.PodSelector.MatchLabels) == 0 || p.Annotations["kubernetes.io/description"] == "" {
			t.Errorf("%s: %+v", p.Name, p)
		}
		var ports []networkingv1.NetworkPolicyPort
		for _, rule := range p.Spec.Ingress {
			ports = append(ports, rule.Ports...)
		}
		for _, rule := range p.Spec.Egress {
			ports = append(ports, rule.Ports...)
		}
		for _, port := range ports {
			if port.Protocol == nil || port.Port == nil || port.Port.IntVal == 0 {
				t.Errorf("%s: port %+v", p.Name, port)
			}
		}
		if len(ports) == 0 {
			t.Errorf("%s has no ports", p.Name)
		}
	}
}

// What the signer holds is worth stealing: it reaches nothing that it does not need,
// and of other namespaces only the pods of those that are named reach it.
func TestTheSignerReachesOpenBaoAloneAndIsReachedByItsClients(t *testing.T) {
	for namespaces, want := range map[string][]string{"": nil, "rollup, bridge": {"bridge", "rollup"}} {
		objects, err := network.Component().Build(golden.Stack(t, "signer: {enabled: true, clientNamespaces: ["+namespaces+"]}"))
		if err != nil {
			t.Fatal(err)
		}
		var out, in, outside []string
		for _, o := range objects[1:] {
			p := typed(t, o)
			if p.Spec.PodSelector.MatchLabels["app.kubernetes.io/name"] != "signer" {
				continue
			}
			if to, is := strings.CutPrefix(p.Name, "banhbaoring-allow-signer-to-"); is {
				out = append(out, to)
				continue
			}
			in = append(in, strings.TrimPrefix(p.Name, "banhbaoring-allow-signer-from-"))
			for _, rule := range p.Spec.Ingress {
				for _, peer := range rule.From {
					if peer.PodSelector == nil {
						outside = append(outside, peer.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
					}
				}
				if len(rule.From) == 0 {
					t.Errorf("%s lets in anybody", p.Name)
				}
			}
		}
		slices.Sort(out)
		slices.Sort(in)
		wantIn := []string{"exporter", "prometheus"}
		if want != nil {
			wantIn = []string{"clients", "exporter", "prometheus"}
		}
		if !slices.Equal(out, []string{"dns", "openbao"}) || !slices.Equal(in, wantIn) || !slices.Equal(outside, want) {
			t.Errorf("with [%s] it reaches %v, and is reached by %v, of them namespaces %v", namespaces, out, in, outside)
		}
	}
}

func typed(t testing.TB, o runtime.Object) *networkingv1.NetworkPolicy {
	t.Helper()
	p, ok := o.(*networkingv1.NetworkPolicy)
	if !ok {
		t.Fatalf("%T is no NetworkPolicy", o)
	}
	return p
}

func TestWebhooksOfTenantsAreCalledOnTheirPorts(t *testing.T) {
	const text = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: test}
spec: {domain: keys.example.com}
---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingTenant
metadata: {name: one}
spec:
  clusterRef: {name: test}
  admin: {email: admin@example.com}
  settings: {webhooks: [{url: "https://a.example.com/x", events: [key.created]}, {url: "https://b.example.com:8443", events: [key.created]}, {url: "https://c.example.com", events: [key.created]}]}
`
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	var got []int32
	for _, e := range network.Edges(in.Stacks[0]) {
		if e.From.Name == "api" && e.To.Name == "webhooks" {
			for _, p := range e.Ports {
				got = append(got, p.Number)
			}
		}
	}
	if want := []int32{443, 8443}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
