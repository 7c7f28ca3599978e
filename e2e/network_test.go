//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/banhbaoring/banhbaoring/components/network"
	stack "github.com/banhbaoring/banhbaoring/render"
)

// networked is a stack with every part that has pods in the namespace.
const networked = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: trial, namespace: net-test}
spec:
  domain: keys.example.com
  openbao: {tls: {issuer: letsencrypt}, autoUnseal: {provider: awskms, keyId: alias/unseal, region: us-east-1}}
  api: {migrations: {command: [migrate]}}
  database: {replicas: 2}
  redis: {mode: cluster}
  billing: {stripe: {enabled: true, secretKeyRef: {name: stripe, key: secret-key}, webhookSecretRef: {name: stripe, key: webhook-secret}}}
  monitoring: {alerting: {enabled: true, slack: {webhookUrl: {secretName: slack, key: url}}}}
  backup: {enabled: true, destination: {s3: {bucket: backups, endpoint: "https://s3.example.com:9000", credentials: {secretName: s3}}}}
`

const (
	// unwanted is a port that every stand-in listens on and no edge leads to.
	unwanted = 7777
	// abroad is a pod in another namespace, which also stands for the world.
	abroad = "abroad"
	// apiServer is the API server by its Service.
	apiServer = "apiserver"
)

// standIn is a pod in place of the pods of one end.
type standIn struct {
	name, namespace, ip string
	end                 network.End
	ports               []int32
}

// connection is a try to connect.
type connection struct {
	from, to string
	port     int32
}

// TestEveryEdgeWorksAndNothingElse starts a stand-in for each end of the table
// of edges, and connects each to all ports of all others: before the policies
// are there everything answers, afterwards what the table says and nothing else.
func TestEveryEdgeWorksAndNothingElse(t *testing.T) {
	const ns, other = "net-test", "net-test-abroad"
	in, err := stack.Load(stack.Source{Name: "spec.yaml", Data: []byte(networked)})
	if err != nil {
		t.Fatal(err)
	}
	edges := network.Edges(in.Stacks[0])
	pods := standIns(edges, ns, other)

	namespace(t, ns)
	namespace(t, other)
	kubectl(t, "", "create", "namespace", ns)
	kubectl(t, "", "create", "namespace", other)
	start(t, pods)
	pods = append(pods, standIn{name: apiServer, ports: []int32{443}, ip: kubectl(t, "", "get", "service", "-n", "default", "kubernetes", "-o", "jsonpath={.spec.clusterIP}")})

	everything := map[connection]bool{}
	for _, from := range pods {
		for _, to := range pods {
			for _, port := range to.ports {
				if from.name != to.name && from.name != apiServer {
					everything[connection{from.name, to.name, port}] = true
				}
			}
		}
	}
	eventually(t, time.Minute, "everything answers while there are no policies", func() error {
		return differences(everything, connect(t, pods))
	})

	wanted := map[connection]bool{}
	for c := range everything {
		wanted[c] = allowed(edges, pods, c)
	}
	policies := policiesOf(render(t, "-f", write(t, networked)))
	kubectl(t, policies, "apply", "--server-side", "-f", "-")
	eventually(t, time.Minute, "the policies hold", func() error { return differences(wanted, connect(t, pods)) })

	open := 0
	for _, ok := range wanted {
		if ok {
			open++
		}
	}
	t.Logf("%d policies, %d connections open, %d refused", strings.Count(policies, "\nkind: NetworkPolicy\n"), open, len(wanted)-open)
	if open == 0 || open == len(wanted) {
		t.Error("the table says nothing")
	}

	t.Run("names are looked up by those that connect, and by nobody else", func(t *testing.T) {
		for _, pod := range pods {
			if pod.namespace != ns || pod.name == "acme-solver" {
				continue
			}
			may := slices.ContainsFunc(edges, func(e network.Edge) bool { return e.To.Name == "dns" && e.From.Name == pod.end.Name })
			_, _, err := try("", "exec", "-n", ns, pod.name, "--", "timeout", "3", "nslookup", "kubernetes.default.svc.cluster.local")
			if may != (err == nil) {
				t.Errorf("%s: looks up %t, wanted %t", pod.name, err == nil, may)
			}
		}
	})
}

// standIns are the pods for all ends inside the namespace: a second one where
// an end connects to itself, and one in another namespace.
func standIns(edges []network.Edge, ns, other string) []standIn {
	ports := map[string][]int32{} // of an end, as seen by any edge
	ends := map[string]network.End{}
	var outside, twice []string
	for _, e := range edges {
		for _, end := range []network.End{e.From, e.To} {
			if end.Inside() {
				ends[end.Name] = end
			} else if end.Name == e.To.Name {
				outside = append(outside, end.Name)
			}
		}
		if e.From.Name == e.To.Name {
			twice = append(twice, e.From.Name)
		}
		for _, p := range e.Ports {
			if p.Protocol == "TCP" {
				ports[e.To.Name] = append(ports[e.To.Name], p.Number)
			}
		}
	}
	listening := func(ends ...string) []int32 {
		all := []int32{unwanted}
		for _, end := range ends {
			all = append(all, ports[end]...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	pods := []standIn{{name: abroad, namespace: other, ports: listening(outside...)}}
	for _, name := range slices.Sorted(maps.Keys(ends)) {
		pods = append(pods, standIn{name: name, namespace: ns, end: ends[name], ports: listening(name)})
		if slices.Contains(twice, name) {
			pods = append(pods, standIn{name: name + "-1", namespace: ns, end: ends[name], ports: listening(name)})
		}
	}
	return pods
}

// allowed tells whether the table lets a connection out and lets it in. It may
// be let out by another edge than it is let in by: some lead to every address.
func allowed(edges []network.Edge, pods []standIn, c connection) bool {
	find := func(name string) standIn {
		return pods[slices.IndexFunc(pods, func(p standIn) bool { return p.name == name })]
	}
	from, to, port := find(c.from), find(c.to), c.port
	if to.name == apiServer {
		port = 6443 // behind the Service, which is what policies see
	}
	out, in := !from.end.Inside(), !to.end.Inside()
	for _, e := range edges {
		if slices.ContainsFunc(e.Ports, func(p network.Port) bool { return p.Number == port }) {
			out = out || e.From.Name == from.end.Name && covers(e.To, to)
			in = in || e.To.Name == to.end.Name && covers(e.From, from)
		}
	}
	return out && in
}

// covers tells whether a pod belongs to an end.
func covers(end network.End, pod standIn) bool {
	if end.Inside() {
		return end.Name == pod.end.Name
	}
	return len(end.Peers) == 0 || slices.ContainsFunc(end.Peers, func(p networkingv1.NetworkPolicyPeer) bool {
		switch {
		case p.IPBlock != nil:
			return within(pod.ip, p.IPBlock.CIDR) && !slices.ContainsFunc(p.IPBlock.Except, func(cidr string) bool { return within(pod.ip, cidr) })
		case p.PodSelector != nil:
			return false // of others' pods, which none here is
		}
		selector, err := metav1.LabelSelectorAsSelector(p.NamespaceSelector)
		return err == nil && pod.namespace != "" && selector.Matches(labels.Set{"kubernetes.io/metadata.name": pod.namespace})
	})
}

func within(ip, cidr string) bool {
	address, err := netip.ParseAddr(ip)
	return err == nil && netip.MustParsePrefix(cidr).Contains(address)
}

// start starts the pods and fills in their addresses.
func start(t *testing.T, pods []standIn) {
	t.Helper()
	items := []any{}
	for _, p := range pods {
		var script strings.Builder
		script.WriteString("mkdir /tmp/www; ")
		for _, port := range p.ports {
			fmt.Fprintf(&script, "httpd -f -p %d -h /tmp/www & ", port)
		}
		script.WriteString("wait")
		items = append(items, map[string]any{
			"apiVersion": "v1", "kind": "Pod",
			"metadata": map[string]any{"name": p.name, "namespace": p.namespace, "labels": p.end.Labels},
			"spec": map[string]any{
				"terminationGracePeriodSeconds": 0,
				"containers": []any{map[string]any{
					"name": "stand-in", "image": "docker.io/library/busybox:1", "imagePullPolicy": "IfNotPresent",
					"command": []string{"sh", "-c", script.String()},
				}},
			},
		})
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, string(text), "create", "-f", "-")
	for i := range pods {
		p := &pods[i]
		kubectl(t, "", "wait", "-n", p.namespace, "pod/"+p.name, "--for=condition=Ready", "--timeout=5m")
		p.ip = kubectl(t, "", "get", "pod", "-n", p.namespace, p.name, "-o", "jsonpath={.status.podIP}")
	}
}

// connect tries all connections between the pods, those of each pod one after
// another and the pods at once.
func connect(t *testing.T, pods []standIn) map[connection]bool {
	t.Helper()
	const script = `while read name ip port; do timeout 3 nc -w 2 $ip $port </dev/null >/dev/null 2>&1 && echo $name $port open || echo $name $port refused; done`
	var (
		wait   sync.WaitGroup
		guard  sync.Mutex
		result = map[connection]bool{}
	)
	for _, from := range pods {
		if from.namespace == "" {
			continue
		}
		var tries strings.Builder
		for _, to := range pods {
			for _, port := range to.ports {
				if from.name != to.name {
					fmt.Fprintln(&tries, to.name, to.ip, port)
				}
			}
		}
		wait.Go(func() {
			stdout, stderr, err := try(tries.String(), "exec", "-i", "-n", from.namespace, from.name, "--", "sh", "-c", script)
			if err != nil {
				t.Errorf("%s: %v: %s", from.name, err, stderr)
			}
			guard.Lock()
			defer guard.Unlock()
			for line := range strings.Lines(stdout) {
				c, state := connection{from: from.name}, ""
				if _, err := fmt.Sscan(line, &c.to, &c.port, &state); err != nil {
					t.Errorf("%s: %q: %v", from.name, line, err)
				}
				result[c] = state == "open"
			}
		})
	}
	wait.Wait()
	return result
}

// differences is an error that names what was to be otherwise.
func differences(wanted, got map[connection]bool) error {
	var wrong []string
	for c, want := range wanted {
		if is, tried := got[c]; !tried || is != want {
			wrong = append(wrong, fmt.Sprintf("%s to %s:%d is open: %t, wanted %t", c.from, c.to, c.port, is, want))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%d of %d:\n%s", len(wrong), len(wanted), strings.Join(wrong[:min(len(wrong), 20)], "\n"))
}

// policiesOf are the NetworkPolicies among manifests.
func policiesOf(manifests string) string {
	var policies []string
	for document := range strings.SplitSeq(manifests, "---\n") {
		if strings.Contains(document, "\nkind: NetworkPolicy\n") {
			policies = append(policies, document)
		}
	}
	return strings.Join(policies, "---\n")
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
