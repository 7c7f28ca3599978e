//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The stand-in for Grafana listens where it is told to.
const monitored = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: watched, namespace: mon-test}
spec:
  domain: keys.example.com
  plan: free
  monitoring:
    prometheus: {storage: {size: 1Gi}}
    grafana: {image: "localhost/http:1"}
    alerting:
      enabled: true
      slack: {webhookUrl: {secretName: slack, key: url}}
      pagerduty: {routingKey: {secretName: pagerduty, key: key}}
  patches:
  - target: {kind: Deployment, name: banhbaoring-grafana}
    patch: |
      - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: PORT, value: "3000"}}
`

// receiver takes what Alertmanager sends and keeps it in a file; the Job is one
// that fails, as a Job of the stack would.
const receiver = `apiVersion: v1
kind: Pod
metadata: {name: receiver, labels: {app: receiver}}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: receiver
    image: docker.io/library/busybox:1
    command:
    - sh
    - -ec
    - |
      cat >/tmp/answer <<'END'
      # The answer must not come before the request has.
      while IFS= read -r line; do
        line=$(printf %s "$line" | tr -d '\r')
        echo "$line"
        case $line in Content-Length:*) length=${line#*: } ;; "") break ;; esac
      done >>/tmp/received
      head -c "$length" >>/tmp/received
      printf 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'
      END
      while :; do nc -l -p 8080 -e sh /tmp/answer; done
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: receiver}
spec: {selector: {app: receiver}, ports: [{port: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: receiver}
spec: {podSelector: {matchLabels: {app: receiver}}, ingress: [{}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: to-receiver}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/component: alertmanager}}
  policyTypes: [Egress]
  egress: [{to: [{podSelector: {matchLabels: {app: receiver}}}]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: banhbaoring-broken}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: broken
        image: docker.io/library/busybox:1
        command: ["false"]
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

// TestMonitoringTellsOfAFailedJob starts the real Prometheus and Alertmanager
// from what is rendered, in a restricted namespace and under its NetworkPolicies:
// a Job fails, the exporter sees it, and Slack's address is called.
func TestMonitoringTellsOfAFailedJob(t *testing.T) {
	t.Parallel()
	const ns = "mon-test"
	namespace(t, ns)
	kubectl(t, renderText(t, monitored, "--stage", "foundation"), "apply", "--server-side", "-f", "-")
	makeSecrets(t, ns)
	kubectl(t, "", "create", "secret", "generic", "slack", "-n", ns, "--from-literal=url=http://receiver."+ns+".svc:8080/slack")
	kubectl(t, "", "create", "secret", "generic", "pagerduty", "-n", ns, "--from-literal=key=none")
	kubectl(t, "", "create", "secret", "generic", "banhbaoring-grafana", "-n", ns, "--from-literal=password=none")
	kubectl(t, receiver, "apply", "-n", ns, "-f", "-")
	kubectl(t, renderText(t, monitored, "--stage", "monitoring"), "apply", "--server-side", "--validate=strict", "-f", "-")

	rolledOut(t, ns, "statefulset/banhbaoring-prometheus", "statefulset/banhbaoring-alertmanager", "deployment/banhbaoring-grafana", "deployment/banhbaoring-exporter")
	prometheus := forward(t, ns, "banhbaoring-prometheus-0", 9090)

	t.Run("its targets are up", func(t *testing.T) {
		eventually(t, time.Minute, "four targets", func() error {
			var answer struct {
				Data struct {
					Result []struct{ Metric map[string]string }
				}
			}
			if err := getJSON(prometheus+"/api/v1/query?query=up%3D%3D1", &answer); err != nil {
				return err
			}
			var jobs []string
			for _, r := range answer.Data.Result {
				jobs = append(jobs, r.Metric["job"])
			}
			slices.Sort(jobs)
			if want := []string{"alertmanager", "exporter", "grafana", "prometheus"}; !slices.Equal(jobs, want) {
				return fmt.Errorf("up: %v, want %v", jobs, want)
			}
			return nil
		})
	})
	t.Run("the exporter tells of the stack", func(t *testing.T) {
		for query, want := range map[string]string{
			`banhbaoring_cluster_status{cluster="watched",component="prometheus"}`:             "1",
			`banhbaoring_job_failed{job_name="banhbaoring-broken"}`:                            "1",
			`banhbaoring_certificate_seen{endpoint="openbao"}`:                                 "0", // there is none here
			`banhbaoring_claim_capacity_bytes{claim="data-banhbaoring-prometheus-0"} > bool 0`: "1",
		} {
			eventually(t, time.Minute, query, func() error {
				var answer struct {
					Data struct{ Result []struct{ Value [2]any } }
				}
				if err := getJSON(prometheus+"/api/v1/query?query="+url.QueryEscape(query), &answer); err != nil {
					return err
				}
				if r := answer.Data.Result; len(r) != 1 || r[0].Value[1] != want {
					return fmt.Errorf("got %v, want %s", r, want)
				}
				return nil
			})
		}
	})
	t.Run("the alert reaches its receiver, with what to do", func(t *testing.T) {
		eventually(t, 2*time.Minute, "a message", func() error {
			received, stderr, err := try("", "exec", "-n", ns, "receiver", "--", "cat", "/tmp/received")
			if err != nil {
				return fmt.Errorf("%w: %s", err, stderr)
			}
			for _, want := range []string{"POST /slack", "[firing] JobFailed (watched)", "Job banhbaoring-broken has failed: Read its pods"} {
				if !strings.Contains(received, want) {
					return fmt.Errorf("no %q in %q", want, received)
				}
			}
			return nil
		})
	})
}

// renderText is what the command prints for a spec that stands here.
func renderText(t *testing.T, spec string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, append([]string{"render", "-f", "-"}, args...)...)
	cmd.Stdin = strings.NewReader(spec)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("render: %v\n%s", err, stderr.String())
	}
	return string(out)
}

// forward makes a pod's port one of this machine, until the test ends.
func forward(t *testing.T, ns, pod string, port int) (address string) {
	t.Helper()
	cmd := exec.Command("kubectl", "port-forward", "-n", ns, "pod/"+pod, fmt.Sprintf(":%d", port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Forwarding from "); ok {
			go io.Copy(io.Discard, out) //nolint:errcheck // ends with the program
			host, _, _ := strings.Cut(rest, " ")
			return "http://" + host
		}
	}
	t.Fatalf("port-forward to %s ended", pod)
	return ""
}

func getJSON(address string, into any) error {
	response, err := (&http.Client{Timeout: 10 * time.Second}).Get(address)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
