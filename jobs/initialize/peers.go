package initialize

import (
	"context"
	"errors"
	"fmt"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// status is what a server tells everybody of its seal.
type status struct {
	*openbao.SealStatusResponse
	name string
}

// statuses are those of all peers. One that does not answer, or does not exist
// yet, is waited for: it might be the one that was initialised.
func (w *work) statuses(ctx context.Context) ([]status, error) {
	all := make([]status, len(w.peers))
	for i, p := range w.peers {
		answer, err := p.Sys().SealStatusWithContext(ctx)
		if err != nil {
			return nil, run.Later(fmt.Errorf("%s does not answer: %w: %s", p.Name, err, w.logHint(i)))
		}
		all[i] = status{answer, p.Name}
	}
	return all, nil
}

// logHint says where a server tells what its seal's service answers it.
func (w *work) logHint(ordinal int) string {
	return fmt.Sprintf("hint: its log says why, if that lasts: kubectl logs -n %s %s -c openbao", w.Namespace, jobs.PeerName(ordinal))
}

// unseal gives the founder that this run has initialised its keys, and waits for
// the others: each is unsealed by its own keeper, or by its seal, and by nobody
// else. A server that gets its keys from two while it joins leads twice over.
func (w *work) unseal(ctx context.Context) error {
	var waiting error
	for i, p := range w.peers {
		switch s, err := p.Sys().SealStatusWithContext(ctx); {
		case err != nil:
			waiting = fmt.Errorf("%s does not answer: %w: %s", p.Name, err, w.logHint(i))
		case !s.Initialized:
			waiting = fmt.Errorf("%s has not joined yet", p.Name)
		case !s.Sealed:
			// done
		case w.config.AutoUnseal:
			waiting = fmt.Errorf("%s is sealed: its seal, %s, unseals it: %s", p.Name, s.Type, w.logHint(i))
		case i == 0 && len(w.founderKeys) > 0:
			if err := w.unsealFounder(ctx, p); err != nil {
				return err
			}
			waiting = fmt.Errorf("%s was given the keys", p.Name)
		default:
			waiting = fmt.Errorf("%s is sealed: its keeper unseals it, within a minute or two of the keys being in Secret %s: hint: look into the keeper's log if that lasts: kubectl logs -n %s %s -c keeper",
				p.Name, w.name(), w.Namespace, jobs.PeerName(i))
		}
	}
	if waiting != nil {
		return run.Later(waiting)
	}
	return nil
}

// unsealFounder gives the founder one share after the other until it has enough.
func (w *work) unsealFounder(ctx context.Context, p run.Peer) error {
	for _, key := range w.founderKeys {
		s, err := p.Sys().UnsealWithContext(ctx, key)
		if err != nil {
			return run.Later(fmt.Errorf("unseal %s: %w", p.Name, err))
		}
		if !s.Sealed {
			return nil
		}
	}
	return nil
}

// active is the server that leads: what was written a moment ago is read there.
func (w *work) active(ctx context.Context) (*run.Client, error) {
	for _, p := range w.peers {
		leader, err := p.Sys().LeaderWithContext(ctx)
		if err == nil && leader.IsSelf {
			client, err := w.OpenBao(p.Address())
			return client, err
		}
	}
	return nil, run.Later(errors.New("no peer leads"))
}
