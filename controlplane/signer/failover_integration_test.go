//go:build integration

package signer_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/internal/realbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer"
)

// hangs is what no call takes that ends with its deadline of 2 s, however busy the machine is.
const hangs = 20 * time.Second

// load signs without a pause by several connections, and remembers each call.
type load struct {
	stop chan struct{}
	wg   sync.WaitGroup

	mu     sync.Mutex
	calls  int
	failed int
	worst  time.Duration
	last   time.Time // of the last success
	gap    time.Duration
	faults map[string]int
}

func (r *rollup) steady(workers int) *load {
	l := &load{stop: make(chan struct{}), last: time.Now(), faults: map[string]int{}}
	for w := range workers {
		l.wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.stop:
					return
				default:
				}
				body := fmt.Sprintf(`{"jsonrpc": "2.0", "id": 1, "method": "eth_signTransaction", "params": [%s]}`, transaction(r.address, inbox, w*1000000+i))
				began := time.Now()
				_, text, err := send(r.mtls, "/", body)
				if err != nil {
					text = err.Error()
				}
				l.count(began, text)
			}
		})
	}
	return l
}

func (l *load) count(began time.Time, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	l.worst = max(l.worst, time.Since(began))
	if strings.Contains(text, `"result":"0x02`) {
		l.gap, l.last = max(l.gap, time.Since(l.last)), time.Now()
		return
	}
	l.failed++
	l.faults[text]++
}

func (l *load) signedSince(t time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last.After(t)
}

func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}

// A leader that is lost, or cut off, is noticed; no call lasts longer than its
// deadline, and signing goes on with the next leader.
func TestSigningGoesOnWhenTheLeaderIsLost(t *testing.T) {
	for _, x := range []struct {
		name string
		lose func(*realbao.Server)
	}{
		{"killed", (*realbao.Server).Kill},
		{"cut off", (*realbao.Server).Freeze},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := start(t, 3, nil)
			leader := r.Leader(r.Servers...)
			t.Cleanup(leader.Thaw)
			l := r.steady(8)
			time.Sleep(2 * time.Second)
			lost := time.Now()
			x.lose(leader)
			next := r.Leader(r.Others(leader)...)
			elected := time.Since(lost)
			realbao.Eventually(t, "signing goes on", func() error {
				if !l.signedSince(lost.Add(elected)) {
					return fmt.Errorf("not yet")
				}
				return nil
			})
			resumed := time.Since(lost)
			time.Sleep(2 * time.Second)
			l.end()
			t.Logf("%d calls, %d failed, the longest took %v; elected %v after the loss (%s), signing went on %v later, longest gap without a signature %v",
				l.calls, l.failed, l.worst.Round(time.Millisecond), elected.Round(time.Millisecond), next.Address, (resumed - elected).Round(time.Millisecond), l.gap.Round(time.Millisecond))
			if l.worst > hangs {
				t.Errorf("a call took %v, and the deadline is %v", l.worst, signer.Default().Deadline)
			}
			for text := range l.faults {
				if !strings.Contains(text, "openbao_unavailable") && !strings.Contains(text, "deadline_exceeded") {
					t.Errorf("refused for another reason: %s", text)
				}
			}
		})
	}
}

func TestWithoutAMajorityCallsEndAndTheSignerIsNotReady(t *testing.T) {
	r := start(t, 1, nil)
	requireAnswer(t, "before", rpc(t, r.mtls, "eth_accounts", `[]`), `["0x`)
	r.Servers[0].Freeze()
	defer r.Servers[0].Thaw()
	began := time.Now()
	a := rpc(t, r.mtls, "eth_signTransaction", `[`+transaction(r.address, inbox, 1)+`]`)
	if took := time.Since(began); a.Error == nil || took > hangs {
		t.Errorf("got %+v after %v", a, took)
	}
	realbao.Eventually(t, "it is not ready", func() error {
		if r.Ready() == nil {
			return fmt.Errorf("ready")
		}
		return nil
	})
	r.Servers[0].Thaw()
	realbao.Eventually(t, "it is ready again", r.Ready)
	requireAnswer(t, "again", rpc(t, r.mtls, "eth_signTransaction", `[`+transaction(r.address, inbox, 1)+`]`), `"0x02`)
}
