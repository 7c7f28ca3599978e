package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Lock keeps other runs of the Job from working at the same time.
type Lock interface {
	// Held fails once the lock is lost.
	Held(context.Context) error
	Release() error
}

// lockName is the name of the connections that want the lock.
const lockName = "banhbaoring-job-redis"

var errLockLost = errors.New("the connection that held the lock has broken")

// connection is a lock by the name of a connection: the oldest one of that name
// holds it. Nothing is stored, so that a run that is killed leaves nothing
// behind.
type connection struct {
	client *redis.Client
	id     int64
}

func (s *server) Lock(ctx context.Context) (Lock, error) {
	options := *s.client.Options()
	options.PoolSize, options.ConnMaxIdleTime = 1, -1
	c := &connection{client: redis.NewClient(&options)}
	if err := c.acquire(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: lock: %w", options.Addr, err), c.Release())
	}
	return c, nil
}

func (c *connection) acquire(ctx context.Context) error {
	if err := c.call(ctx, "CLIENT", "SETNAME", lockName).Err(); err != nil {
		return err
	}
	id, err := c.call(ctx, "CLIENT", "ID").Int64()
	if err != nil {
		return err
	}
	c.id = id
	for held := false; ; held = true {
		clients, err := c.call(ctx, "CLIENT", "LIST").Text()
		if err != nil && held {
			return fmt.Errorf("another run of the Job holds it: %w", err)
		}
		if err != nil {
			return err
		}
		switch oldest := oldestNamed(clients); {
		case oldest == id:
			return c.Held(ctx)
		case oldest == 0 || oldest > id:
			return errLockLost
		}
		_ = pause(ctx, time.Second)
	}
}

// Held asks on the same connection: a new one has another ID.
func (c *connection) Held(ctx context.Context) error {
	id, err := c.call(ctx, "CLIENT", "ID").Int64()
	if err != nil {
		return err
	}
	if id != c.id {
		return errLockLost
	}
	return nil
}

func (c *connection) Release() error { return c.client.Close() }

func (c *connection) call(ctx context.Context, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.client.Do(ctx, args...)
}

// oldestNamed is the lowest ID among the clients of the lock's name, 0 where
// there is none.
func oldestNamed(clients string) int64 {
	var oldest int64
	for line := range strings.Lines(clients) {
		var id int64
		named := false
		for _, field := range strings.Fields(line) {
			key, value, _ := strings.Cut(field, "=")
			switch key {
			case "id":
				id, _ = strconv.ParseInt(value, 10, 64)
			case "name":
				named = value == lockName
			}
		}
		if named && (oldest == 0 || id < oldest) {
			oldest = id
		}
	}
	return oldest
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
