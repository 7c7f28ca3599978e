// Package realtest runs a Job as a process of its own against real servers, and
// kills it at any request that changes something.
package realtest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
)

// Kill is the request at which a Job's process ends, as by SIGKILL.
type Kill struct {
	// Change is the number of the request among those that change something,
	// from 1. 0 is never.
	Change int
	// After lets the server do it first; the answer is lost.
	After bool
}

func (k Kill) String() string {
	if k.After {
		return fmt.Sprintf("after change %d", k.Change)
	}
	return fmt.Sprintf("before change %d", k.Change)
}

// killed begins the line that a killed process leaves.
const killed = "killed "

type killer struct {
	Kill
	mutex sync.Mutex
	count int
}

// wrap counts the requests of one server's client.
func (k *killer) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if !changes(r) {
			return next.RoundTrip(r)
		}
		k.mutex.Lock()
		defer k.mutex.Unlock()
		k.count++
		if k.count != k.Change {
			return next.RoundTrip(r)
		}
		if k.After {
			if answer, err := next.RoundTrip(r); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
			}
		}
		fmt.Fprintf(os.Stderr, "%s%s: %s %s\n", killed, k.Kill, r.Method, r.URL.Path)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// changes tells whether a request is one that the work consists of: not one
// that reads, takes the Lease or writes an Event.
func changes(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, "LIST":
		return false
	}
	return !strings.Contains(r.URL.Path, "/leases") && !strings.Contains(r.URL.Path, "/events")
}
