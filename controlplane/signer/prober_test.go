package signer

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadinessIsWhatTheLastProbeFoundForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Pointer[error]
		var hangs atomic.Bool
		p := &prober{check: func(ctx context.Context) error {
			if hangs.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			if err := fails.Load(); err != nil {
				return *err
			}
			return nil
		}}
		if p.ready() == nil {
			t.Error("ready before it was asked")
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go p.run(ctx)
		synctest.Wait()
		if err := p.ready(); err != nil {
			t.Error(err)
		}
		sealed := errors.New("sealed")
		fails.Store(&sealed)
		time.Sleep(probeEvery + time.Millisecond)
		if err := p.ready(); err == nil || !strings.Contains(err.Error(), "sealed") {
			t.Errorf("got %v", err)
		}
		fails.Store(nil)
		time.Sleep(probeEvery)
		if err := p.ready(); err != nil {
			t.Error(err)
		}
		hangs.Store(true)
		time.Sleep(probeEvery + probeTimeout + time.Millisecond)
		if p.ready() == nil {
			t.Error("ready while OpenBao hangs")
		}
		hangs.Store(false)
		time.Sleep(probeEvery + probeTimeout)
		p.drain()
		time.Sleep(probeEvery)
		if err := p.ready(); err == nil || !strings.Contains(err.Error(), "drains") {
			t.Errorf("while it drains: got %v", err)
		}
		cancel()
		synctest.Wait()
	})
}

func TestEveryFaultOfAConfigurationIsTold(t *testing.T) {
	err := new(Config).Check()
	for _, flag := range []string{"openbao:", "openbao-ca", "tls-cert", "tls-key", "client-ca", "auth-mount", "role", "token-file", "engine-mount", "deadline"} {
		if err == nil || !strings.Contains(err.Error(), "--"+flag) {
			t.Errorf("--%s is not told: %v", flag, err)
		}
	}
	c := Default()
	c.OpenBao, c.OpenBaoCA, c.Certificate, c.Key, c.ClientCA = []string{"https://a"}, "f", "f", "f", "f"
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	c.Drain = -1
	if c.Check() == nil {
		t.Error("a drain below 0 is accepted")
	}
}

// What the policy allows is a list that review reads; the rights themselves are tried
// against a real OpenBao.
func TestThePolicyNamesNoRawSignatures(t *testing.T) {
	var paths []string
	for _, line := range strings.Split(Policy(), "\n") {
		if rest, ok := strings.CutPrefix(line, `path "`); ok {
			path, _, _ := strings.Cut(rest, `"`)
			paths = append(paths, path)
		}
	}
	want := "+/secp256k1/batch +/secp256k1/clients/+ auth/token/lookup-self auth/token/renew-self auth/token/revoke-self"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("got %s", got)
	}
}
