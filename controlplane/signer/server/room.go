package server

import (
	"sync"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// Room bounds what is worked on at a time, and what of it is one tenant's.
type Room struct {
	Requests, Bytes             int64
	TenantRequests, TenantBytes int64

	mu     sync.Mutex
	all    used
	tenant map[string]*used
}

type used struct{ requests, bytes int64 }

// DefaultRoom keeps the bodies of all requests below 256 MiB.
func DefaultRoom() *Room {
	return &Room{Requests: 2048, Bytes: 256 << 20, TenantRequests: 1024, TenantBytes: 96 << 20}
}

// enter takes room for a request, which leave gives back, or is refused at once.
func (r *Room) enter(tenant string, bytes int64) (leave func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tenant == nil {
		r.tenant = map[string]*used{}
	}
	t := r.tenant[tenant]
	if t == nil {
		t = &used{}
	}
	switch {
	case r.all.requests >= r.Requests, r.all.bytes+bytes > r.Bytes:
		return nil, problem.Busy("room")
	case t.requests >= r.TenantRequests, t.bytes+bytes > r.TenantBytes:
		return nil, problem.Busy("room.tenant")
	}
	r.tenant[tenant] = t
	for _, u := range []*used{&r.all, t} {
		u.requests++
		u.bytes += bytes
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, u := range []*used{&r.all, t} {
			u.requests--
			u.bytes -= bytes
		}
		if t.requests == 0 {
			delete(r.tenant, tenant)
		}
	}, nil
}
