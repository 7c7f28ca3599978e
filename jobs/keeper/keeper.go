// Package keeper is the sidecar in each of OpenBao's pods: it unseals the server
// beside it whenever that is sealed and keys are there, starts it again after a
// restore, and has it serve a renewed certificate.
package keeper

import (
	"context"
	"log/slog"
	"time"
)

// Options say where a keeper finds things.
type Options struct {
	// Address is the server's, as host:port.
	Address string
	// ServerName is the name that the server's certificate must cover.
	ServerName string
	// TLSDir holds the server's tls.crt and tls.key, and their authority ca.crt.
	TLSDir string
	// KeysFile holds the unseal keys, one a line, where there are any.
	KeysFile string
	// Interval is how often it looks.
	Interval time.Duration
	// Process is the server's process, 0 where it cannot be seen.
	Process func() (int, error)
	Log     *slog.Logger
}

// Run keeps the server until the context ends. A fault is told and tried again.
func Run(ctx context.Context, o Options) {
	u := &unsealer{Options: o, joining: joinTime, patience: patience{log: o.Log.With("step", "unseal")}}
	c := &renewer{Options: o, patience: patience{log: o.Log.With("step", "certificate"), normal: 5}} // half a minute
	tick := time.NewTicker(o.Interval)
	defer tick.Stop()
	for {
		u.look(ctx)
		c.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Between attempts that fail, in a row.
const (
	shortest = time.Second
	longest  = time.Minute
)

// patience spaces attempts that fail, and tells each fault once in a row.
type patience struct {
	log *slog.Logger
	// normal is the number of failures in a row that are worth no word.
	normal   int
	attempts int
	pause    time.Duration
	next     time.Time
	said     string
}

// waits tells whether it is too early for another attempt.
func (p *patience) waits() bool { return time.Now().Before(p.next) }

// failed notes an attempt that failed.
func (p *patience) failed(err error) {
	p.attempts++
	p.pause = min(max(2*p.pause, shortest), longest)
	p.next = time.Now().Add(p.pause)
	if text := err.Error(); text != p.said && p.attempts > p.normal {
		p.log.Warn(text)
		p.said = text
	}
}

// over forgets earlier failures.
func (p *patience) over() { p.attempts, p.pause, p.next, p.said = 0, 0, time.Time{}, "" }
