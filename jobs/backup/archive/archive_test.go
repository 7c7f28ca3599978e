package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
)

var start = time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)

// world is a bucket with a clock of its own.
type world struct {
	*Repository
	memory   *Memory
	now      time.Time
	identity *age.X25519Identity
}

func newWorld(t *testing.T) *world {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{now: start, identity: identity}
	w.memory = &Memory{Now: func() time.Time { return w.now }}
	w.Repository = &Repository{Store: w.memory, Log: slog.New(slog.DiscardHandler)}
	w.signs(newSigner(t))
	return w
}

func newSigner(t testing.TB) *signing.Signer {
	t.Helper()
	s, err := signing.Parse(signing.New())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signs has the repository sign with a key, and trust it.
func (r *Repository) signs(by *signing.Signer) {
	r.Signer, r.Trusted = by, append(r.Trusted, by.Public())
}

func (w *world) manifest(name string, kind v1.BackupType) Manifest {
	return Manifest{Name: name, Reason: jobs.BackupScheduled, Type: kind, Cluster: "prod", Namespace: "keys",
		Needs: Needs{ClusterID: "first"}, Recipients: []string{w.identity.Recipient().String()}}
}

func text(content []byte) Source {
	return func(_ context.Context, w io.Writer) (About, error) {
		_, err := w.Write(content)
		return About{}, err
	}
}

// take takes a backup of the three components.
func (w *world) take(t *testing.T, m Manifest, openbao, database, secrets []byte) *Manifest {
	t.Helper()
	writer, err := w.Begin(t.Context(), m, Link{})
	if err != nil {
		t.Fatal(err)
	}
	for c, content := range map[v1.BackupComponent][]byte{v1.BackupOpenBao: openbao, v1.BackupDatabase: database, v1.BackupSecrets: secrets} {
		if content == nil {
			continue
		}
		if _, err := writer.Add(t.Context(), c, text(content)); err != nil {
			t.Fatal(err)
		}
	}
	done, err := writer.Finish(t.Context(), w.now)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func (w *world) contents(t *testing.T, m *Manifest, c v1.BackupComponent) []byte {
	t.Helper()
	p, ok := m.Part(c)
	if !ok {
		t.Fatalf("no %s", c)
	}
	var out bytes.Buffer
	if err := w.Read(t.Context(), m, p, []age.Identity{w.identity}, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// noise is content that does not repeat itself, the same for the same seed.
func noise(seed uint64, size int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	content := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(content)
	return content
}

func TestWhatIsBackedUpIsReadBack(t *testing.T) {
	for _, kind := range []v1.BackupType{v1.BackupFull, v1.BackupIncremental} {
		for _, encrypted := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s encrypted %v", kind, encrypted), func(t *testing.T) {
				w := newWorld(t)
				m := w.manifest("first", kind)
				openbao, database, secrets := noise(1, 100_000), noise(2, 6<<20), []byte("kind: Secret\n")
				if !encrypted {
					m.Recipients, secrets = nil, nil
				}
				done := w.take(t, m, openbao, database, secrets)
				if err := w.Verify(t.Context(), done, []age.Identity{w.identity}); err != nil {
					t.Error(err)
				}
				for c, want := range map[v1.BackupComponent][]byte{v1.BackupOpenBao: openbao, v1.BackupDatabase: database} {
					if got := w.contents(t, done, c); !bytes.Equal(got, want) {
						t.Errorf("%s: other content", c)
					}
				}
				for key := range w.memory.objects {
					if bytes.Contains(w.memory.objects[key].body, openbao[:100]) == encrypted {
						if encrypted || strings.HasSuffix(key, "openbao.snap") {
							t.Errorf("%s: clear text stands there: %v", key, encrypted)
						}
					}
				}
			})
		}
	}
}

func TestSecretsAreStoredOnlyEncrypted(t *testing.T) {
	w := newWorld(t)
	m := w.manifest("first", v1.BackupFull)
	m.Recipients = nil
	writer, err := w.Begin(t.Context(), m, Link{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Add(t.Context(), v1.BackupSecrets, text([]byte("x"))); err == nil || !strings.Contains(err.Error(), "only encrypted\nhint: give spec.backup.encryption.recipients") {
		t.Errorf("got %v", err)
	}
	if len(w.memory.objects) != 0 {
		t.Error("something was stored")
	}
}

func TestOneWrongByteIsNoticed(t *testing.T) {
	w := newWorld(t)
	done := w.take(t, w.manifest("first", v1.BackupIncremental), noise(1, 5000), noise(2, 3<<20), []byte("kind: Secret\n"))
	identities := []age.Identity{w.identity}
	check := func() error {
		m, err := w.Manifest(t.Context(), done.Name)
		if err != nil {
			return err
		}
		return errors.Join(w.Verify(t.Context(), m, nil), w.Verify(t.Context(), m, identities))
	}
	if err := check(); err != nil {
		t.Fatal(err)
	}
	for key, o := range w.memory.objects {
		for _, at := range []int{0, len(o.body) / 2, len(o.body) - 3} {
			for name, bad := range map[string][]byte{
				"changed": slices.Concat(o.body[:at], []byte{o.body[at] ^ 1}, o.body[at+1:]),
				"cut":     o.body[:at],
				"longer":  slices.Concat(o.body, []byte("{}")),
				"gone":    nil,
			} {
				w.memory.objects[key] = object{bad, o.modified}
				if bad == nil {
					delete(w.memory.objects, key)
				}
				err := check()
				w.memory.objects[key] = o
				if err == nil {
					t.Errorf("%s %s at %d was not noticed", key, name, at)
				}
			}
		}
	}
}

func TestAnIncrementalBackupStoresOnlyWhatChanged(t *testing.T) {
	w := newWorld(t)
	database := noise(2, 12<<20)
	stored := func() (bytes int64) {
		for _, o := range w.memory.objects {
			bytes += int64(len(o.body))
		}
		return bytes
	}
	secrets := []byte("kind: Secret\n")
	w.take(t, w.manifest("first", v1.BackupIncremental), noise(1, 1000), database, secrets)
	before := stored()
	changed := slices.Concat(database[:6<<20], []byte("a row more"), database[6<<20:])
	second := w.take(t, w.manifest("second", v1.BackupIncremental), noise(3, 1000), changed, secrets)
	after := stored()
	if after-before > before/2 {
		t.Errorf("%d bytes more for ten, where there were %d", after-before, before)
	}
	if p, _ := second.Part(v1.BackupSecrets); p.Objects[0].Key != "first/secrets.yaml.enc" {
		t.Errorf("the same Secrets are stored again: %s", p.Objects[0].Key)
	}
	if got := w.contents(t, second, v1.BackupDatabase); !bytes.Equal(got, changed) {
		t.Error("other content")
	}

	// A chunk that went bad is stored anew.
	p, _ := second.Part(v1.BackupDatabase)
	key := p.Objects[1].Key
	w.memory.objects[key] = object{[]byte("rotten"), w.now}
	third := w.take(t, w.manifest("third", v1.BackupIncremental), noise(3, 1000), changed, secrets)
	if err := w.Verify(t.Context(), third, []age.Identity{w.identity}); err != nil {
		t.Error(err)
	}

	// What others can read does not serve these recipients.
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	m := w.manifest("fourth", v1.BackupIncremental)
	m.Recipients = []string{other.Recipient().String()}
	fourth := w.take(t, m, noise(3, 1000), changed, secrets)
	if err := w.Verify(t.Context(), fourth, []age.Identity{other}); err != nil {
		t.Error(err)
	}
}

func TestABackupThatFailsIsNone(t *testing.T) {
	for _, kind := range []v1.BackupType{v1.BackupFull, v1.BackupIncremental} {
		w := newWorld(t)
		writer, err := w.Begin(t.Context(), w.manifest("first", kind), Link{})
		if err != nil {
			t.Fatal(err)
		}
		broken := errors.New("the server went away")
		_, err = writer.Add(t.Context(), v1.BackupDatabase, func(_ context.Context, out io.Writer) (About, error) {
			_, _ = out.Write(noise(1, 12<<20))
			return About{}, broken
		})
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v", kind, err)
		}
		if _, err := w.Manifest(t.Context(), "first"); !errors.Is(err, ErrNoBackup) {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

func TestAPrefixIsOneStacksOnly(t *testing.T) {
	w := newWorld(t)
	w.take(t, w.manifest("first", v1.BackupFull), noise(1, 10), nil, nil)
	m := w.manifest("second", v1.BackupFull)
	m.Cluster = "other"
	if _, err := w.Begin(t.Context(), m, Link{}); err == nil || !strings.Contains(err.Error(), "holds backups of cluster prod in namespace keys") {
		t.Errorf("got %v", err)
	}
	if _, err := w.Begin(t.Context(), w.manifest("first", v1.BackupFull), Link{}); !errors.Is(err, ErrExists) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"chunks", "../up", "Upper", ""} {
		if _, err := w.Begin(t.Context(), w.manifest(name, v1.BackupFull), Link{}); err == nil {
			t.Errorf("%q is taken as a name", name)
		}
	}
}

func TestAManifestNamesObjectsOfBackupsOnly(t *testing.T) {
	for _, key := range []string{"../x/openbao.snap", "/first/openbao.snap", "first/../../openbao.snap", "first/manifest.json", "first/notes.txt", "chunks/ab/cd"} {
		text, err := encode(&Manifest{Format: format, Name: "first", Parts: []Part{{Objects: []Object{{Key: key}}}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(text); err == nil || !strings.Contains(err.Error(), "no object of a backup") {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

func TestDumpsAreCutByAPolynomialThatServes(t *testing.T) {
	if !polynomial.Irreducible() {
		t.Error("the polynomial is reducible")
	}
}

func TestRecipientsAndIdentitiesAreNeverShown(t *testing.T) {
	const private = "AGE-SECRET-KEY-1QQPQYSZQGPQYSZQGPQYSZQGPQYSZQGPQYSZQGPQYSZQGPQYSZQGPQXXXXXX"
	_, one := Recipients([]string{private})
	_, two := Identities(strings.NewReader(private))
	for _, err := range []error{one, two} {
		if err == nil || strings.Contains(err.Error(), "QYSZ") {
			t.Errorf("got %v", err)
		}
	}
}
