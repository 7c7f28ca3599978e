package archive

import (
	"context"
	"time"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
)

// grace is how long what no manifest names is left alone: a backup that is being
// written has none yet. A run is shorter.
const grace = 24 * time.Hour

// Plan is what retention removes.
type Plan struct {
	// Backups are those that are too old, oldest last.
	Backups []string
	// Garbage are objects that no manifest names, those backups' among them.
	Garbage []store.Info
	// Kept says why nothing more may go, if so.
	Kept string
}

// found is a backup as retention sees it.
type found struct {
	name     string
	modified time.Time
	prunable bool
	// holds are its components, each with the identity of their OpenBao.
	holds []held
	keys  map[string]Sum
}

// held is a component of one OpenBao. What nobody signed does not replace what is
// proven.
type held struct {
	identity  string
	component v1.BackupComponent
	signed    bool
}

// Plan finds what is older than retention, and what no backup needs. Times are
// the bucket's: the newest manifest is now. It never names the newest backup of
// a component whose objects are all there, one that was asked for by name, or
// anything that is not a backup's of this cluster. It removes nothing.
func (r *Repository) Plan(ctx context.Context, retention time.Duration, cluster, namespace string) (Plan, error) {
	var (
		plan    Plan
		backups []found
		now     time.Time
	)
	for b, err := range r.Backups(ctx) {
		if err != nil {
			return Plan{}, err
		}
		if b.Modified.After(now) {
			now = b.Modified
		}
		if b.Err != nil {
			// Nobody knows what it needs.
			plan.Kept = b.Err.Error()
			continue
		}
		if err := r.foreign(b.Manifest, cluster, namespace); err != nil {
			plan.Kept = err.Error()
			continue
		}
		backups = append(backups, newFound(b))
	}
	objects := map[string]store.Info{}
	for info, err := range r.Store.List(ctx, "") {
		if err != nil {
			return Plan{}, err
		}
		if ours(info.Key) {
			objects[info.Key] = info
		}
	}
	stays := newestGood(backups, objects)
	needed := map[string]bool{}
	for _, b := range backups {
		if b.prunable && now.Sub(b.modified) > retention && !stays[b.name] {
			plan.Backups = append(plan.Backups, b.name)
			continue
		}
		for key := range b.keys {
			needed[key] = true
		}
	}
	if plan.Kept != "" {
		return plan, nil
	}
	for key, info := range objects {
		if !needed[key] && now.Sub(info.Modified) > grace {
			plan.Garbage = append(plan.Garbage, info)
		}
	}
	return plan, nil
}

func newFound(b Listed) found {
	f := found{name: b.Name, modified: b.Modified, prunable: b.Manifest.Reason != jobs.BackupOnDemand, keys: map[string]Sum{}}
	for _, p := range b.Manifest.Parts {
		f.holds = append(f.holds, held{b.Manifest.Needs.ClusterID, p.Component, b.Manifest.Signer != ""})
		for _, o := range p.Objects {
			f.keys[o.Key] = o.Sum
		}
	}
	return f
}

// newestGood are the names of the newest backups of each component of each
// OpenBao, of which every object is there. A stack that was set up anew is
// another OpenBao: its backups do not replace those of the one that was lost.
func newestGood(backups []found, objects map[string]store.Info) map[string]bool {
	newest := map[held]found{}
	for _, b := range backups {
		if !b.prunable || !b.whole(objects) {
			continue
		}
		for _, h := range b.holds {
			if n, ok := newest[h]; !ok || b.modified.After(n.modified) {
				newest[h] = b
			}
		}
	}
	stays := map[string]bool{}
	for _, b := range newest {
		stays[b.name] = true
	}
	return stays
}

func (f found) whole(objects map[string]store.Info) bool {
	for key, sum := range f.keys {
		if o, ok := objects[key]; !ok || o.Size != sum.Size {
			return false
		}
	}
	return true
}

// Prune does what a plan says, and logs it first. A backup's manifest goes before
// its objects: half removed, it is garbage and no backup.
func (r *Repository) Prune(ctx context.Context, p Plan) error {
	if p.Kept != "" {
		r.Log.Warn("objects that nothing needs stay until this is mended", "reason", p.Kept)
	}
	for _, name := range p.Backups {
		r.Log.Info("removing a backup that is older than retention", "backup", name)
	}
	for _, o := range p.Garbage {
		r.Log.Info("removing an object that no backup needs", "key", o.Key, "bytes", o.Size)
	}
	for _, name := range p.Backups {
		if err := r.Store.Delete(ctx, manifestKey(name)); err != nil {
			return err
		}
	}
	for _, o := range p.Garbage {
		if err := r.Store.Delete(ctx, o.Key); err != nil {
			return err
		}
	}
	return nil
}
