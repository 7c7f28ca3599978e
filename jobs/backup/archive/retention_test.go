package archive

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"filippo.io/age"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

const day = 24 * time.Hour

func (w *world) names(t *testing.T) []string {
	t.Helper()
	var names []string
	for b, err := range w.Backups(t.Context()) {
		if err := errors.Join(err, b.Err); err != nil {
			t.Fatal(err)
		}
		names = append(names, b.Name)
	}
	return names
}

func (w *world) prune(t *testing.T, days int) Plan {
	t.Helper()
	plan, err := w.Plan(t.Context(), time.Duration(days)*day, "prod", "keys")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Prune(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	return plan
}

// A year of daily backups, of which some fail half-way and some are asked for by
// name: at any time each backup that is left can be restored as a whole.
func TestAYearOfRetention(t *testing.T) {
	w := newWorld(t)
	database, secrets := noise(1, 700_000), []byte("kind: Secret\n")
	byName := 0
	for n := range 365 {
		w.now = start.Add(time.Duration(n) * day)
		database = append(noise(uint64(n), 1000), database[500:]...)
		if n%30 == 29 {
			secrets = fmt.Append(secrets, n, "\n")
		}
		m := w.manifest(fmt.Sprintf("day-%03d", n), v1.BackupIncremental)
		m.StartedAt, m.Retention = w.now, 30
		switch {
		case n%7 == 3: // interrupted before the manifest
			writer, err := w.Begin(t.Context(), m, Link{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := writer.Add(t.Context(), v1.BackupDatabase, text(noise(uint64(n+1000), 10_000))); err != nil {
				t.Fatal(err)
			}
			continue
		case n%90 == 5:
			m.Reason = jobs.BackupOnDemand
			byName++
		case n%5 == 0:
			m.Type = v1.BackupFull
		}
		w.take(t, m, noise(uint64(n), 2000), database, secrets)
		w.prune(t, 30)
		if lost := w.lost(t, Link{}); len(lost) > 0 {
			t.Fatalf("day %d: retention is taken for a loss: %q", n, lost)
		}
		for b, err := range w.Backups(t.Context()) {
			if err := errors.Join(err, b.Err); err != nil {
				t.Fatal(err)
			}
			if n%40 != 0 {
				continue
			}
			if err := w.Verify(t.Context(), b.Manifest, []age.Identity{w.identity}); err != nil {
				t.Fatalf("day %d: %s: %v", n, b.Name, err)
			}
		}
	}
	kept := 0
	needed := map[string]bool{}
	for b, err := range w.Backups(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Manifest.Reason != jobs.BackupOnDemand {
			kept++
			if age := w.now.Sub(b.Modified); age > 30*day {
				t.Errorf("%s is left after %v", b.Name, age)
			}
		}
		needed[b.Key] = true
		for _, p := range b.Manifest.Parts {
			for _, o := range p.Objects {
				needed[o.Key] = true
			}
		}
	}
	if kept < 26 || len(w.names(t)) != kept+byName {
		t.Errorf("%d backups of 30 days are left, and %d in all; %d were asked for by name", kept, len(w.names(t)), byName)
	}
	for key, o := range w.memory.objects {
		if !needed[key] && w.now.Sub(o.modified) > 2*day {
			t.Errorf("%s is left of %v", key, o.modified)
		}
	}
}

func TestTheNewestGoodBackupIsNeverPruned(t *testing.T) {
	w := newWorld(t)
	w.take(t, w.manifest("old", v1.BackupFull), noise(1, 100), noise(2, 100), nil)
	w.now = w.now.Add(day)
	w.take(t, w.manifest("good", v1.BackupFull), noise(1, 100), noise(2, 100), nil)
	w.now = w.now.Add(day)
	bad := w.take(t, w.manifest("bad", v1.BackupFull), noise(1, 100), noise(2, 100), nil)
	delete(w.memory.objects, bad.Parts[0].Objects[0].Key)

	// An OpenBao that was set up anew takes backups of its own.
	w.now = w.now.Add(400 * day)
	m := w.manifest("anew", v1.BackupFull)
	m.Needs.ClusterID = "second"
	w.take(t, m, noise(3, 100), noise(4, 100), nil)
	w.prune(t, 1)
	if got := fmt.Sprint(w.names(t)); got != "[anew good]" {
		t.Errorf("left are %s", got)
	}
	w.now = w.now.Add(400 * day)
	w.take(t, w.manifest("later", v1.BackupFull), noise(5, 100), nil, nil)
	w.prune(t, 1)
	if got := fmt.Sprint(w.names(t)); got != "[anew good later]" { // good has the newest database
		t.Errorf("left are %s", got)
	}
}

func TestNothingElseInTheBucketIsTouched(t *testing.T) {
	w := newWorld(t)
	foreign := []string{"notes.txt", "old/readme.md", "deep/er/openbao.snap", "Upper/openbao.snap", "chunks/ab"}
	for _, key := range foreign {
		if err := w.put(t.Context(), key, []byte("theirs")); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(500 * day)
	w.take(t, w.manifest("new", v1.BackupFull), noise(1, 100), nil, nil)
	w.prune(t, 1)
	for _, key := range foreign {
		if _, ok := w.memory.objects[key]; !ok {
			t.Errorf("%s is gone", key)
		}
	}
}

func TestNothingGoesWhileAManifestCannotBeRead(t *testing.T) {
	w := newWorld(t)
	old := w.take(t, w.manifest("old", v1.BackupIncremental), noise(1, 100), noise(2, 100), nil)
	key := manifestKey(old.Name)
	o := w.memory.objects[key]
	w.memory.objects[key] = object{o.body[:len(o.body)/2], o.modified}
	w.now = w.now.Add(100 * day)
	w.take(t, w.manifest("new", v1.BackupFull), noise(1, 100), noise(2, 100), nil)
	if plan := w.prune(t, 30); plan.Kept == "" || len(plan.Garbage) > 0 {
		t.Errorf("got %+v", plan)
	}
	w.memory.objects[key] = o
	if err := w.Verify(t.Context(), old, []age.Identity{w.identity}); err != nil {
		t.Error(err)
	}
}

func TestABackupThatIsBeingWrittenIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	writer, err := w.Begin(t.Context(), w.manifest("slow", v1.BackupFull), Link{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Add(t.Context(), v1.BackupOpenBao, text(noise(1, 100))); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(23 * time.Hour)
	w.take(t, w.manifest("quick", v1.BackupFull), noise(2, 100), nil, nil)
	w.prune(t, 1)
	slow, err := writer.Finish(t.Context(), w.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Verify(t.Context(), slow, nil); err != nil {
		t.Error(err)
	}
}

// Machines whose clocks are years ahead or behind take backups: the bucket's says
// how old each is.
func TestTheClocksOfThoseWhoBackUpDoNotCount(t *testing.T) {
	w := newWorld(t)
	for n, skew := range []time.Duration{-20 * 365 * day, 0, 20 * 365 * day, 0} {
		w.now = start.Add(time.Duration(n) * day)
		m := w.manifest(fmt.Sprintf("day-%d", n), v1.BackupFull)
		m.StartedAt = w.now.Add(skew)
		writer, err := w.Begin(t.Context(), m, Link{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Add(t.Context(), v1.BackupOpenBao, text(noise(uint64(n), 100))); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Finish(t.Context(), m.StartedAt.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if plan := w.prune(t, 10); len(plan.Backups) != 0 {
		t.Errorf("%v go after three days, of ten", plan.Backups)
	}
	if plan := w.prune(t, 2); !slices.Equal(plan.Backups, []string{"day-0"}) {
		t.Errorf("%v go, want the one of three days ago", plan.Backups)
	}
}
