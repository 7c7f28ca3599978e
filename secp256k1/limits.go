package secp256k1

import (
	"context"
	"sync"
	"time"

	"github.com/openbao/openbao/sdk/v2/logical"
)

// blockReserve is what only block payloads may use of a burst: a fifth of it.
func blockReserve(burst int64) int64 { return burst / 5 }

// rate is a bucket of tokens, one a signature, refilled as time goes.
type rate struct {
	mu     sync.Mutex
	tokens float64
	at     time.Time
}

// take takes n tokens and leaves as many as reserve, or reports how long until they
// are there.
func (r *rate) take(now time.Time, perSecond, burst, n, reserve float64) (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() {
		r.tokens = burst
	} else {
		r.tokens = min(burst, r.tokens+max(0, now.Sub(r.at).Seconds())*perSecond)
	}
	r.at = now
	if need := n + reserve; r.tokens < need {
		return time.Duration((need - r.tokens) / perSecond * float64(time.Second)), false
	}
	r.tokens -= n
	return 0, true
}

// admit holds n signatures against the mount's rate.
func (b *backend) admit(ctx context.Context, storage logical.Storage, n int, first bool) error {
	limits, err := b.config.get(ctx, storage)
	if err != nil || limits.SignaturesPerSecond == 0 {
		return err
	}
	burst, reserve := max(limits.Burst, limits.SignaturesPerSecond), int64(0)
	if !first {
		reserve = blockReserve(burst)
	}
	if int64(n) > burst-reserve {
		return tooMany("rate_exceeded", "config.burst", "send fewer at once, or have the limit raised",
			"%d signatures at once are more than the burst of %d", n, burst-reserve)
	}
	wait, ok := b.rate.take(b.now(), float64(limits.SignaturesPerSecond), float64(burst), float64(n), float64(reserve))
	if ok {
		return nil
	}
	return tooMany("rate_exceeded", "config.signatures_per_second", "send again in "+wait.Round(time.Millisecond).String(),
		"the mount signs at most %d a second", limits.SignaturesPerSecond)
}

// count counts n signatures of a key against the mount's quota. undo takes some of them back.
func (b *backend) count(ctx context.Context, storage logical.Storage, name string, n int) (undo func(n int), err error) {
	limits, err := b.config.get(ctx, storage)
	if err != nil {
		return nil, err
	}
	whole, one, many := b.counters.at(mountCount), b.counters.at(keyCounts+name), uint64(n)
	undoWhole, err := whole.take(ctx, many, uint64(limits.SignaturesPerMonth))
	if err != nil {
		return nil, err
	}
	undoOne, err := one.take(ctx, many, 0)
	if err != nil {
		undoWhole(many)
		return nil, err
	}
	return func(n int) {
		if n > 0 {
			undoWhole(uint64(n))
			undoOne(uint64(n))
		}
	}, nil
}
