package realtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// childEnv holds, in the process that is the Job, what it is.
const childEnv = "REALTEST_JOB"

// Job is a Job to run, and its configuration.
type Job struct {
	Name, Namespace string
	Config          any
	// TrustFile and TokenFile are as in run.World.
	TrustFile, TokenFile string
	// Kubeconfig is that of another identity than KUBECONFIG's.
	Kubeconfig string
	// Pod is the name of its pod, whose Lease it takes up again; one that all
	// runs of the Job have when it is "".
	Pod string
	// Patience is how long a run may take; three minutes when it is 0.
	Patience time.Duration
	// Deadline and Notice are as in run.World.
	Deadline, Notice time.Duration
}

// child is what a Job's process is told.
type child struct {
	Job
	Kill   Kill
	Config json.RawMessage
}

// Main is the TestMain of a Job's tests: the same binary is the Job when it is
// told so.
func Main[Config any](m *testing.M, work func(context.Context, *run.Session, Config) error) {
	text := os.Getenv(childEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	var c child
	var config Config
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		err = json.Unmarshal(c.Config, &config)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(c.run(func(ctx context.Context, s *run.Session) error { return work(ctx, s, config) }))
}

// run is the Job's process.
func (c child) run(work run.Work) int {
	kubernetes, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	k := &killer{Kill: c.Kill}
	kubernetes.Wrap(k.wrap)
	world := run.World{
		Kubernetes: kubernetes,
		Pod:        run.Pod{Name: cmp.Or(c.Pod, c.Name+"-pod"), UID: "11111111-1111-4111-8111-111111111111"},
		TrustFile:  c.TrustFile, TokenFile: c.TokenFile,
		OpenBao: func(client *http.Client) { client.Transport = k.wrap(client.Transport) },
		Log:     slog.New(slog.NewJSONHandler(os.Stderr, nil)),

		Deadline: c.Deadline, Notice: c.Notice,
	}
	return run.Code(world.Do(context.Background(), c.Name, c.Namespace, work))
}

// Outcome is how a run of a Job ended.
type Outcome struct {
	// Code is the exit code; -1 after a kill.
	Code int
	// Killed is the request at which it was killed, if it was.
	Killed string
	// Step is the last that it began.
	Step string
	// Log is all that it wrote.
	Log string
}

// Run runs a Job to its end.
func (j Job) Run(t *testing.T) Outcome { return j.Until(t, Kill{}) }

// Until runs a Job and kills it.
func (j Job) Until(t *testing.T, kill Kill) Outcome {
	t.Helper()
	config, err := json.Marshal(j.Config)
	if err != nil {
		t.Fatal(err)
	}
	if j.Kubeconfig == "" {
		j.Kubeconfig = os.Getenv("KUBECONFIG")
	}
	j.Config = nil
	text, err := json.Marshal(child{Job: j, Kill: kill, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(j.Patience, 3*time.Minute))
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text), "HOME="+t.TempDir())
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err = cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("job %s hangs:\n%s", j.Name, log.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome(cmd.ProcessState.ExitCode(), log.String())
}

func outcome(code int, log string) Outcome {
	o := Outcome{Code: code, Log: log}
	for line := range strings.Lines(log) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), killed); ok {
			o.Killed = rest
		}
		var entry struct{ Step string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Step != "" {
			o.Step = entry.Step
		}
	}
	return o
}

// Setup makes what a Job finds.
type Setup = func(*testing.T) Job

// Check fails the test where a Job's run left something wrong, and tells the
// outcome in few words.
type Check = func(*testing.T, Job, Outcome) string

// KillEverywhere runs a Job to its end after it was killed at each of its
// changes, before and after the server did it, and prints the table of them. Each
// starts from what setup makes; check looks at the run after the kill.
func KillEverywhere(t *testing.T, setup Setup, check Check) {
	t.Helper()
	beforeAndAfter(t, func(t *testing.T, after bool) { killAtEach(t, after, setup, check) })
}

// KillSideBySide is KillEverywhere where the kills before a change and those
// after it run at the same time, each with what lane makes for them.
func KillSideBySide(t *testing.T, lane func(*testing.T) (setup Setup, check Check)) {
	t.Helper()
	beforeAndAfter(t, func(t *testing.T, after bool) {
		t.Parallel()
		setup, check := lane(t)
		killAtEach(t, after, setup, check)
	})
}

// beforeAndAfter names the two, so that one can be run without the other.
func beforeAndAfter(t *testing.T, kills func(t *testing.T, after bool)) {
	t.Helper()
	for name, after := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) { kills(t, after) })
	}
}

// Side is "before" or "after": how the Job of this kill was killed.
func Side(t *testing.T) string {
	t.Helper()
	if strings.Contains(t.Name(), "/before/") {
		return "before"
	}
	return "after"
}

func killAtEach(t *testing.T, after bool, setup Setup, check Check) {
	t.Helper()
	var table strings.Builder
	defer func() { t.Logf("kill points:\n%s", table.String()) }()
	for n, done := 1, false; !done && !t.Failed(); n++ {
		kill := Kill{Change: n, After: after}
		ran := false
		t.Run(strings.ReplaceAll(kill.String(), " ", "-"), func(t *testing.T) {
			ran = true
			job := setup(t)
			first := job.Until(t, kill)
			if first.Killed == "" {
				if done = true; first.Code != 0 {
					t.Fatalf("exit %d without a kill:\n%s", first.Code, first.Log)
				}
				if n == 1 {
					t.Error("the job changed nothing: there was nothing to kill it at")
				}
				return
			}
			verdict := check(t, job, job.Run(t))
			fmt.Fprintf(&table, "%-28s %-70s %s\n", first.Step, first.Killed, verdict)
		})
		done = done || !ran // go test's -run or -skip leaves it out
	}
}

// Finished is a check's part that holds for most: the run ends well.
func Finished(t *testing.T, o Outcome) string {
	t.Helper()
	if o.Code != 0 {
		t.Fatalf("exit %d:\n%s", o.Code, o.Log)
	}
	return "finished"
}

// tokenFile writes a token that a Job shows.
func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
