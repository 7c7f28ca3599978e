package signer

import (
	"context"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

const (
	probeEvery   = time.Second
	probeTimeout = time.Second
	// probeHolds is how long what a probe found is believed.
	probeHolds = 4 * time.Second
)

// prober knows whether the signer can sign: the active node of OpenBao takes its token.
// One tenant's engine is no part of it: the signer signs for the others.
type prober struct {
	check func(context.Context) error

	mu       sync.Mutex
	err      error
	at       time.Time
	draining bool
}

// run probes until ctx ends.
func (p *prober) run(ctx context.Context) {
	for ctx.Err() == nil {
		probe, cancel := context.WithTimeout(ctx, probeTimeout)
		err := p.check(probe)
		cancel()
		p.mu.Lock()
		p.err, p.at = err, time.Now()
		p.mu.Unlock()
		pause := probeEvery
		if err != nil {
			pause /= 10
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// drain makes the signer unready for good.
func (p *prober) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draining = true
}

// ready is why the signer cannot sign, or nil.
func (p *prober) ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.draining:
		return problem.Unavailable("the signer drains")
	case p.at.IsZero() || time.Since(p.at) > probeHolds:
		return problem.Unavailable("OpenBao was not asked yet, or does not answer")
	case p.err != nil:
		return problem.Unavailable("OpenBao does not take the signer's requests: %s", p.err.Error())
	}
	return nil
}
