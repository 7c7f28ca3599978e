package archive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// lost is what is said of the backups as they lie in the bucket.
func (w *world) lost(t *testing.T, known Link) []string {
	t.Helper()
	var c Chain
	for b, err := range w.Backups(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Err == nil {
			c.Add(w.Repository, b.Manifest, "prod", "keys")
		}
	}
	return c.Lost(known)
}

// daily takes a backup a day, which are named d1, d2 and on, and removes what is
// older than 5 days.
func (w *world) daily(t *testing.T, days int) []*Manifest {
	t.Helper()
	taken := []*Manifest{nil}
	for n := 1; n <= days; n++ {
		w.now = w.now.Add(day)
		m := w.manifest(fmt.Sprintf("d%d", n), v1.BackupFull)
		m.StartedAt, m.Retention = w.now, 5
		if n == 2 {
			m.Reason, m.Retention = jobs.BackupOnDemand, 0
		}
		taken = append(taken, w.take(t, m, noise(uint64(n), 10), nil, nil))
		w.prune(t, 5)
	}
	return taken
}

func TestWhatWasTakenAwayFromTheBucketIsMissed(t *testing.T) {
	remove := func(names ...string) func(*testing.T, *world, []*Manifest) {
		return func(t *testing.T, w *world, _ []*Manifest) {
			for _, name := range names {
				if _, ok := w.memory.objects[manifestKey(name)]; !ok {
					t.Fatalf("%s is not there", name)
				}
				delete(w.memory.objects, manifestKey(name))
			}
		}
	}
	for name, c := range map[string]struct {
		attack func(*testing.T, *world, []*Manifest)
		// want is what the bucket alone tells, and remembered what a receipt adds.
		want, remembered string
	}{
		"nothing":                {remove(), "", ""},
		"the newest":             {remove("d12"), "", "backup d12 (number 12), the newest that this cluster remembers"},
		"the newest two":         {remove("d11", "d12"), "numbers 3 to 6" /* which d12 removed */, "the newest there has number 10"},
		"one in the middle":      {remove("d10"), "number 10, the last of 2026-01-11 02:00:00 UTC, which d11 followed", ""},
		"some in the middle":     {remove("d8", "d9", "d10"), "numbers 8 to 10", ""},
		"two gaps":               {remove("d8", "d10"), "number 10, the last of 2026-01-11", ""},
		"the oldest":             {remove("d7", "d8"), "numbers 3 to 8, the last of 2026-01-09", ""},
		"all but the newest":     {remove("d2", "d7", "d8", "d9", "d10", "d11"), "number 11", ""},
		"everything":             {remove("d2", "d7", "d8", "d9", "d10", "d11", "d12"), "", "the newest there has number 0"},
		"what retention removes": {func(t *testing.T, w *world, _ []*Manifest) { w.prune(t, 5) }, "", ""},
		"replaced by another that is signed": {func(t *testing.T, w *world, taken []*Manifest) {
			other := *taken[10]
			other.Sequence, other.Previous = 3, ""
			w.rewrite(t, &other, w.Repository)
		}, "number 10", ""},
		"the newest replaced by one of its number": {func(t *testing.T, w *world, taken []*Manifest) {
			other := *taken[12]
			other.StartedAt = other.StartedAt.Add(time.Second)
			w.rewrite(t, &other, w.Repository)
		}, "", "backup d12 (number 12)"},
		"replaced by an unsigned one": {func(t *testing.T, w *world, taken []*Manifest) {
			other := *taken[10]
			other.Sequence = 99
			w.rewrite(t, &other, &Repository{Store: w.memory})
		}, "number 10", ""},
		"made unreadable": {func(_ *testing.T, w *world, _ []*Manifest) {
			w.memory.objects[manifestKey("d10")] = object{[]byte("{}"), w.now}
		}, "number 10", ""},
		"a newer one of a stranger hides nothing": {func(t *testing.T, w *world, taken []*Manifest) {
			remove("d12")(t, w, taken)
			other := *taken[11]
			other.Name, other.Sequence, other.CompletedAt = "x", 99, w.now.Add(1000*day)
			w.rewrite(t, &other, &Repository{Store: w.memory, Signer: newSigner(t)})
		}, "", "backup d12"},
		"another cluster's with the same key hides nothing": {func(t *testing.T, w *world, taken []*Manifest) {
			remove("d12")(t, w, taken)
			other := *taken[11]
			other.Name, other.Sequence, other.CompletedAt, other.Cluster = "x", 99, w.now.Add(1000*day), "test"
			w.rewrite(t, &other, w.Repository)
		}, "", "backup d12"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			taken := w.daily(t, 12)
			c.attack(t, w, taken)
			if got := strings.Join(w.lost(t, Link{}), "\n"); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("by the bucket: %q, want %q", got, c.want)
			}
			want := c.want + c.remembered
			if got := strings.Join(w.lost(t, taken[12].Link()), "\n"); (want == "") != (got == "") || !strings.Contains(got, c.want) || !strings.Contains(got, c.remembered) {
				t.Errorf("by the receipt: %q, want %q", got, want)
			}
		})
	}
}

// Who knows some of the keys only, and a rotation, see no gap where there is none.
func TestABackupOfAnotherKeyIsNotMissed(t *testing.T) {
	w := newWorld(t)
	old := w.Trusted
	w.daily(t, 3)
	w.signs(newSigner(t))
	w.now = w.now.Add(day)
	m := w.manifest("rotated", v1.BackupFull)
	m.StartedAt = w.now
	w.take(t, m, noise(1, 10), nil, nil)
	newer := w.Trusted[1:]
	w.Trusted = old
	if got := w.lost(t, Link{}); len(got) > 0 {
		t.Errorf("with the old key: %q", got)
	}
	w.Trusted = newer
	if got := w.lost(t, Link{}); len(got) > 0 {
		t.Errorf("with the new key: %q", got)
	}
	delete(w.memory.objects, manifestKey("d3"))
	if got := w.lost(t, Link{}); len(got) != 1 || !strings.Contains(got[0], "number 3") {
		t.Errorf("the last of the old key is gone: %q", got)
	}
}

// A shorter retention that was lengthened since, and a receipt of before it had a
// time, are no loss.
func TestWhatAnEarlierRetentionRemovedIsNotMissed(t *testing.T) {
	w := newWorld(t)
	taken := w.daily(t, 12)
	w.now = w.now.Add(day)
	m := w.manifest("after", v1.BackupFull)
	m.StartedAt, m.Retention = w.now, 30
	w.take(t, m, noise(1, 10), nil, nil)
	w.prune(t, 30)
	if got := w.lost(t, Link{}); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	if got := w.lost(t, taken[1].Link()); len(got) > 0 {
		t.Errorf("a receipt that was left behind: %q", got)
	}
	link := taken[5].Link()
	link.StartedAt = time.Time{}
	if got := w.lost(t, link); len(got) > 0 {
		t.Errorf("a receipt without a time: %q", got)
	}
}
