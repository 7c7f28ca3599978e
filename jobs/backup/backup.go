// Package backup is the Job that backs the stack up: OpenBao's raft snapshot, the
// database's dump and the Secrets go to a bucket as streams, encrypted, and are
// read back before the backup counts.
package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// Deadline is how long a backup may take.
const Deadline = 6 * time.Hour

// patience is how long OpenBao may take to answer. The Job tries again later.
const patience = 3 * time.Minute

// nothing is the result of a guard that found no stack.
const nothing = "nothing to back up"

// work is one run.
type work struct {
	*run.Session
	config     jobs.BackupConfig
	mounts     jobs.Mounts
	repository *archive.Repository
	writer     *archive.Writer
	// minted says that the stack made the key that it is encrypted to.
	minted bool
}

// Run takes the backup that config describes.
func Run(ctx context.Context, s *run.Session, config jobs.BackupConfig, mounts jobs.Mounts) error {
	w := &work{Session: s, config: config, mounts: mounts}
	err := w.run(ctx)
	if err != nil && config.BestEffort && ctx.Err() == nil {
		s.Log.Error("there is no backup before this change", "reason", err.Error())
		s.Warn(ctx, "NoBackup", "there is no backup before this change: "+err.Error())
		return nil
	}
	return err
}

func (w *work) run(ctx context.Context) error {
	done, err := w.taken(ctx)
	if err != nil || done {
		return err
	}
	if restoring, err := w.restoring(ctx); err != nil || restoring {
		return err
	}
	there, err := w.there(ctx)
	if err != nil {
		return err
	}
	if !there {
		w.Log.Info(nothing)
		return w.give(ctx, nothing, "")
	}
	if err := w.begin(ctx); errors.Is(err, archive.ErrExists) && w.config.Reason == jobs.BackupOnDemand {
		return w.again(ctx)
	} else if err != nil {
		return err
	}
	for _, c := range w.config.Components {
		if err := w.add(ctx, c); err != nil {
			return err
		}
	}
	m, err := w.writer.Finish(ctx, time.Now())
	if err != nil {
		return err
	}
	w.Log.Info("backup complete", "backup", m.Name, "bytes", m.Size(), "location", w.location(m.Name))
	w.Event(ctx, "BackedUp", fmt.Sprintf("backup %s: %d bytes in %s", m.Name, m.Size(), w.location(m.Name)))
	if err := w.remember(ctx, m); err != nil {
		return err
	}
	if err := w.give(ctx, "completed", w.location(m.Name)); err != nil {
		return err
	}
	if err := w.warnDegraded(ctx); err != nil {
		return err
	}
	return w.prune(ctx)
}

func (w *work) location(name string) string { return w.repository.Store.String() + name + "/" }

// begin opens the bucket and begins the backup.
func (w *work) begin(ctx context.Context) error {
	if err := w.open(ctx); err != nil {
		return err
	}
	known, err := Known(ctx, w.Kubernetes, w.Namespace, w.repository.Store)
	if err != nil {
		return err
	}
	degraded, err := w.degraded(ctx)
	if err != nil {
		return err
	}
	var name string
	for {
		now := time.Now().UTC()
		name = cmp.Or(w.config.Name, jobs.Stamp(now))
		w.writer, err = w.repository.Begin(ctx, archive.Manifest{
			Name: name, Reason: w.config.Reason, Type: w.config.Type, Cluster: w.config.Cluster, Namespace: w.config.Namespace,
			Request: w.config.Request, Retention: w.config.Retention, StartedAt: now, Needs: archive.Needs{BackupNeeds: w.config.Needs}, Recipients: w.config.Recipients, Degraded: degraded,
		}, known)
		if w.config.Name != "" || !errors.Is(err, archive.ErrExists) {
			break
		}
		select { // another backup has this second's name
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(now.Truncate(time.Second).Add(time.Second))):
		}
	}
	if err != nil {
		return err
	}
	for _, note := range w.writer.Lost {
		w.Log.Warn(note)
		w.Warn(ctx, "BackupMissing", note)
	}
	w.Log.Info("backup begun", "backup", name, "location", w.location(name))
	return nil
}

// again ends a run that was killed between the backup and its receipt.
func (w *work) again(ctx context.Context) error {
	m, err := w.repository.Manifest(ctx, w.config.Name)
	if err != nil {
		return err
	}
	if err := w.repository.Trust(m); err != nil {
		return run.ByHand(fmt.Errorf("%w, and bears this backup's name\nhint: give the document another name", err))
	}
	if m.Request != w.config.Request {
		return w.changed()
	}
	w.Log.Info("the backup was complete already", "backup", m.Name)
	return w.give(ctx, "completed", w.location(m.Name))
}

// add backs one component up.
func (w *work) add(ctx context.Context, c v1.BackupComponent) error {
	log := w.Log.With("step", c)
	log.Info("started")
	begun := time.Now()
	var (
		source  archive.Source
		version string
	)
	switch c {
	case v1.BackupOpenBao:
		client, logout, err := w.login(ctx)
		if err != nil {
			return err
		}
		defer logout()
		source = openbao(client)
	case v1.BackupDatabase:
		source = dump(w.mounts.Socket, &version)
	case v1.BackupSecrets:
		source = secrets(w.Session, w.config.Secrets)
	default:
		return fmt.Errorf("unknown component %q", c)
	}
	part, err := w.writer.Add(ctx, c, source)
	if err != nil {
		return err
	}
	if version != "" {
		w.writer.Ran(func(n *archive.Needs) { n.Versions.Database = version })
	}
	log.Info("finished", "seconds", time.Since(begun).Seconds(), "bytes", part.Content.Size, "stored", part.Stored(), "objects", len(part.Objects))
	return nil
}

// login logs in to the active node, and records what it is.
func (w *work) login(ctx context.Context) (client *run.Client, logout func(), err error) {
	client, err = w.OpenBao(w.config.Address)
	if err != nil {
		return nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = w.Step(limited, "log in", func(ctx context.Context) error {
		health, err := client.Sys().HealthWithContext(ctx)
		if err != nil {
			return err
		}
		seal, err := client.Sys().SealStatusWithContext(ctx)
		if err != nil {
			return err
		}
		if health.Sealed || !health.Initialized {
			return run.Later(errors.New("OpenBao is sealed or not initialised"))
		}
		w.writer.Ran(func(n *archive.Needs) {
			n.ClusterID, n.Versions.OpenBao = health.ClusterID, health.Version
			n.Seal.Type, n.Seal.Shares, n.Seal.Threshold = seal.Type, seal.N, seal.T
		})
		if logout, err = w.LoginOnceMade(ctx, client, jobs.Backup, jobs.Configure); err != nil {
			return err
		}
		keys, err := w.keys(ctx, client)
		w.writer.Ran(func(n *archive.Needs) { n.Keys = keys })
		return err
	})
	return client, logout, err
}

// prune removes what is too old. The backup is complete: that this fails is for
// the next run to mend.
func (w *work) prune(ctx context.Context) error {
	if w.config.Retention == 0 {
		return nil
	}
	plan, err := w.repository.Plan(ctx, time.Duration(w.config.Retention)*24*time.Hour, w.config.Cluster, w.config.Namespace)
	if err == nil {
		err = w.repository.Prune(ctx, plan)
	}
	if err == nil {
		err = w.repository.Store.Abort(ctx, time.Now().Add(-24*time.Hour))
	}
	if err != nil {
		w.Log.Error("old backups were not removed", "reason", err.Error())
		w.Warn(ctx, "NotPruned", "the backup is complete, but old ones were not removed: "+err.Error())
	}
	return ctx.Err()
}
