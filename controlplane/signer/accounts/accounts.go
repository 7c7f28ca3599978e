// Package accounts remembers which keys a client may sign with, as OpenBao says, for a
// few seconds. It turns away who is unknown, so that strangers do not occupy OpenBao;
// who signs is decided by OpenBao anew on each request.
package accounts

import (
	"context"
	"crypto/subtle"
	"maps"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/caller"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

const (
	// fresh is how long what was read is taken as it is; then it is read again in the
	// background, and from stale on before it is used.
	fresh = 3 * time.Second
	stale = time.Minute
	// again is the shortest time between two reads because of a credential that does
	// not match: it may have been renewed meanwhile.
	again = time.Second
	// readTimeout bounds one read.
	readTimeout = 2 * time.Second
	// maxRecords bounds what is remembered, and maxReads how many reads are under way
	// for each way to come: those of one cannot keep the other's waiting.
	maxRecords = 10000
	maxReads   = 16
)

// Directory is what is remembered.
type Directory struct {
	read  func(ctx context.Context, tenant, client string) ([]openbao.Key, error)
	reads map[string]chan struct{} // room for reads, by the way to come

	mu      sync.Mutex
	records map[name]*record
}

type name struct{ tenant, client string }

// record is what OpenBao said of a client.
type record struct {
	keys []openbao.Key
	at   time.Time // when it was read; zero is not yet
	err  error     // of the last read

	reading chan struct{} // closed when the read under way ends; nil is none
}

// New is a directory that reads by read.
func New(read func(ctx context.Context, tenant, client string) ([]openbao.Key, error)) *Directory {
	return &Directory{
		read:    read,
		records: map[name]*record{},
		reads:   map[string]chan struct{}{caller.MTLS: make(chan struct{}, maxReads), caller.APIKey: make(chan struct{}, maxReads)},
	}
}

// Keys are those that the caller may sign with. There is one at least, or an error.
func (d *Directory) Keys(ctx context.Context, c caller.Caller) ([]openbao.Key, error) {
	n := name{c.Tenant, c.Client}
	r := d.get(n)
	age := time.Since(r.at)
	keys := match(r.keys, c)
	if len(keys) > 0 && age < stale {
		if age > fresh {
			d.refresh(n, c.Auth)
		}
		return keys, nil
	}
	if len(keys) > 0 || age > again {
		select {
		case <-d.refresh(n, c.Auth):
		case <-ctx.Done():
			return nil, problem.Deadline()
		}
		if r = d.get(n); r.err != nil {
			return nil, r.err
		}
		keys = match(r.keys, c)
	}
	if len(keys) == 0 {
		return nil, problem.Unauthorized("client_unknown", "name the client and its credential in Git, or renew its credential from the client's Secret",
			"no key names this client with this credential")
	}
	return keys, nil
}

// match are the keys for which the caller shows what it must.
func match(keys []openbao.Key, c caller.Caller) (matched []openbao.Key) {
	for _, k := range keys {
		hashes := k.SPKI
		if c.Auth == caller.APIKey {
			hashes = k.Digest
		}
		equal := 0
		for _, hash := range hashes {
			equal |= subtle.ConstantTimeCompare([]byte(hash), []byte(c.Hash))
		}
		if equal == 1 && k.Auth == c.Auth {
			matched = append(matched, k)
		}
	}
	return matched
}

// get is a copy of what is remembered.
func (d *Directory) get(n name) record {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.records[n]; r != nil {
		return *r
	}
	return record{}
}

// refresh reads a client's keys, unless that is being done, and returns what is closed
// when it is done.
func (d *Directory) refresh(n name, auth string) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.records[n]
	if r == nil {
		d.makeRoom()
		r = &record{}
		d.records[n] = r
	}
	if r.reading == nil {
		r.reading = make(chan struct{})
		go d.fill(n, r, auth)
	}
	return r.reading
}

func (d *Directory) fill(n name, r *record, auth string) {
	keys, err := d.readBounded(n, auth)
	d.mu.Lock()
	defer d.mu.Unlock()
	r.err = err
	if err == nil {
		r.keys, r.at = keys, time.Now()
	}
	close(r.reading)
	r.reading = nil
}

func (d *Directory) readBounded(n name, auth string) ([]openbao.Key, error) {
	room := d.reads[auth]
	select {
	case room <- struct{}{}:
		defer func() { <-room }()
	case <-time.After(readTimeout):
		return nil, problem.Busy("clients")
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	return d.read(ctx, n.tenant, n.client)
}

// makeRoom drops what nobody uses; where all is in use, anything that is not being read.
func (d *Directory) makeRoom() {
	if len(d.records) < maxRecords {
		return
	}
	maps.DeleteFunc(d.records, func(_ name, r *record) bool { return r.reading == nil && time.Since(r.at) > stale })
	for n, r := range d.records {
		if len(d.records) < maxRecords {
			return
		}
		if r.reading == nil {
			delete(d.records, n)
		}
	}
}
