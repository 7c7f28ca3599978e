package metrics

import (
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

func TestPrometheusReadsWhatHappened(t *testing.T) {
	m := New()
	m.Watch(State{
		Ready: func() bool { return true }, Active: func() string { return "https://a" }, Token: func() time.Time { return time.Unix(7, 0) },
		Depths: func() map[string]int { return map[string]int{"t": 3} }, Certificate: func() time.Time { return time.Unix(8, 0) },
	})
	refused := &problem.Problem{Code: "fee_above_cap", Rule: "policy.fees", Status: 403}
	m.Call("t", "c", "eth_signTransaction", time.Millisecond, nil)
	m.Call("t", "c", "eth_signTransaction", time.Millisecond, refused)
	m.TurnedAway(problem.Unauthorized("client_unknown", "", ""))
	m.Batch("t", 5)
	m.OpenBao(time.Millisecond, nil)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`banhbaoring_signer_request_duration_seconds_count{client="c",method="eth_signTransaction",outcome="ok",tenant="t"} 1`,
		`banhbaoring_signer_request_duration_seconds_count{client="c",method="eth_signTransaction",outcome="refused",tenant="t"} 1`,
		`banhbaoring_signer_refusals_total{client="c",code="fee_above_cap",rule="policy.fees",tenant="t"} 1`,
		`banhbaoring_signer_turned_away_total{code="client_unknown"} 1`,
		`banhbaoring_signer_batch_entries_sum{tenant="t"} 5`,
		`banhbaoring_signer_openbao_duration_seconds_count{outcome="ok"} 1`,
		"banhbaoring_signer_ready 1",
		`banhbaoring_signer_openbao_active{address="https://a"} 1`,
		"banhbaoring_signer_token_expiry_timestamp_seconds 7",
		`banhbaoring_signer_queue_depth{tenant="t"} 3`,
		"banhbaoring_signer_certificate_expiry_timestamp_seconds 8",
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	// What the stack's alerts and dashboards ask for.
	list, err := os.ReadFile("../../../components/monitoring/testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for line := range strings.Lines(string(list)) {
		name, from, _ := strings.Cut(strings.TrimSpace(line), " ")
		if from != "run: controlplane/signer" {
			continue
		}
		asked++
		if !strings.Contains(w.Body.String(), "\n"+name+"{") && !strings.Contains(w.Body.String(), "\n"+name+" ") {
			t.Errorf("there is no %s, which alerts or dashboards use", name)
		}
	}
	if asked < 10 {
		t.Errorf("%d metrics are asked for", asked)
	}
}

func TestOutcomes(t *testing.T) {
	for _, x := range []struct {
		err  error
		want string
	}{
		{nil, "ok"}, {problem.Busy("x"), "busy"}, {problem.Deadline(), "failed"}, {problem.Unavailable("x"), "failed"}, {errors.New("x"), "failed"},
		{problem.Invalid("", "x"), "invalid"}, {&problem.Problem{Code: "x", Status: 409}, "refused"}, {&problem.Problem{Code: "x", Status: 429}, "refused"},
	} {
		if got := Outcome(x.err); got != x.want {
			t.Errorf("%v: got %s, want %s", x.err, got, x.want)
		}
	}
}
