// Package tenants is the Job that provisions every tenant of a cluster in
// OpenBao: a namespace with its mount, policies, logins and limits. Each tenant
// stands alone: what fails for one does not keep the others waiting.
package tenants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// parallel is how many tenants are worked on at a time.
const parallel = 8

// patience bounds the work on one tenant, so that one that cannot be reached
// does not take the others' time.
const patience = 2 * time.Minute

// work is one run of the Job.
type work struct {
	*run.Session
	config jobs.TenantsConfig
	// root is the client in the root namespace.
	root *run.Client
	// known are the namespaces that there are, by path.
	known map[string]namespace
	// mailDown is why no more mail is tried in this run: a server that does not
	// answer takes its time to do so.
	mailDown atomic.Pointer[error]
	// recorded are the addresses of all keys that runs before this one saw.
	recorded addresses
}

// Run provisions all tenants, locks those that are not in the configuration
// any more, and reports.
func Run(ctx context.Context, s *run.Session, config jobs.TenantsConfig) error {
	shards, err := load(config.Shards)
	if err != nil {
		return err
	}
	w := &work{Session: s, config: config}
	if w.root, err = s.OpenBao(config.Address); err != nil {
		return err
	}
	if err := s.AwaitRestores(ctx, config.Restores); err != nil {
		return err
	}
	err = s.Step(ctx, "log in to OpenBao", func(ctx context.Context) error {
		_, err := s.LoginOnceMade(ctx, w.root, jobs.Tenants, jobs.Configure)
		return err
	})
	if err != nil {
		return err
	}
	defer w.logout(ctx)
	if err := w.look(ctx); err != nil {
		return err
	}
	if w.recorded, err = w.readAddresses(ctx); err != nil {
		return err
	}
	// A tenant that is suspended and comes back is what it was before.
	err = s.Step(ctx, "remove Jobs that newer ones follow", func(ctx context.Context) error {
		_, err := s.RemoveSuperseded(ctx, jobs.Tenants)
		return err
	})
	if err != nil {
		return err
	}
	outcomes := w.all(ctx, shards)
	for i, shard := range config.Shards {
		if shard.Secret != "" {
			w.webhooks(ctx, shard.Secret, shards[i], outcomes)
		}
	}
	// With the keys that were made.
	if err := w.look(ctx); err != nil {
		return err
	}
	return w.report(ctx, shards, outcomes)
}

// look reads which namespaces there are.
func (w *work) look(ctx context.Context) error {
	return w.Step(ctx, "list namespaces", func(ctx context.Context) (err error) {
		w.known, err = namespaces(ctx, w.root)
		return err
	})
}

func (w *work) logout(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := w.root.Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
		w.Log.Debug("token not revoked", "reason", err.Error())
	}
}

// load reads the shards.
func load(shards []jobs.Shard) ([][]jobs.Tenant, error) {
	var all [][]jobs.Tenant
	for _, shard := range shards {
		text, err := os.ReadFile(shard.File)
		if err != nil {
			return nil, err
		}
		var list jobs.TenantsList
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, fmt.Errorf("%s: %w", shard.File, err)
		}
		all = append(all, list.Tenants)
	}
	return all, nil
}

// outcome is what became of a tenant.
type outcome struct {
	Tenant  string
	State   state
	Changed bool
	// Delivered is what was brought to clients' namespaces.
	Delivered []string
	Err       error
}

// all works on every tenant, and on those that are gone. Outcomes are in the
// order of names.
func (w *work) all(ctx context.Context, shards [][]jobs.Tenant) map[string]*outcome {
	outcomes := map[string]*outcome{}
	var group errgroup.Group
	group.SetLimit(parallel)
	start := func(name string, do func(context.Context, *outcome) error) {
		o := &outcome{Tenant: name}
		outcomes[name] = o
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			if o.Err = do(ctx, o); o.Err != nil {
				w.Log.Error("tenant failed", "tenant", name, "reason", o.Err.Error())
			}
			return nil
		})
	}
	for _, t := range slices.Concat(shards...) {
		start(t.Name, func(ctx context.Context, o *outcome) error { return w.tenant(ctx, t, o) })
	}
	for _, path := range slices.Sorted(maps.Keys(w.known)) {
		n := w.known[path]
		if n.ours(w.config.Cluster) && outcomes[n.tenant()] == nil {
			start(n.tenant(), func(ctx context.Context, o *outcome) error { return w.gone(ctx, n, o) })
		}
	}
	_ = group.Wait() // errors are in the outcomes
	return outcomes
}

// tenant brings one tenant to where the spec wants it.
func (w *work) tenant(ctx context.Context, t jobs.Tenant, o *outcome) error {
	n, there := w.known[t.Namespace]
	if there && !n.ours(w.config.Cluster) {
		return fmt.Errorf("namespace %s of OpenBao is not this cluster's: its custom_metadata does not say so", t.Namespace)
	}
	if t.Suspended {
		o.State = suspended
		if !there || n.state() == suspended && n.Locked {
			return nil
		}
		return w.changing(ctx, "suspend tenant "+t.Name, o, func(ctx context.Context) error { return w.shut(ctx, n, suspended) })
	}
	o.State = active
	if n.Locked && n.state() != suspended && n.state() != locked {
		return fmt.Errorf("namespace %s was locked by hand: unlock it, or write suspended: true", t.Namespace)
	}
	p := w.plan(t, n)
	same, err := w.unchanged(ctx, p, n)
	if err != nil {
		return err
	}
	if !same {
		err := w.changing(ctx, "provision tenant "+t.Name, o, func(ctx context.Context) error { return w.apply(ctx, p, n, there) })
		if err != nil {
			return err
		}
	}
	return errors.Join(w.mail(ctx, t, o), w.deliver(ctx, t, o))
}

// changing is a step that is tried again while that can help and patience lasts.
func (w *work) changing(ctx context.Context, name string, o *outcome, do func(context.Context) error) error {
	o.Changed = true
	err := w.Step(ctx, name, do)
	if errors.Is(err, context.DeadlineExceeded) {
		// The tenant's own patience ended, not that of the Job.
		return fmt.Errorf("gave up after %s: %s", patience, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return err
}

// gone locks a tenant that is not in the configuration any more.
func (w *work) gone(ctx context.Context, n namespace, o *outcome) error {
	o.State = locked
	if n.state() == locked && n.Locked {
		return nil
	}
	err := w.changing(ctx, "lock tenant "+n.tenant(), o, func(ctx context.Context) error { return w.shut(ctx, n, locked) })
	if err == nil {
		w.Warn(ctx, "TenantLocked", fmt.Sprintf("tenant %s is not in the spec any more: it is locked, and nothing of it was deleted", n.tenant()))
	}
	return err
}
