package keeper

import (
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// server answers as OpenBao does in states that a real one is in for an instant.
type server struct {
	status status
	// unseal answers a key: what then is the status, and false where nobody answers.
	unseal func(s *server) bool
	gives  int // keys that it was given
	fails  int // the code that a key is answered with, where it is not 200
	pid    int
	ended  chan struct{} // when its process has
	said   *strings.Builder
}

func newUnsealer(t *testing.T, s *server, keys string) *unsealer {
	t.Helper()
	process := exec.Command("sleep", "600")
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid, s.ended, s.said = process.Process.Pid, make(chan struct{}), &strings.Builder{}
	go func() {
		_ = process.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() { _ = process.Process.Kill() })
	at := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/unseal") {
			s.gives++
			if !s.unseal(s) {
				panic(http.ErrAbortHandler)
			}
			if s.fails != 0 {
				w.WriteHeader(s.fails)
				return
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"initialized": s.status.Initialized, "sealed": s.status.Sealed, "progress": s.status.Progress, "nonce": s.status.Nonce, "cluster_id": s.status.ClusterID,
		})
	}))
	at.Config.ErrorLog = nil
	t.Cleanup(at.Close)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: at.Certificate().Raw})))
	log := slog.New(slog.NewTextHandler(s.said, nil))
	return &unsealer{joining: joinTime, patience: patience{log: log}, Options: Options{
		Address: strings.TrimPrefix(at.URL, "https://"), ServerName: "example.com", TLSDir: dir, KeysFile: write("keys", keys),
		Process: func() (int, error) { return s.pid, nil }, Log: log,
	}}
}

// looks looks so many times, without the pauses between.
func (u *unsealer) looks(t *testing.T, times int) {
	t.Helper()
	for range times {
		u.next = time.Time{}
		u.look(t.Context())
	}
}

func (s *server) hasEnded(t *testing.T, want bool) {
	t.Helper()
	wait := 5 * time.Second
	if !want {
		wait = 200 * time.Millisecond
	}
	select {
	case <-s.ended:
		if !want {
			t.Errorf("the server was ended:\n%s", s.said)
		}
	case <-time.After(wait):
		if want {
			t.Errorf("the server was not ended:\n%s", s.said)
		}
	}
}

func sealed() status { return status{Initialized: true, Sealed: true} }

func TestAServerThatJoinsIsGivenItsKeysOnce(t *testing.T) {
	for name, s := range map[string]*server{
		"and answers that it is sealed still": {unseal: func(*server) bool { return true }},
		"and its answer is lost":              {unseal: func(*server) bool { return false }},
		"and cannot tell its status":          {unseal: func(*server) bool { return true }, fails: http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			s.status = sealed()
			u := newUnsealer(t, s, "key\n")
			u.looks(t, 5)
			if s.gives != 1 {
				t.Errorf("it was given its key %d times", s.gives)
			}
			s.hasEnded(t, false)
			u.given = u.given.Add(-joinTime)
			u.looks(t, 2)
			s.hasEnded(t, true)
			if s.gives != 1 {
				t.Errorf("it was given its key %d times", s.gives)
			}
		})
	}
}

func TestNobodyElsesUnsealIsDisturbed(t *testing.T) {
	s := &server{status: sealed(), unseal: func(s *server) bool { s.status.Sealed = false; return true }}
	s.status.Nonce, s.status.Progress = "a person's", 1
	u := newUnsealer(t, s, "key\n")
	u.looks(t, 3)
	if s.gives != 0 {
		t.Error("a key was given in the middle of it")
	}
	u.rests = u.rests.Add(-stillness)
	u.looks(t, 2)
	if s.gives != 1 || s.status.Sealed {
		t.Errorf("it was not gone on with when it rested: %d keys", s.gives)
	}
}

func TestOneMissingKeyIsNoJoin(t *testing.T) {
	s := &server{status: sealed(), unseal: func(s *server) bool { s.status.Nonce, s.status.Progress = "n", 1; return true }}
	u := newUnsealer(t, s, "key\n")
	u.looks(t, 3)
	if s.gives != 1 || !strings.Contains(s.said.String(), "fewer than the server wants") {
		t.Errorf("%d keys were given:\n%s", s.gives, s.said)
	}
	s.hasEnded(t, false)
}

func TestAServerIsStartedAgain(t *testing.T) {
	serves := func(cluster string) status { return status{Initialized: true, ClusterID: cluster} }
	for name, c := range map[string]struct {
		keys  string
		then  []status
		ended bool
	}{
		"when another cluster's data was restored":       {"", []status{serves("two")}, true},
		"when it says so only after a while":             {"", []status{serves(""), serves("two")}, true},
		"when it was sealed, and keys are there":         {"key", []status{sealed()}, true},
		"not when a server with auto-unseal was sealed":  {"", []status{sealed()}, false},
		"not while it does not say whose data it serves": {"", []status{serves("")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{status: status{Initialized: true, ClusterID: "one"}, unseal: func(*server) bool { return true }}
			u := newUnsealer(t, s, c.keys)
			u.looks(t, 2)
			for _, s.status = range c.then {
				u.looks(t, 3)
			}
			s.hasEnded(t, c.ended)
			if s.gives != 0 {
				t.Errorf("the process that was to end was given %d keys", s.gives)
			}
		})
	}
}

// Between the key that unseals a server and the next look lie seconds.
func TestAServerThatIsSealedRightAfterItsUnsealIsStartedAgain(t *testing.T) {
	s := &server{status: sealed(), unseal: func(s *server) bool { s.status.Sealed = false; return true }}
	u := newUnsealer(t, s, "key\n")
	u.looks(t, 1)
	s.status = sealed()
	u.looks(t, 3)
	s.hasEnded(t, true)
	if s.gives != 1 {
		t.Errorf("the process that was to end was given %d keys", s.gives)
	}
}
