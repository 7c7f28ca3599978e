// Package queue gathers what is asked at the same time into batches: the first
// request of an idle lane goes at once, and what arrives until it is answered goes
// together.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// Limits bound what waits. What is beyond them is refused at once.
type Limits struct {
	PerKey    int // requests that wait for one key
	PerTenant int // requests that wait for one tenant's keys
	Bytes     int // of one tenant's waiting requests
	Batch     int // entries of one batch
}

// DefaultLimits are those of the engine, and such that a tenant's requests can be
// answered within their deadline.
var DefaultLimits = Limits{PerKey: 256, PerTenant: 1024, Bytes: 32 << 20, Batch: 256}

// maxBatchText is what a batch's text may have: the engine takes 8 MiB.
const maxBatchText = 8<<20 - 64<<10

// Entry asks for one signature.
type Entry struct {
	Method     string `json:"method"`
	Key        string `json:"key"`
	Client     string `json:"client"`
	Credential string `json:"credential"`
	Input      string `json:"input"`
}

// SignBlock is the method that waits for no other.
const SignBlock = "sign-block"

// Send has a tenant's entries answered, in their order.
type Send func(ctx context.Context, tenant string, entries []json.RawMessage) ([]openbao.Result, error)

// Queue holds what waits, by tenant.
type Queue struct {
	send   Send
	limits Limits
	sent   func(tenant string, entries int)

	mu    sync.Mutex
	lanes map[laneName]*lane
	loads map[string]*load
}

// laneName is a lane's: a tenant's block payloads never wait for its transactions.
type laneName struct {
	tenant string
	block  bool
}

// load is what waits for a tenant, of all its lanes.
type load struct{ requests, bytes int }

// lane is a tenant's requests of one kind. One batch of it is on its way at a time.
type lane struct {
	keys  map[string][]*waiter
	order []string // keys that have waiters; the first is served next
}

// waiter is a request that waits.
type waiter struct {
	ctx    context.Context
	text   json.RawMessage
	answer chan outcome
}

type outcome struct {
	result openbao.Result
	err    error
}

// New is an empty queue. sent is told of each batch, for the metrics.
func New(send Send, limits Limits, sent func(tenant string, entries int)) *Queue {
	return &Queue{send: send, limits: limits, sent: sent, lanes: map[laneName]*lane{}, loads: map[string]*load{}}
}

// Depths is how much waits, by tenant.
func (q *Queue) Depths() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	depths := map[string]int{}
	for tenant, l := range q.loads {
		depths[tenant] = l.requests
	}
	return depths
}

// Sign waits for the entry's answer, no longer than ctx, which must have a deadline.
func (q *Queue) Sign(ctx context.Context, tenant string, e Entry) (openbao.Result, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return openbao.Result{}, err
	}
	if len(text) > maxBatchText-2 {
		return openbao.Result{}, problem.Invalid("send less", "what is to be signed is longer than %d bytes", maxBatchText)
	}
	w := &waiter{ctx: ctx, text: text, answer: make(chan outcome, 1)}
	if err := q.add(laneName{tenant, e.Method == SignBlock}, e.Key, w); err != nil {
		return openbao.Result{}, err
	}
	select {
	case o := <-w.answer:
		return o.result, o.err
	case <-ctx.Done():
		return openbao.Result{}, problem.Deadline()
	}
}

// add queues a waiter, and starts its lane if that is idle.
func (q *Queue) add(name laneName, key string, w *waiter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	total := q.loads[name.tenant]
	if total == nil {
		total = &load{}
	}
	l, running := q.lanes[name]
	if !running {
		l = &lane{keys: map[string][]*waiter{}}
	}
	switch {
	case len(l.keys[key]) >= q.limits.PerKey:
		return problem.Busy("queue.key")
	case total.requests >= q.limits.PerTenant:
		return problem.Busy("queue.tenant")
	case total.bytes+len(w.text) > q.limits.Bytes:
		return problem.Busy("queue.bytes")
	}
	if len(l.keys[key]) == 0 {
		l.order = append(l.order, key)
	}
	l.keys[key] = append(l.keys[key], w)
	total.requests++
	total.bytes += len(w.text)
	q.loads[name.tenant] = total
	if !running {
		q.lanes[name] = l
		go q.run(name)
	}
	return nil
}

// run sends a lane's batches until nothing waits.
func (q *Queue) run(name laneName) {
	for {
		batch := q.take(name)
		if len(batch) == 0 {
			return
		}
		q.sendBatch(name.tenant, batch)
	}
}

// take removes the next batch: one request of each key in turn, as long as there is
// room. Where nothing waits, the lane ends.
func (q *Queue) take(name laneName) (batch []*waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, total, size := q.lanes[name], q.loads[name.tenant], 2 // total is nil where nothing waits
	for len(l.order) > 0 && len(batch) < q.limits.Batch {
		key := l.order[0]
		w := l.keys[key][0]
		gone := w.ctx.Err() != nil
		if !gone && len(batch) > 0 && size+len(w.text)+1 > maxBatchText {
			break
		}
		l.pop(key)
		total.requests--
		total.bytes -= len(w.text)
		if gone {
			continue
		}
		size += len(w.text) + 1
		batch = append(batch, w)
	}
	if total != nil && total.requests == 0 {
		delete(q.loads, name.tenant)
	}
	if len(batch) == 0 {
		delete(q.lanes, name)
	}
	return batch
}

// pop removes the first waiter of the first key, whose others wait behind all keys.
func (l *lane) pop(key string) {
	l.order = l.order[1:]
	l.keys[key] = l.keys[key][1:]
	if len(l.keys[key]) == 0 {
		delete(l.keys, key)
		return
	}
	l.order = append(l.order, key)
}

// sendBatch sends a batch as long as anyone waits for it, and hands out its answers.
func (q *Queue) sendBatch(tenant string, batch []*waiter) {
	var last time.Time
	texts := make([]json.RawMessage, len(batch))
	for i, w := range batch {
		texts[i] = w.text
		if deadline, ok := w.ctx.Deadline(); ok && deadline.After(last) {
			last = deadline
		}
	}
	ctx, cancel := context.WithDeadline(context.Background(), last)
	defer cancel()
	q.sent(tenant, len(batch))
	results, err := q.send(ctx, tenant, texts)
	if errors.Is(err, context.DeadlineExceeded) {
		err = problem.Deadline()
	}
	for i, w := range batch {
		o := outcome{err: err}
		if err == nil {
			o.result = results[i]
		}
		w.answer <- o
	}
}
