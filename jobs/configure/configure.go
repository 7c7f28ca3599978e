// Package configure is the Job that owns what OpenBao is set to: policies, the
// logins of all other Jobs, raft's autopilot, the secp256k1 plugin, mounts, and
// the API's token. It corrects what differs, leaves what it did not make, and
// changes nothing where nothing differs.
package configure

import (
	"context"
	"fmt"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// work is one run.
type work struct {
	*run.Session
	config jobs.ConfigureConfig
	client *run.Client
}

// Run does the Job.
func Run(ctx context.Context, s *run.Session, c jobs.ConfigureConfig) error {
	w := &work{Session: s, config: c}
	// Before anything is changed: is it the binary that the spec names?
	var sum string
	err := s.Step(ctx, "check the plugin's binary", func(context.Context) (err error) {
		sum, err = checksum(c.Plugin)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.AwaitRestores(ctx, c.Restores); err != nil {
		return err
	}
	logout, err := w.login(ctx)
	if err != nil {
		return err
	}
	defer logout()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		// Its own policy comes first: what follows may need what it gained.
		{"policies", w.policies},
		{"roles", w.roles},
		{"autopilot", w.autopilot},
		{"mounts", w.mounts},
		{"authority of the signer's clients", w.clients},
		{"register the plugin", func(ctx context.Context) error { return w.register(ctx, sum) }},
		{"run the plugin", func(ctx context.Context) error { return w.pin(ctx, sum) }},
		{"the API's token", w.apiToken},
		{"have the API use its token", w.roll},
		{"remove Jobs that newer ones follow", w.removeSuperseded},
	} {
		if err := s.Step(ctx, step.name, step.do); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) login(ctx context.Context) (logout func(), err error) {
	err = w.Step(ctx, "log in to OpenBao", func(ctx context.Context) (err error) {
		if w.client, err = w.OpenBao(w.config.Address); err != nil {
			return err
		}
		logout, err = w.Login(ctx, w.client, jobs.Configure)
		switch run.Status(err) {
		case 400, 403, 404:
			return fmt.Errorf("%w: hint: the init Job makes this role; look at how it ended", err)
		}
		return err
	})
	return logout, err
}

// autopilot removes dead peers that are too many, never one of those that the
// spec wants: a peer that was removed and comes back with its data does not join
// again. OpenBao takes no min_quorum below 3 along with it.
func (w *work) autopilot(ctx context.Context) error {
	return w.ensure(ctx, "sys/storage/raft/autopilot/configuration", map[string]any{
		"cleanup_dead_servers": true,
		"min_quorum":           max(3, int(w.config.Replicas)),
	})
}

// repeatable are the Jobs that must run again when a spec goes back to what it
// was before. The tenants Job looks after its own.
var repeatable = []string{jobs.Secrets, jobs.Peers, jobs.Init, jobs.Configure}

func (w *work) removeSuperseded(ctx context.Context) error {
	removed, err := w.RemoveSuperseded(ctx, repeatable...)
	for _, job := range removed {
		w.changed("Job " + job + ", which a newer one follows")
	}
	return err
}
