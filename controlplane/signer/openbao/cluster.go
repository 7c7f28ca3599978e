// Package openbao calls OpenBao: it keeps connections to all nodes open, finds the
// active one again when it is lost, and holds the signer's token.
package openbao

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

const (
	// pollEvery is how often all nodes are asked who leads, which keeps a connection to
	// each open; pollLost is how often while nobody is known to lead.
	pollEvery = time.Second
	pollLost  = 50 * time.Millisecond
	pollPause = 5 * time.Millisecond // at least, between two
	// silentRounds is for how long the active node may be slow while one that was cut
	// off claims to lead.
	silentRounds = 2
	// pollTimeout bounds one answer to that.
	pollTimeout = 500 * time.Millisecond
	// grace is how long others may still claim to lead after the first has.
	grace = 20 * time.Millisecond
	// maxAnswer bounds what is read of an answer: a thousand signed transactions.
	maxAnswer = 64 << 20
)

// Cluster is OpenBao's nodes. Requests go to the active one.
type Cluster struct {
	nodes []*node
	wake  chan struct{}

	mu      sync.Mutex
	active  *node         // nil while nobody is known to lead
	since   time.Time     // when it became active, as it says itself
	silent  int           // rounds in which it did not claim to lead, and another did
	changed chan struct{} // closed when active changes to another node
}

// node is one server.
type node struct {
	address string
	http    *http.Client
}

// NewCluster is the cluster of the nodes at addresses. Run has to run for it to find
// the active one.
func NewCluster(addresses []string, transport func() *http.Transport) (*Cluster, error) {
	if len(addresses) == 0 {
		return nil, errors.New("at least one OpenBao server must be named")
	}
	c := &Cluster{wake: make(chan struct{}, 1), changed: make(chan struct{})}
	for _, address := range addresses {
		if !strings.HasPrefix(address, "https://") {
			return nil, fmt.Errorf("an OpenBao server's address must begin with https:// (got %q)", address)
		}
		c.nodes = append(c.nodes, &node{address: strings.TrimSuffix(address, "/"), http: &http.Client{
			Transport: transport(),
			// A redirect would lead to a server that was not named.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}})
	}
	return c, nil
}

// Run watches who leads until ctx ends.
func (c *Cluster) Run(ctx context.Context) {
	for ctx.Err() == nil {
		c.poll(ctx)
		pause := pollEvery
		if c.Active() == "" {
			pause = pollLost
		}
		time.Sleep(pollPause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		case <-c.wake:
		}
	}
	for _, n := range c.nodes {
		n.http.CloseIdleConnections()
	}
}

// Active is the address of the node that leads, or empty.
func (c *Cluster) Active() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active == nil {
		return ""
	}
	return c.active.address
}

// claim is a node that says it leads.
type claim struct {
	node  *node
	since time.Time
}

// poll asks all nodes who leads, and believes the one that became active last: one
// that was cut off may still think that it leads. Where the nodes' clocks differ, the
// new leader's time may lie before the old one's: it is believed once the old one has
// not claimed to lead any more.
func (c *Cluster) poll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	claims := make(chan *claim, len(c.nodes))
	for _, n := range c.nodes {
		go func() { claims <- n.leads(ctx) }()
	}
	var best *claim
	var enough <-chan time.Time
	for range c.nodes {
		select {
		case got := <-claims:
			if got == nil {
				continue
			}
			if best == nil {
				enough = time.After(grace)
			}
			if best == nil || got.since.After(best.since) {
				best = got
			}
		case <-enough:
			c.elect(best, false)
			// Those that are slow are still asked, so that their connections stay open.
			enough = nil
			continue
		}
	}
	c.elect(best, true)
}

// elect believes the best claim. One that is older than what is believed has to come
// in several rounds in which all nodes were heard.
func (c *Cluster) elect(best *claim, heard bool) {
	if best == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active != nil && best.since.Before(c.since) {
		if heard {
			c.silent++
		}
		if c.silent < silentRounds {
			return
		}
	}
	c.since, c.silent = best.since, 0
	if c.active != best.node {
		c.active = best.node
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// leads is the node's claim, or nil.
func (n *node) leads(ctx context.Context) *claim {
	r, err := n.do(ctx, Request{Method: http.MethodGet, Path: "sys/leader"})
	if err != nil || r.Status != http.StatusOK {
		return nil
	}
	var leader struct {
		IsSelf     bool      `json:"is_self"`
		ActiveTime time.Time `json:"active_time"`
	}
	if json.Unmarshal(r.Body, &leader) != nil || !leader.IsSelf {
		return nil
	}
	return &claim{node: n, since: leader.ActiveTime}
}

// doubt forgets a node that failed as the active one, and has all be asked at once.
func (c *Cluster) doubt(n *node) {
	c.mu.Lock()
	if c.active == n {
		c.active = nil
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// current is the active node, and what is closed when another becomes it.
func (c *Cluster) current() (*node, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active, c.changed
}

// Request is one to OpenBao.
type Request struct {
	Namespace string
	Method    string
	Path      string // below /v1/
	Token     string
	Body      []byte
}

// Response is OpenBao's answer.
type Response struct {
	Status int
	Body   []byte
}

// Errors are what an answer says went wrong, in one line.
func (r *Response) Errors() string {
	var body struct {
		Errors []string `json:"errors"`
	}
	_ = json.Unmarshal(r.Body, &body) // another body has no errors to tell
	return strings.Join(body.Errors, "; ")
}

// inactive reports whether the node that answered does not lead. One that leads may
// fail too, such as when one tenant's engine does: that is no reason to leave it.
func (r *Response) inactive() bool {
	return r.Status > http.StatusInternalServerError || strings.Contains(r.Errors(), "not active")
}

// Call has the active node answer. A node that fails, or is no longer active, is tried
// no more, and the next one is, until ctx ends: what was sent may so be done twice.
func (c *Cluster) Call(ctx context.Context, r Request) (*Response, error) {
	last := "no node leads"
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		n, changed := c.current()
		if n != nil {
			response, err := n.unlessDeposed(ctx, changed, r)
			switch {
			case err == nil && response.Status < http.StatusInternalServerError:
				return response, nil
			case err == nil:
				last = fmt.Sprintf("the active node answers %d", response.Status)
			case ctx.Err() == nil:
				last = "the active node does not answer"
			}
			if ctx.Err() == nil && (err != nil || response.inactive()) {
				c.doubt(n)
			}
		}
		select {
		case <-ctx.Done():
			return nil, c.ended(ctx, n, last)
		case <-changed:
			pause = 5 * time.Millisecond
		case <-time.After(pause):
		}
	}
}

// ended is what a call says whose time is over.
func (c *Cluster) ended(ctx context.Context, n *node, last string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if n != nil && last == "no node leads" {
		return problem.Deadline()
	}
	return problem.Unavailable("%s", last)
}

// unlessDeposed gives up when another node becomes the active one.
func (n *node) unlessDeposed(ctx context.Context, changed <-chan struct{}, r Request) (*Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-changed:
			cancel()
		case <-stop:
		}
	}()
	return n.do(ctx, r)
}

func (n *node) do(ctx context.Context, r Request) (*Response, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, n.address+"/v1/"+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Vault-Request", "true")
	if r.Token != "" {
		request.Header.Set("X-Vault-Token", r.Token)
	}
	if r.Namespace != "" {
		request.Header.Set("X-Vault-Namespace", r.Namespace)
	}
	response, err := n.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	return &Response{Status: response.StatusCode, Body: body}, nil
}
