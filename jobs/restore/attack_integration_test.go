//go:build integration

package restore_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// attacker can write to the bucket and knows the recipients, which are public.
type attacker struct {
	*stack
	dir string // of the bucket, below the prefix
}

func (a attacker) write(t *testing.T, key string, text []byte) {
	t.Helper()
	path := filepath.Join(a.dir, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// forge makes a backup whose dump is an SQL script, as releases before signatures
// wrote them: unsigned, or signed by a key.
func (a attacker) forge(t *testing.T, name, script string, by *signing.Signer) {
	t.Helper()
	var stored bytes.Buffer
	encrypted, err := age.Encrypt(&stored, a.recipient)
	if err != nil {
		t.Fatal(err)
	}
	zip := gzip.NewWriter(encrypted)
	_, _ = io.WriteString(zip, script)
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	if err := encrypted.Close(); err != nil {
		t.Fatal(err)
	}
	key := name + "/postgres.sql.gz.age"
	a.write(t, key, stored.Bytes())
	m := archive.Manifest{
		Format: 1, Name: name, Reason: jobs.BackupScheduled, Type: v1.BackupFull, Cluster: "prod", Namespace: a.Namespace, StartedAt: time.Now(), Sequence: 99,
		Recipients: []string{a.recipient.String()}, Parts: []archive.Part{{
			Component: v1.BackupDatabase, File: "postgres.sql.gz.age", Compression: archive.Gzip, Encrypted: true, Content: sum([]byte(script)),
			Objects: []archive.Object{{Key: key, Sum: sum(stored.Bytes())}},
		}},
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	signature := ""
	if by != nil {
		signature = fmt.Sprintf(`"signer": %q, "signature": %q, `, by.Public(), base64.StdEncoding.EncodeToString(by.Sign(text)))
	}
	a.write(t, name+"/manifest.json", fmt.Appendf(nil, `{"sha256": %q, %s"manifest": %s}`, sum(text).SHA256, signature, text))
}

func sum(text []byte) archive.Sum {
	digest := sha256.Sum256(text)
	return archive.Sum{Size: int64(len(text)), SHA256: hex.EncodeToString(digest[:])}
}

func newSigner(t *testing.T) *signing.Signer {
	t.Helper()
	s, err := signing.Parse(signing.New())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAForgedBackupRunsNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t, 1)
	s.takeBackup(t, nil)
	a := attacker{s, filepath.Join(s.s3.Dir, "production")}
	ran := filepath.Join(t.TempDir(), "ran")
	shell := "-- a dump\n\\! touch " + ran + "\nSELECT 1 \\! touch " + ran + "\n;\n"
	database := func(name string, accept bool) func(*jobs.RestoreConfig) {
		return func(c *jobs.RestoreConfig) {
			c.Backup, c.Components, c.AcceptUnverified = name, []v1.BackupComponent{v1.BackupDatabase}, accept
			if accept {
				c.Receipt, c.Request = jobs.RestoreReceipt(name), name
			}
		}
	}
	nothingRan := func(t *testing.T) {
		t.Helper()
		if _, err := os.Stat(ran); err == nil {
			t.Error("the backup's command was run")
		}
	}
	stranger := newSigner(t)
	a.forge(t, "unsigned", shell, nil)
	a.forge(t, "stranger", shell, stranger)
	t.Run("unsigned", func(t *testing.T) {
		s.untouched(t, s.runs(t, database("unsigned", false)), "it is not signed")
		nothingRan(t)
	})
	t.Run("signed by a stranger", func(t *testing.T) {
		s.untouched(t, s.runs(t, database("stranger", false)), "which is not trusted")
		nothingRan(t)
	})
	t.Run("signed by a stranger, with a signature of another backup", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(a.dir, "stranger", "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		a.forge(t, "spliced", shell, nil)
		forged, err := os.ReadFile(filepath.Join(a.dir, "spliced", "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		i, j := bytes.Index(text, []byte(`"signer"`)), bytes.Index(text, []byte(`"manifest"`))
		a.write(t, "spliced/manifest.json", bytes.Replace(forged, []byte(`"manifest"`), append(bytes.Clone(text[i:j]), `"manifest"`...), 1))
		s.untouched(t, s.runs(t, database("spliced", true)), "its signature is not valid")
	})
	t.Run("of the right key, under another name", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(a.dir, "first", "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		a.write(t, "newer/manifest.json", text)
		s.untouched(t, s.runs(t, database("newer", false)), `its manifest is that of \"first\"`)
		if err := os.RemoveAll(filepath.Join(a.dir, "newer")); err != nil {
			t.Fatal(err)
		}
	})

	// Even where a person says to accept it, a script is SQL and no more.
	t.Run("accepted, with meta-commands", func(t *testing.T) {
		o := s.runs(t, database("unsigned", true))
		if o.Code != run.CodeFailed || !strings.Contains(o.Log, "backslash commands are restricted") || !strings.Contains(o.Log, "an unverified backup is restored") {
			t.Errorf("exit %d\n%s", o.Code, o.Log)
		}
		nothingRan(t)
	})
	t.Run("accepted, with what only a superuser may", func(t *testing.T) {
		for name, script := range map[string]string{
			"program": "CREATE TABLE x (y text);\nCOPY x FROM PROGRAM 'touch " + ran + "';\n",
			"event":   "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\nCREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f();\n",
			"role":    "CREATE ROLE backdoor SUPERUSER LOGIN;\n",
			"file":    "SELECT pg_read_file('/etc/passwd');\n",
		} {
			a.forge(t, name, script, nil)
			if o := s.runs(t, database(name, true)); o.Code != run.CodeFailed || !strings.Contains(o.Log, "permission denied") && !strings.Contains(o.Log, "must be superuser") {
				t.Errorf("%s: exit %d\n%s", name, o.Code, o.Log)
			}
		}
		nothingRan(t)
		if got := s.sum(); got != s.checksum {
			t.Error("the database in place was changed")
		}
	})
	t.Run("a user of the whole server", func(t *testing.T) {
		s.sql("ALTER ROLE keys SUPERUSER")
		defer s.sql("ALTER ROLE keys NOSUPERUSER")
		if o := s.runs(t, nil); o.Code != run.CodeByHand || !strings.Contains(o.Log, "may do more than own a database (SUPERUSER") {
			t.Errorf("exit %d\n%s", o.Code, o.Log)
		}
	})

	t.Run("a loading role of the whole server", func(t *testing.T) {
		s.sql("ALTER ROLE banhbaoring_restore CREATEDB")
		defer s.sql("ALTER ROLE banhbaoring_restore NOCREATEDB")
		if o := s.runs(t, nil); o.Code != run.CodeByHand || !strings.Contains(o.Log, "role banhbaoring_restore may do more than own what it loads (CREATEDB)") {
			t.Errorf("exit %d\n%s", o.Code, o.Log)
		}
	})

	// Signed and older: told, and restored, as that is what was asked for.
	t.Run("replayed", func(t *testing.T) {
		for name := range map[string]bool{"unsigned": true, "stranger": true, "spliced": true, "program": true, "event": true, "role": true, "file": true} {
			if err := os.RemoveAll(filepath.Join(a.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		s.takeBackup(t, func(c *jobs.BackupConfig) { c.Name = "second" })
		o := s.runs(t, nil)
		realtest.Finished(t, o)
		if !strings.Contains(o.Log, "backup first (number 1) is not the newest one: that is second (number 2)") {
			t.Errorf("that it is an older one is not told:\n%s", o.Log)
		}
		s.whole(t, s.root, s.keys)
	})
}

// What was taken out of the bucket is told at a restore: one in the middle by the
// backup that followed it, and the newest by the cluster that took it, with no more
// than the rendered rights.
func TestARestoreTellsOfBackupsThatAreMissed(t *testing.T) {
	t.Parallel()
	s := newStack(t, 1)
	s.least(t)
	for _, name := range []string{"first", "second", "third", "fourth"} {
		s.takeBackup(t, func(c *jobs.BackupConfig) { c.Name = name })
	}
	a := attacker{s, filepath.Join(s.s3.Dir, "production")}
	for _, name := range []string{"second", "fourth"} {
		if err := os.RemoveAll(filepath.Join(a.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	o := s.runs(t, nil)
	realtest.Finished(t, o)
	for _, want := range []string{"backup fourth (number 4), the newest that this cluster remembers", "number 2, the last of ", "which third followed"} {
		if !strings.Contains(o.Log, want) {
			t.Errorf("the log does not say %q:\n%s", want, o.Log)
		}
	}
	events, err := s.EventsV1().Events(s.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, e := range events.Items {
		if e.Reason == "BackupMissing" {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d Events say so, want 2", told)
	}
}

// A stack that comes from a release before signatures restores what that one wrote.
func TestABackupOfTheFirstFormatIsRestored(t *testing.T) {
	t.Parallel()
	s := newStack(t, 1)
	if err := os.CopyFS(filepath.Join(s.s3.Dir, "production"), os.DirFS("../backup/archive/testdata/format-1")); err != nil {
		t.Fatal(err)
	}
	identity, err := os.ReadFile("../backup/archive/testdata/identity.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, jobs.KeyIdentity), identity, 0o600); err != nil {
		t.Fatal(err)
	}
	s.mounts.Identity = dir
	for _, name := range []string{"old-full-encrypted", "old-incremental-clear"} {
		change := func(accept bool) func(*jobs.RestoreConfig) {
			return func(c *jobs.RestoreConfig) {
				c.Backup, c.Namespace, c.Components, c.AcceptUnverified = name, "keys", []v1.BackupComponent{v1.BackupDatabase}, accept
				if accept {
					c.Receipt, c.Request = jobs.RestoreReceipt(name), name
				}
			}
		}
		s.untouched(t, s.runs(t, change(false)), "set spec.options.dangerouslyAcceptUnverified to true")
		realtest.Finished(t, s.runs(t, change(true)))
		if got := s.sql("SELECT count(*) FROM public.users"); got != "50" {
			t.Errorf("%s rows are restored", got)
		}
		s.sql("\\connect postgres\nDROP DATABASE keys WITH (FORCE); CREATE DATABASE keys OWNER keys; SELECT 'DROP DATABASE ' || quote_ident(datname) FROM pg_database WHERE datname LIKE 'keys\\_%' \\gexec")
	}
}

// spec.source names what a backup's destination named, and no more.
func TestTheOnlyBackupOfAFolderIsFound(t *testing.T) {
	t.Parallel()
	s := newStack(t, 1)
	folder := s.s3.Destination("manual/pre-upgrade-2025-01-10/")
	s.takeBackup(t, func(c *jobs.BackupConfig) { c.Name, c.Destination = "pre-upgrade-backup", folder })
	source := func(c *jobs.RestoreConfig) {
		c.Source, c.Folder, c.Backup = s.s3.Destination("manual/"), &folder, "pre-upgrade-2025-01-10"
	}
	realtest.Finished(t, s.runs(t, source))
	s.whole(t, s.root, s.keys)
	s.takeBackup(t, func(c *jobs.BackupConfig) { c.Name, c.Destination = "another", folder })
	o := s.runs(t, func(c *jobs.RestoreConfig) {
		source(c)
		c.Receipt, c.Request = jobs.RestoreReceipt("two"), "two"
	})
	if o.Code != run.CodeByHand || !strings.Contains(o.Log, "holds the backups another, pre-upgrade-backup") {
		t.Errorf("exit %d\n%s", o.Code, o.Log)
	}
}
