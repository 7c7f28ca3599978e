//go:build e2e

package e2e

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// installed is a rendered stack in a namespace of its own.
type installed struct {
	t    *testing.T
	ns   string
	spec string
	file string
	// logs are what its containers have said so far.
	logs func() string
	// unseals counts how often each of its OpenBao servers was unsealed.
	unseals func() map[string]int
}

// versions writes the versions of OpenBao to try in the place of those that specs
// have here: E2E_OPENBAO, and the one that it is upgraded to, E2E_OPENBAO_NEXT, of
// which the images program has made images.
var versions = strings.NewReplacer("2.4.0", openbaoVersion(), "2.4.1", cmp.Or(os.Getenv("E2E_OPENBAO_NEXT"), "2.4.1"))

func openbaoVersion() string { return cmp.Or(os.Getenv("E2E_OPENBAO"), "2.4.0") }

// newInstalled makes the namespace; spec has a %s for it.
func newInstalled(t *testing.T, ns, spec string) *installed {
	t.Helper()
	namespace(t, ns)
	logs := logsOf(t, ns)
	s := &installed{t: t, ns: ns, spec: versions.Replace(spec), file: filepath.Join(t.TempDir(), "cluster.yaml"), logs: logs.String, unseals: logs.unseals}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.whatWaits())
		}
	})
	return s
}

// whatWaits is what is not ready, the pods, and the end of what Jobs said that
// have not succeeded.
func (s *installed) whatWaits() string {
	var told strings.Builder
	if err := s.unready("jobs,statefulsets,deployments"); err != nil {
		fmt.Fprintln(&told, err)
	}
	jobs, _, _ := try("", "get", "jobs", "-n", s.ns, "-o", `go-template={{range .items}}{{if not .status.succeeded}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}`)
	for _, job := range strings.Fields(jobs) {
		var said []string
		for line := range strings.Lines(s.logs()) {
			if strings.HasPrefix(line, job+"-") {
				said = append(said, line)
			}
		}
		fmt.Fprint(&told, strings.Join(said[max(0, len(said)-60):], ""))
	}
	pods, _, _ := try("", "get", "pods", "-n", s.ns, "-o", "wide")
	fmt.Fprint(&told, pods)
	return told.String()
}

// render renders the spec as it is now.
func (s *installed) render(args ...string) string {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(strings.ReplaceAll(s.spec, "%NAMESPACE%", s.ns)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return render(s.t, append([]string{"-f", s.file}, args...)...)
}

// change replaces a text of the spec, which must be there.
func (s *installed) change(from, to string) {
	s.t.Helper()
	from, to = versions.Replace(from), versions.Replace(to)
	if !strings.Contains(s.spec, from) {
		s.t.Fatalf("the spec has no %q", from)
	}
	s.spec = strings.Replace(s.spec, from, to, 1)
}

// apply applies all of the stack, or some stages of it.
func (s *installed) apply(args ...string) {
	s.t.Helper()
	kubectl(s.t, s.render(args...), "apply", "--server-side", "--validate=strict", "-f", "-")
}

// object is what readiness is read from, as an engine reads it.
type object struct {
	Kind     string
	Metadata struct {
		Name       string
		Generation int64
	}
	Spec struct {
		Replicas *int32
	}
	Status struct {
		ObservedGeneration                                          int64
		Replicas, ReadyReplicas, UpdatedReplicas, AvailableReplicas int32
		CurrentRevision, UpdateRevision                             string
		Succeeded                                                   int32
		Conditions                                                  []struct{ Type, Status string }
	}
}

// unready says why an object is not ready yet, by the rules that Argo CD's and
// Flux's health checks share.
func (o object) unready() string {
	name := strings.ToLower(o.Kind) + "/" + o.Metadata.Name
	want := int32(1)
	if o.Spec.Replicas != nil {
		want = *o.Spec.Replicas
	}
	st := o.Status
	switch o.Kind {
	case "Job":
		if st.Succeeded == 0 {
			return name + " has not succeeded"
		}
	case "StatefulSet":
		if st.ObservedGeneration < o.Metadata.Generation || st.ReadyReplicas != want || st.UpdatedReplicas != want || st.CurrentRevision != st.UpdateRevision {
			return fmt.Sprintf("%s has %d ready and %d updated of %d", name, st.ReadyReplicas, st.UpdatedReplicas, want)
		}
	case "Deployment":
		if st.ObservedGeneration < o.Metadata.Generation || st.AvailableReplicas < want || st.UpdatedReplicas < want || st.Replicas != st.UpdatedReplicas {
			return fmt.Sprintf("%s has %d available and %d updated of %d", name, st.AvailableReplicas, st.UpdatedReplicas, want)
		}
	}
	return ""
}

// ready waits until all that can be ready is.
func (s *installed) ready(within time.Duration) {
	s.t.Helper()
	eventually(s.t, within, s.ns+" is ready", func() error { return s.unready("jobs,statefulsets,deployments") })
}

func (s *installed) unready(kinds string) error {
	out, stderr, err := try("", "get", "-n", s.ns, kinds, "-o", "json")
	if err != nil {
		return fmt.Errorf("%w: %s", err, stderr)
	}
	var list struct{ Items []object }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return err
	}
	var waits []string
	for _, o := range list.Items {
		if why := o.unready(); why != "" {
			waits = append(waits, why)
		}
	}
	if len(waits) > 0 {
		return fmt.Errorf("%s", strings.Join(waits, "; "))
	}
	return nil
}

// as returns what runs a script with the bao command in an OpenBao pod, against
// the active node, logged in as one of the Jobs: what the README tells an
// administrator to do.
func (s *installed) as(role string) func(script string) (string, error) {
	return func(script string) (string, error) {
		jwt, stderr, err := try("", "create", "token", "-n", s.ns, "banhbaoring-"+role, "--audience", jobs.TokenAudience)
		if err != nil {
			return "", fmt.Errorf("%w: %s", err, stderr)
		}
		return s.shell(jwt, `BAO_TOKEN=$(bao write -field=token auth/kubernetes/login role=`+role+` jwt="$secret"); export BAO_TOKEN; `+script)
	}
}

// withAPIToken runs a script as the control plane's API would.
func (s *installed) withAPIToken(script string) (string, error) {
	token, stderr, err := try("", "get", "secret", "-n", s.ns, jobs.SecretAPIOpenBao, "-o", "jsonpath={.data.token}")
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, stderr)
	}
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return "", err
	}
	return s.shell(string(text), `BAO_TOKEN=$secret; export BAO_TOKEN; `+script)
}

// shell runs a script in an OpenBao pod that lets it, any of them; $secret holds
// what must not stand in a command line.
func (s *installed) shell(secret, script string) (string, error) {
	pods, stderr, err := try("", "get", "pods", "-n", s.ns, "-l", "app.kubernetes.io/name=openbao", "--field-selector=status.phase=Running", "-o", "name")
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, stderr)
	}
	names := strings.Fields(pods)
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	err = fmt.Errorf("no OpenBao pod runs")
	for _, pod := range names {
		var out string
		out, stderr, err = tryFor(15*time.Second, strings.TrimSpace(secret)+"\n", "exec", "-i", "-n", s.ns, pod, "-c", "openbao", "--",
			"timeout", "10", "sh", "-ec", "read -r secret; BAO_ADDR="+jobs.ActiveAddress(s.ns)+"; export BAO_ADDR; "+script)
		if err == nil {
			return out, nil
		}
		err = fmt.Errorf("%s: %w: %s", pod, err, stderr)
	}
	return "", err
}

// must is the output of a script that must succeed, if need be after a while.
func (s *installed) must(what string, run func(string) (string, error), script string) string {
	s.t.Helper()
	var out string
	eventually(s.t, time.Minute, what, func() (err error) {
		out, err = run(script)
		return err
	})
	return strings.TrimSpace(out)
}

// refused has OpenBao refuse a script, and say why. What is cut off before it has
// an answer is tried again.
func (s *installed) refused(who string, run func(string) (string, error), script, why string) {
	s.t.Helper()
	eventually(s.t, time.Minute, who+" is refused "+script, func() error {
		out, err := run(script)
		if err == nil {
			s.t.Fatalf("%s may: %s: %s", who, script, out)
		}
		if !strings.Contains(err.Error(), why) {
			return err
		}
		return nil
	})
}

// voters are the raft peers that vote.
func (s *installed) voters() ([]string, error) {
	out, err := s.as(jobs.Peers)("bao operator raft list-peers -format=json")
	if err != nil {
		return nil, err
	}
	var peers struct {
		Data struct {
			Config struct {
				Servers []struct {
					NodeID string `json:"node_id"`
					Voter  bool
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &peers); err != nil {
		return nil, err
	}
	var voters []string
	for _, p := range peers.Data.Config.Servers {
		if p.Voter {
			voters = append(voters, p.NodeID)
		}
	}
	slices.Sort(voters)
	return voters, nil
}

// wantVoters waits for so many.
func (s *installed) wantVoters(n int) {
	s.t.Helper()
	eventually(s.t, 2*time.Minute, fmt.Sprintf("%d raft voters", n), func() error {
		voters, err := s.voters()
		if err == nil && len(voters) != n {
			err = fmt.Errorf("voters: %v", voters)
		}
		return err
	})
}

// unsealedOnce checks that each OpenBao server that runs was unsealed, and none of
// all that ever ran twice without a seal between: those are two loops that lead.
func (s *installed) unsealedOnce() {
	s.t.Helper()
	eventually(s.t, time.Minute, "each server says that it was unsealed", func() error {
		out, stderr, err := try("", "get", "pods", "-n", s.ns, "-l", "app.kubernetes.io/name=openbao", "-o",
			`go-template={{range .items}}{{$pod := .metadata.name}}{{range .status.containerStatuses}}{{if eq .name "openbao"}}{{$pod}} {{.containerID}}{{"\n"}}{{end}}{{end}}{{end}}`)
		if err != nil {
			return fmt.Errorf("%w: %s", err, stderr)
		}
		unseals := s.unseals()
		for server := range strings.Lines(out) {
			if server = strings.TrimSpace(server); unseals[server] == 0 {
				return fmt.Errorf("%s has not", server)
			}
		}
		return nil
	})
	unseals := s.unseals()
	for server, n := range unseals {
		if n > 1 {
			pod, _, _ := strings.Cut(server, " ")
			s.t.Errorf("%s was unsealed %d times:\n%s", server, n, saying(s.logs(), pod+"/", "seal", "standby", "leader", "join", "active"))
		}
	}
	s.t.Logf("%d OpenBao servers were started, none was unsealed twice", len(unseals))
}

// leader is the active node's pod.
func (s *installed) leader() (string, error) {
	out, stderr, err := try("", "get", "pods", "-n", s.ns, "-l", "openbao-active=true", "-o", "jsonpath={.items[*].metadata.name}")
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, stderr)
	}
	if names := strings.Fields(out); len(names) != 1 {
		return "", fmt.Errorf("active: %q", out)
	}
	return strings.TrimSpace(out), nil
}

// generations are what changes when an object's spec does. Pods that a change of
// before has ended may still be going.
func (s *installed) generations() string {
	s.t.Helper()
	return kubectl(s.t, "", "get", "-n", s.ns, "statefulsets,deployments,jobs,configmaps,secrets,services,networkpolicies,roles,cronjobs,pods", "-o",
		`go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.kind}}/{{.metadata.name}} {{.metadata.generation}} {{if eq .kind "ConfigMap" "Secret" "Service" "NetworkPolicy" "Role"}}{{.metadata.resourceVersion}}{{end}}{{"\n"}}{{end}}{{end}}`)
}
