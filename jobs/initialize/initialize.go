// Package initialize is the init Job: it initialises OpenBao once, keeps its
// keys in a Secret, unseals the founder, and leaves Kubernetes auth behind with one
// role, in place of the root token.
package initialize

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// initTimeout bounds the one request whose answer must not be missed.
const initTimeout = 5 * time.Minute

// keepFor is how long storing the keys is tried, whatever else has ended: they
// are nowhere but in this process.
const keepFor = 30 * time.Minute

// work is one run.
type work struct {
	*run.Session
	config jobs.InitConfig
	peers  []run.Peer
	// founderKeys are the unseal keys of peer 0, where this run initialised it.
	founderKeys []string
}

// Run initialises OpenBao, or goes on where an earlier run ended.
func Run(ctx context.Context, s *run.Session, c jobs.InitConfig) error {
	fingerprints, err := fingerprints(c.PGPKeys)
	if err != nil {
		return err
	}
	if len(c.PGPKeys) > 0 && !c.AutoUnseal {
		return errors.New("PGP keys without auto-unseal: nothing could unseal: hint: leave spec.openbao.init.pgpKeys out")
	}
	w := &work{Session: s, config: c}
	if w.peers, err = s.Peers(c.Peers); err != nil {
		return err
	}
	if err := w.initialise(ctx, fingerprints); err != nil {
		return err
	}
	if err := w.Step(ctx, "unseal", w.unseal); err != nil {
		return err
	}
	return w.handOver(ctx)
}

// initialise does so unless it was done.
func (w *work) initialise(ctx context.Context, fingerprints []string) error {
	var statuses []status
	err := w.Step(ctx, "wait for all peers", func(ctx context.Context) (err error) {
		statuses, err = w.statuses(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var first bool
	err = w.Step(ctx, "look for keys", func(ctx context.Context) error {
		kept, err := w.secret(ctx)
		if err != nil {
			return err
		}
		if lost(statuses, kept.Data[w.keysKey()]) {
			// A restore brings lost data back, into an OpenBao that is new.
			restore, err := w.PendingRestore(ctx, w.config.Restores)
			if err != nil {
				return err
			}
			if restore != "" {
				kept.Data, err = nil, w.putAside(ctx, kept)
			}
			if err != nil {
				return err
			}
		}
		first, err = w.first(statuses, kept.Data)
		return err
	})
	if err != nil || !first {
		return err
	}
	if err := w.Step(ctx, "prove that keys can be stored", w.canary); err != nil {
		return err
	}
	var answer *openbao.InitResponse
	err = w.Step(ctx, "initialise", func(ctx context.Context) (err error) {
		// An attempt whose answer was lost may have done it.
		if statuses, err = w.statuses(ctx); err != nil {
			return err
		}
		if _, err = w.first(statuses, nil); err != nil {
			return err
		}
		// Exactly one is initialised, and the others join it. Whoever ends the Job
		// waits for the answer.
		client := w.peers[0].Client
		client.SetClientTimeout(initTimeout)
		answer, err = client.Sys().InitWithContext(context.WithoutCancel(ctx), w.request())
		return err
	})
	if err != nil {
		return err
	}
	if err := w.keep(ctx, w.kept(answer, fingerprints, time.Now())); err != nil {
		return err
	}
	w.founderKeys = answer.KeysB64
	return nil
}

// first tells whether this is OpenBao's first start. Keys without data and data
// without keys are a human's to decide on.
func (w *work) first(statuses []status, kept map[string][]byte) (bool, error) {
	var initialised, unsealed string
	for _, s := range statuses {
		if s.RecoverySeal != w.config.AutoUnseal {
			return false, fmt.Errorf("%s has a seal of type %s, and the spec says auto-unseal: %v: hint: its pod runs with another configuration; delete the pod", s.name, s.Type, w.config.AutoUnseal)
		}
		if s.Initialized {
			initialised = s.name
		}
		if !s.Sealed && !w.config.AutoUnseal {
			unsealed = s.name
		}
	}
	has := len(kept[w.keysKey()]) > 0
	switch {
	case unsealed != "" && !has: // somebody had keys
		return false, w.keysLost(unsealed)
	case initialised != "" && !has:
		return false, w.unstored(initialised)
	case initialised == "" && has:
		return false, w.lost(string(kept[jobs.KeyInitialized]))
	}
	return !has, nil
}

func (w *work) keysKey() string {
	if w.config.AutoUnseal {
		return jobs.KeyRecovery
	}
	return jobs.KeyUnseal
}

func (w *work) request() *openbao.InitRequest {
	c := w.config
	if c.AutoUnseal {
		return &openbao.InitRequest{RecoveryShares: int(c.Shares), RecoveryThreshold: int(c.Threshold), RecoveryPGPKeys: c.PGPKeys}
	}
	return &openbao.InitRequest{SecretShares: int(c.Shares), SecretThreshold: int(c.Threshold)}
}

// kept is what the Secret is to hold.
func (w *work) kept(answer *openbao.InitResponse, fingerprints []string, now time.Time) map[string][]byte {
	keys := answer.KeysB64
	if w.config.AutoUnseal {
		keys = answer.RecoveryKeysB64
	}
	data := map[string][]byte{
		w.keysKey():         lines(keys),
		jobs.KeyThreshold:   []byte(strconv.Itoa(int(w.config.Threshold))),
		jobs.KeyInitialized: timestamp(now),
		jobs.KeyRootToken:   []byte(answer.RootToken),
	}
	if len(fingerprints) > 0 {
		data[jobs.KeyFingerprints] = lines(fingerprints)
	}
	return data
}

func lines(list []string) []byte { return []byte(strings.Join(list, "\n") + "\n") }

func timestamp(t time.Time) []byte { return []byte(t.UTC().Format(time.RFC3339)) }
