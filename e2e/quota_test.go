//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// limits are what a namespace of a shared cluster has: pods are admitted only with
// the requests and limits that are counted, and where these are not too far apart.
// The range of limits has neither least nor most, which would be defaults for those
// that say nothing.
const limits = `apiVersion: v1
kind: ResourceQuota
metadata: {name: team}
spec: {hard: {pods: "100", requests.cpu: "16", requests.memory: 32Gi, limits.memory: 64Gi, persistentvolumeclaims: "40"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: team}
spec: {limits: [{type: Container, maxLimitRequestRatio: {memory: "256"}}]}
`

// silentPod is a pod that says nothing of what it needs.
const silentPod = `apiVersion: v1
kind: Pod
metadata: {name: silent}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
  containers: [{name: silent, image: "docker.io/library/busybox:1", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
`

// underQuota limits the namespace, whose foundation is there, and shows that it is
// limited.
func (s *installed) underQuota() {
	s.t.Helper()
	kubectl(s.t, limits, "apply", "--server-side", "-n", s.ns, "-f", "-")
	eventually(s.t, time.Minute, "a pod without requests is refused", func() error {
		_, stderr, err := try(silentPod, "create", "--dry-run=server", "-n", s.ns, "-f", "-")
		if err != nil && (strings.Contains(stderr, "must specify") || strings.Contains(stderr, "limit to request ratio per Container")) {
			return nil
		}
		return fmt.Errorf("%v %s", err, stderr)
	})
}

// wantAdmitted checks that the quota counted pods and that none of all was refused
// by it, or by the range of limits.
func (s *installed) wantAdmitted(t *testing.T) {
	t.Helper()
	if used := kubectl(t, "", "get", "resourcequota", "team", "-n", s.ns, "-o", "jsonpath={.status.used.pods}"); used == "" || used == "0" {
		t.Errorf("the quota has counted %q pods", used)
	}
	events := kubectl(t, "", "get", "events", "-n", s.ns, "--field-selector=reason=FailedCreate", "-o", `go-template={{range .items}}{{.involvedObject.name}}: {{.message}}{{"\n"}}{{end}}`)
	for line := range strings.Lines(events) {
		for _, refusal := range []string{"quota", "per Container", "per Pod"} {
			if strings.Contains(line, refusal) {
				t.Error(strings.TrimSpace(line))
				break
			}
		}
	}
}
