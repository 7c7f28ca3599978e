package server

import (
	"net"
	"sync"
	"sync/atomic"
)

// MaxConnections bounds the connections of a listener.
const MaxConnections = 4096

// Limit closes connections beyond most at once: who had to wait for one would hang.
func Limit(l net.Listener, most int64) net.Listener { return &limited{Listener: l, most: most} }

type limited struct {
	net.Listener
	most int64
	open atomic.Int64
}

// Accept is the next connection for which there is room.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.most {
			return &counted{Conn: c, done: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
		}
		l.open.Add(-1)
		_ = c.Close()
	}
}

type counted struct {
	net.Conn
	done func()
}

// Close gives the room back.
func (c *counted) Close() error {
	c.done()
	return c.Conn.Close()
}
