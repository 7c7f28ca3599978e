// Package database runs PostgreSQL's programs for backups and restores, in a
// container of the database's image that has the database's URL and no other
// secret: what that image, or a dump, makes of the programs reaches nothing else.
// The Job's own container asks for them on a Unix socket.
package database

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/internal/libpq"
)

// The requests.
const (
	pathName = "/name" // of the database that the URL names
	pathDump = "/dump" // its dump
	pathDone = "/done" // how the last dump ended, a Dumped
	pathAsk  = "/ask"  // statements on ?database=, a JSON list, and the lines that they print
	pathLoad = "/load" // a dump into ?database=; ?script= for one in SQL
	pathUser = "/user" // that loads dumps; empty where that is the URL's own
)

// fault is why a request failed.
type fault struct {
	Error string `json:"error"`
	// Passes says that it may be gone at the next attempt.
	Passes bool `json:"passes,omitempty"`
}

// Dumped is what is known of a dump.
type Dumped struct {
	fault
	// Version is the server's, and Rows those of each table.
	Version string           `json:"version,omitempty"`
	Rows    map[string]int64 `json:"rows,omitempty"`
}

// server runs the programs for the database of one URL.
type server struct {
	env  []string
	name string
	log  *slog.Logger
	// loader is the environment, and the name, of the role that loads dumps.
	loader     []string
	loaderName string

	mutex sync.Mutex
	last  Dumped
}

// Serve answers on a socket for the database whose URL lies in a folder, until the
// context ends.
func Serve(ctx context.Context, dir, socket string, log *slog.Logger) error {
	s := &server{log: log}
	var err error
	if s.env, s.name, _, err = environmentOf(dir, "url"); err != nil {
		return err
	}
	if s.loader, _, s.loaderName, err = environmentOf(dir, jobs.LoaderURLFile); errors.Is(err, fs.ErrNotExist) {
		s.loader = s.env
	} else if err != nil {
		return err
	}
	if s.name == "" {
		return errors.New("the database's URL names no database: want postgres://user:password@host:port/database")
	}
	_ = os.Remove(socket) // of a container that ended
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathName, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s.name) })
	mux.HandleFunc("GET "+pathUser, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s.loaderName) })
	mux.HandleFunc("GET "+pathDone, s.done)
	mux.HandleFunc("POST "+pathDump, s.dump)
	mux.HandleFunc("POST "+pathAsk, s.ask)
	mux.HandleFunc("POST "+pathLoad, s.load)
	web := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = web.Close() })
	defer stop()
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// environmentOf is what a URL in a file says but for the database, and the names of
// that and of the user.
func environmentOf(dir, file string) (env []string, database, user string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, "", "", err
	}
	all, err := libpq.Environment(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, "", "", err
	}
	for _, variable := range all {
		if name, ok := strings.CutPrefix(variable, "PGDATABASE="); ok {
			database = name
			continue
		}
		if name, ok := strings.CutPrefix(variable, "PGUSER="); ok {
			user = name
		}
		env = append(env, variable)
	}
	return env, database, user, nil
}

// environment is a program's, for a database.
func (s *server) environment(database string) []string { return environment(database, s.env) }

// Of a name that stands twice the last counts: that of the URL.
func environment(database string, login []string) []string {
	env := []string{"PGDATABASE=" + database, "PATH=" + os.Getenv("PATH"), "PGAPPNAME=banhbaoring", "PGCONNECT_TIMEOUT=30", "LC_ALL=C"}
	for _, name := range []string{"PGSSLMODE", "PGSSLROOTCERT"} { // the container's own, by the spec's caCert
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, login...)
}

func (s *server) done(w http.ResponseWriter, _ *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_ = json.NewEncoder(w).Encode(s.last)
}

func (s *server) dump(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var err error
	s.last, err = dump(r.Context(), s.environment(s.name), w)
	if err != nil {
		s.log.Error("no dump", "reason", err.Error())
		s.last = Dumped{fault: faultOf(err)}
		panic(http.ErrAbortHandler) // the answer must not look whole
	}
}

func (s *server) ask(w http.ResponseWriter, r *http.Request) {
	var statements []string
	if err := json.NewDecoder(r.Body).Decode(&statements); err != nil {
		refuse(w, err)
		return
	}
	lines, err := psql(r.Context(), s.environment(r.URL.Query().Get("database")), statements)
	if err != nil {
		refuse(w, err)
		return
	}
	_ = json.NewEncoder(w).Encode(lines)
}

func (s *server) load(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	env := environment(q.Get("database"), s.loader)
	var err error
	if q.Has("script") {
		err = loadScript(r.Context(), env, r.Body)
	} else {
		err = load(r.Context(), env, q.Get("database"), r.Body)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	if err != nil {
		refuse(w, err)
	}
}

func refuse(w http.ResponseWriter, err error) {
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(faultOf(err))
}

// passing is an error that may be gone at the next attempt.
type passing struct{ error }

func (p passing) Unwrap() error { return p.error }

func faultOf(err error) fault {
	var p passing
	return fault{Error: err.Error(), Passes: errors.As(err, &p)}
}

// tell is what a program said, on one line.
func tell(said string) string {
	return strings.Join(strings.Split(strings.TrimSpace(said), "\n"), "; ")
}

func failed(program string, err error, said string) error {
	return fmt.Errorf("%s: %w: %s", program, err, tell(said))
}
