package secp256k1

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"sync"
	"time"

	"github.com/openbao/openbao/sdk/v2/logical"

	"github.com/banhbaoring/banhbaoring/secp256k1/policy"
)

const (
	budgetPrefix = "state/budgets/"
	budgetWindow = 24 * time.Hour
	// What is spent is remembered by quarters of an hour, and each counts until all of
	// it is a day old.
	budgetStep = 15 * time.Minute
)

// budget is what a key has spent within 24 hours. A signature's worst case is stored
// before it is made, and stays spent even if the transaction is never sent.
type budget struct {
	path    string
	storage logical.Storage
	now     func() time.Time

	mu     sync.Mutex // held while storage is read and written
	loaded bool
	stored storedBudget
}

type storedBudget struct {
	Spent []spent `json:"spent"`
}

type spent struct {
	Since int64    `json:"since"` // Unix time, a multiple of budgetStep
	Value *big.Int `json:"value"`
	Fees  *big.Int `json:"fees"`
	Count uint64   `json:"count"`
}

// spend stores what next can cost, or refuses where it would pass the limits.
func (b *budget) spend(ctx context.Context, limits *policy.Budget, next *policy.Spend) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(ctx); err != nil {
		return err
	}
	since := b.now().Truncate(budgetStep).Unix()
	oldest := since - int64(budgetWindow/time.Second)
	kept := storedBudget{}
	now := spent{Since: since, Value: new(big.Int), Fees: new(big.Int)}
	sum := &policy.Spend{Value: new(big.Int), Fees: new(big.Int)}
	for _, s := range b.stored.Spent {
		switch {
		case s.Since < oldest:
			continue
		case s.Since >= since: // also where the clock went back
			now = s
		default:
			kept.Spent = append(kept.Spent, s)
		}
		sum.Value.Add(sum.Value, s.Value)
		sum.Fees.Add(sum.Fees, s.Fees)
		sum.Count += s.Count
	}
	if err := limits.Check(sum, next); err != nil {
		return err
	}
	now.Value = new(big.Int).Add(now.Value, next.Value)
	now.Fees = new(big.Int).Add(now.Fees, next.Fees)
	now.Count += next.Count
	kept.Spent = append(kept.Spent, now)
	return b.write(ctx, kept)
}

func (b *budget) load(ctx context.Context) error {
	if b.loaded {
		return nil
	}
	entry, err := b.storage.Get(ctx, b.path)
	if err != nil {
		return err
	}
	stored := storedBudget{}
	if entry != nil && json.Unmarshal(entry.Value, &stored) != nil {
		return errors.New(b.path + ": what is stored is not a budget")
	}
	for _, s := range stored.Spent {
		if s.Value == nil || s.Fees == nil {
			return errors.New(b.path + ": what is stored is not a budget")
		}
	}
	b.stored, b.loaded = stored, true
	return nil
}

func (b *budget) write(ctx context.Context, changed storedBudget) error {
	entry, err := logical.StorageEntryJSON(b.path, changed)
	if err == nil {
		err = b.storage.Put(ctx, entry)
	}
	if err != nil {
		b.loaded = false // it may be stored all the same
		return err
	}
	b.stored = changed
	return nil
}

func (b *budget) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loaded = false
}
