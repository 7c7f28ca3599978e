package archive

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// rewrite replaces a backup's manifest, as whoever can write to the bucket may.
func (w *world) rewrite(t *testing.T, m *Manifest, as *Repository) {
	t.Helper()
	text, err := encode(m, as.Signer)
	if err != nil {
		t.Fatal(err)
	}
	if err := as.put(t.Context(), manifestKey(m.Name), text); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyWhatWasSignedByATrustedKeyIsTrusted(t *testing.T) {
	w := newWorld(t)
	done := w.take(t, w.manifest("first", v1.BackupFull), noise(1, 10), nil, nil)
	if err := w.Trust(done); err != nil {
		t.Error(err)
	}
	stranger := &Repository{Store: w.memory, Log: w.Log, Signer: newSigner(t)}
	for want, as := range map[string]*Repository{
		"it is not signed": {Store: w.memory},
		"is signed by " + string(stranger.Signer.Public()): stranger,
	} {
		w.rewrite(t, done, as)
		m, err := w.Manifest(t.Context(), "first")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Trust(m); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}

	// A signature of one manifest serves no other.
	w.rewrite(t, done, w.Repository)
	text := w.memory.objects["first/manifest.json"].body
	other := *done
	other.Sequence = 99
	forged, err := encode(&other, nil)
	if err != nil {
		t.Fatal(err)
	}
	i, j := bytes.Index(text, []byte(`"signer"`)), bytes.Index(text, []byte(`"manifest"`))
	forged = bytes.Replace(forged, []byte(`"manifest"`), append(slices.Clone(text[i:j]), `"manifest"`...), 1)
	w.memory.objects["first/manifest.json"] = object{forged, w.now}
	if _, err := w.Manifest(t.Context(), "first"); !errors.Is(err, errCorrupt) || !strings.Contains(err.Error(), "its signature is not valid") {
		t.Errorf("got %v", err)
	}
}

// Whoever writes to the bucket and knows the recipients makes a manifest whose
// chunks hold something else under the hashes of what is there: nothing of it may
// come into later backups.
func TestPoisonedChunksAreNotUsedAgain(t *testing.T) {
	for name, as := range map[string]func(*world) *Repository{
		"unsigned":           func(w *world) *Repository { return &Repository{Store: w.memory} },
		"unsigned, format 1": nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			database := noise(2, 6<<20)
			good := w.take(t, w.manifest("first", v1.BackupIncremental), noise(1, 10), database, nil)
			poison := *good
			poison.Name, poison.Sequence = "poison", 50
			p, _ := good.Part(v1.BackupDatabase)
			p.Objects = slices.Clone(p.Objects)
			bad := []byte("DROP TABLE users;")
			for i := range p.Objects {
				key := chunkDir + strings.Repeat("0", 64) + "/" + fmt.Sprintf("%064d", i)
				if err := w.put(t.Context(), key, bad); err != nil {
					t.Fatal(err)
				}
				p.Objects[i] = Object{Key: key, Sum: sumOf(bad), Content: p.Objects[i].Content}
			}
			poison.Parts = []Part{p}
			if as == nil {
				poison.Format = 1
				as = func(w *world) *Repository { return &Repository{Store: w.memory} }
			}
			w.rewrite(t, &poison, as(w))
			second := w.take(t, w.manifest("second", v1.BackupIncremental), noise(3, 10), database, nil)
			for _, part := range second.Parts {
				for _, o := range part.Objects {
					if strings.HasPrefix(o.Key, chunkDir+"000") {
						t.Fatalf("%s is used", o.Key)
					}
				}
			}
			if second.Sequence != good.Sequence+1 || second.Previous != good.Hash {
				t.Errorf("the second is number %d after %s", second.Sequence, second.Previous)
			}
			if got := w.contents(t, second, v1.BackupDatabase); !bytes.Equal(got, database) {
				t.Error("other content")
			}
		})
	}
}

// Who can list and read the bucket, and has a guess of a chunk, learns nothing.
func TestNamesAndManifestsDoNotTellWhetherContentIsKnown(t *testing.T) {
	w := newWorld(t)
	database := noise(2, 100_000) // one chunk
	w.take(t, w.manifest("first", v1.BackupIncremental), []byte("a snapshot"), database, []byte("kind: Secret\n"))
	for key, o := range w.memory.objects {
		for _, guess := range [][]byte{database, []byte("a snapshot"), []byte("kind: Secret\n")} {
			if strings.Contains(key, hash(guess)) || bytes.Contains(o.body, []byte(hash(guess))) {
				t.Errorf("%s tells the sha256 of what was backed up", key)
			}
		}
	}
}

func TestAnOlderStateOfTheBucketIsTold(t *testing.T) {
	w := newWorld(t)
	first := w.take(t, w.manifest("first", v1.BackupFull), noise(1, 10), nil, nil)
	second := w.take(t, w.manifest("second", v1.BackupFull), noise(1, 10), nil, nil)
	if first.Sequence != 1 || second.Sequence != 2 || second.Previous != first.Hash {
		t.Errorf("%d, then %d after %s", first.Sequence, second.Sequence, second.Previous)
	}
	if err := w.memory.Delete(t.Context(), "second/manifest.json"); err != nil {
		t.Fatal(err)
	}
	third, err := w.Begin(t.Context(), w.manifest("third", v1.BackupFull), second.Link())
	if err != nil {
		t.Fatal(err)
	}
	if len(third.Lost) != 1 || !strings.Contains(third.Lost[0], "backup second (number 2)") || third.manifest.Sequence != 3 || third.manifest.Previous != second.Hash {
		t.Errorf("missing %v, number %d", third.Lost, third.manifest.Sequence)
	}
}

func TestAPlaceOfAnotherKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	old := w.Signer
	w.take(t, w.manifest("first", v1.BackupFull), noise(1, 10), nil, nil)
	w.Trusted = nil
	w.signs(newSigner(t))
	_, err := w.Begin(t.Context(), w.manifest("second", v1.BackupFull), Link{})
	if err == nil || !strings.Contains(err.Error(), "write that key into spec.backup.trustedKeys") {
		t.Errorf("got %v", err)
	}
	plan, err := w.Plan(t.Context(), 0, "prod", "keys")
	if err != nil || len(plan.Backups)+len(plan.Garbage) != 0 || plan.Kept == "" {
		t.Errorf("retention would remove %v and %v: %v", plan.Backups, plan.Garbage, err)
	}
	// Rotated, or of before the stack was lost: the old key stays trusted.
	w.Trusted = append(w.Trusted, old.Public())
	second := w.take(t, w.manifest("second", v1.BackupIncremental), noise(1, 10), noise(2, 10), nil)
	if second.Sequence != 2 {
		t.Errorf("the chain begins anew: %d", second.Sequence)
	}
}

// What releases before signatures wrote stays readable, and is never used again.
func TestBackupsOfTheFirstFormatStayReadable(t *testing.T) {
	w := newWorld(t)
	w.take(t, w.manifest("newer", v1.BackupIncremental), noise(1, 10), noise(2, 100_000), nil)
	root := filepath.Join("testdata", "format-1")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		key, err := filepath.Rel(root, path)
		w.memory.objects[filepath.ToSlash(key)] = object{text, start}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join("testdata", "identity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	identities, err := Identities(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	recipient := identities[0].(*age.X25519Identity).Recipient().String()
	old := 0
	for b, err := range w.Backups(t.Context()) {
		if err := errors.Join(err, b.Err); err != nil {
			t.Fatal(err)
		}
		if b.Name == "newer" {
			continue
		}
		old++
		if err := w.Trust(b.Manifest); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: got %v", b.Name, err)
		}
		if err := w.Verify(t.Context(), b.Manifest, identities); err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
		p, _ := b.Manifest.Part(v1.BackupDatabase)
		var dump bytes.Buffer
		if err := w.Read(t.Context(), b.Manifest, p, identities, &dump); err != nil || !p.Script() || !strings.Contains(dump.String(), "COPY public.users") {
			t.Errorf("%s: no dump: %v", b.Name, err)
		}
	}
	if old != 4 {
		t.Fatalf("%d old backups", old)
	}
	m := w.manifest("next", v1.BackupIncremental)
	m.Recipients = []string{recipient}
	next := w.take(t, m, []byte("a raft snapshot"), noise(2, 10), nil)
	for _, p := range next.Parts {
		if strings.HasPrefix(p.Objects[0].Key, "old-") {
			t.Errorf("%s of an old backup is used again", p.Objects[0].Key)
		}
	}
	// They do not take the place of newer ones, and go with age as ever; the newest
	// of each component that nobody signed stays.
	w.now = start.Add(90 * day)
	w.take(t, w.manifest("last", v1.BackupFull), noise(1, 10), noise(2, 10), []byte("x"))
	w.prune(t, 30)
	left := w.names(t)
	if !slices.Contains(left, "last") || !slices.ContainsFunc(left, func(n string) bool { return strings.HasPrefix(n, "old-") }) {
		t.Errorf("left are %v", left)
	}
}
