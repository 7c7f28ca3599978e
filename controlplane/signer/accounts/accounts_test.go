package accounts

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/caller"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// store is what OpenBao holds.
type store struct {
	keys  atomic.Pointer[[]openbao.Key]
	fails atomic.Pointer[error]
	takes time.Duration
	reads atomic.Int64
}

func (s *store) read(ctx context.Context, _, _ string) ([]openbao.Key, error) {
	s.reads.Add(1)
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.fails.Load(); err != nil {
		return nil, *err
	}
	return *s.keys.Load(), nil
}

func newStore(keys ...openbao.Key) *store {
	s := &store{takes: time.Millisecond}
	s.keys.Store(&keys)
	return s
}

var (
	batcher = openbao.Key{Name: "batcher", Auth: caller.MTLS, SPKI: []string{"old", "new"}}
	poster  = openbao.Key{Name: "poster", Auth: caller.APIKey, Digest: []string{"digest"}}
)

func from(auth, hash string) caller.Caller {
	return caller.Caller{Tenant: "t", Client: "c", Auth: auth, Hash: hash}
}

func requireKeys(t *testing.T, d *Directory, c caller.Caller, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	keys, err := d.Keys(ctx, c)
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
	}
	if len(want) == 0 {
		if problem.Of(err).Code != "client_unknown" {
			t.Errorf("%+v: got %v, %v, want client_unknown", c, names, err)
		}
	} else if err != nil || fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("%+v: got %v, %v, want %v", c, names, err, want)
	}
}

func TestAClientHasTheKeysForWhichItShowsItsCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(newStore(batcher, poster).read)
		requireKeys(t, d, from(caller.MTLS, "old"), "batcher")
		requireKeys(t, d, from(caller.MTLS, "new"), "batcher")
		requireKeys(t, d, from(caller.APIKey, "digest"), "poster")
		requireKeys(t, d, from(caller.MTLS, "digest"))
		requireKeys(t, d, from(caller.APIKey, "new"))
		requireKeys(t, d, from(caller.APIKey, ""))
		synctest.Wait()
	})
}

func TestARenewedCredentialIsSeenWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(poster)
		d := New(s.read)
		requireKeys(t, d, from(caller.APIKey, "renewed"))
		for range 1000 {
			time.Sleep(again / 2000)
			requireKeys(t, d, from(caller.APIKey, "renewed"))
		}
		if reads := s.reads.Load(); reads != 1 {
			t.Errorf("a wrong credential made %d reads", reads)
		}
		renewed := poster
		renewed.Digest = []string{"digest", "renewed"}
		s.keys.Store(&[]openbao.Key{renewed})
		time.Sleep(again + time.Millisecond)
		requireKeys(t, d, from(caller.APIKey, "renewed"), "poster")
	})
}

func TestWhatIsKnownIsReadAgainInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(poster)
		d := New(s.read)
		requireKeys(t, d, from(caller.APIKey, "digest"), "poster")
		s.keys.Store(&[]openbao.Key{})
		time.Sleep(fresh + time.Millisecond)
		began := time.Now()
		requireKeys(t, d, from(caller.APIKey, "digest"), "poster")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		time.Sleep(2 * s.takes)
		requireKeys(t, d, from(caller.APIKey, "digest"))
	})
}

func TestAFailureToReadIsToldAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(poster)
		d := New(s.read)
		lost := errors.New("lost")
		s.fails.Store(&lost)
		if _, err := d.Keys(context.Background(), from(caller.APIKey, "digest")); !errors.Is(err, lost) {
			t.Errorf("got %v", err)
		}
		s.fails.Store(nil)
		requireKeys(t, d, from(caller.APIKey, "digest"), "poster")
		s.takes = time.Hour
		time.Sleep(stale)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := d.Keys(ctx, from(caller.APIKey, "digest")); problem.Of(err).Code != "deadline_exceeded" {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Hour)
	})
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(newStore().read)
		for i := range maxRecords + 100 {
			requireKeys(t, d, caller.Caller{Tenant: fmt.Sprint(i), Client: "c", Auth: caller.APIKey, Hash: "x"})
		}
		if got := len(d.records); got > maxRecords {
			t.Errorf("%d records are remembered", got)
		}
	})
}
