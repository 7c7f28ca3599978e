package initialize

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

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
			return nil, run.Later(fmt.Errorf("%s does not answer: %w", p.Name, err))
		}
		all[i] = status{answer, p.Name}
	}
	return all, nil
}

// unseal unseals each peer that has joined. The others join one that is
// unsealed by themselves, and are waited for.
func (w *work) unseal(ctx context.Context) error {
	keys, err := w.unsealKeys(ctx)
	if err != nil {
		return err
	}
	var waiting error
	for _, p := range w.peers {
		switch s, err := p.Sys().SealStatusWithContext(ctx); {
		case err != nil:
			waiting = fmt.Errorf("%s does not answer: %w", p.Name, err)
		case !s.Initialized:
			waiting = fmt.Errorf("%s has not joined yet", p.Name)
		case !s.Sealed:
			// done
		case w.config.AutoUnseal:
			waiting = fmt.Errorf("%s is sealed: its seal, %s, unseals it: hint: look into its log if that lasts", p.Name, s.Type)
		default:
			if err := w.unsealPeer(ctx, p, keys); err != nil {
				return err
			}
			waiting = fmt.Errorf("%s was given the keys", p.Name)
		}
	}
	if waiting != nil {
		return run.Later(waiting)
	}
	return nil
}

func (w *work) unsealKeys(ctx context.Context) ([]string, error) {
	if w.config.AutoUnseal {
		return nil, nil
	}
	secret, err := w.secret(ctx)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(secret.Data[jobs.KeyUnseal])), nil
}

// unsealPeer gives a server one share after the other until it has enough.
func (w *work) unsealPeer(ctx context.Context, p run.Peer, keys []string) error {
	for _, key := range keys {
		s, err := p.Sys().UnsealWithContext(ctx, key)
		if run.Status(err) == http.StatusBadRequest {
			return w.wrongKeys(p.Name, err)
		}
		if err != nil {
			return run.Later(fmt.Errorf("unseal %s: %w", p.Name, err))
		}
		if !s.Sealed || s.Progress == 0 {
			return nil // unsealed, or about to be once it has joined
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
