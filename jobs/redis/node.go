package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Node is one Redis server of a cluster.
type Node interface {
	// View is what the node knows of all.
	View(context.Context) (view, error)
	// Info are the fields of CLUSTER INFO.
	Info(context.Context) (map[string]string, error)
	// Keys is the number of keys that the node holds.
	Keys(context.Context) (int64, error)

	SetEpoch(ctx context.Context, epoch int) error
	Meet(context.Context, endpoint) error
	Forget(ctx context.Context, id string) error
	AddSlots(ctx context.Context, slots []int) error

	Import(ctx context.Context, slot int, from string) error
	Migrate(ctx context.Context, slot int, to string) error
	Settle(ctx context.Context, slot int) error
	SetOwner(ctx context.Context, slot int, owner string) error
	KeysInSlot(ctx context.Context, slot, most int) ([]string, error)
	// Send moves keys to another node; they are gone here only once they are
	// there.
	Send(ctx context.Context, to endpoint, keys []string) error

	// Lock waits until no other run of the Job holds the node's lock.
	Lock(context.Context) (Lock, error)

	Close() error
}

const (
	// callTimeout is what a node has to answer; sendTimeout to take keys over.
	callTimeout = 5 * time.Second
	sendTimeout = 60 * time.Second
)

// Dial makes a Node of an address. It connects when it is first used, and
// looks the name up anew at each connection.
func Dial(address, password string) Node {
	quiet()
	return &server{password: password, client: redis.NewClient(&redis.Options{
		Addr: address, Password: password,
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 4,
		DialTimeout: callTimeout, ReadTimeout: sendTimeout + callTimeout, WriteTimeout: callTimeout,
		ContextTimeoutEnabled: true,
	})}
}

// quiet keeps the client from writing lines of its own: each fault is returned,
// and the log is JSON.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

type server struct {
	client   *redis.Client
	password string
}

func (s *server) Close() error { return s.client.Close() }

// do runs a command, and names it and the node in the error, but no argument:
// one of them may be the password.
func (s *server) do(ctx context.Context, args ...any) (any, error) {
	return s.within(ctx, callTimeout, args...)
}

func (s *server) within(ctx context.Context, timeout time.Duration, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result, err := s.client.Do(ctx, args...).Result()
	if err != nil {
		return nil, s.fault(err, args)
	}
	return result, nil
}

func (s *server) fault(err error, args []any) error {
	name := fmt.Sprint(args[0])
	if name == "CLUSTER" {
		name += " " + fmt.Sprint(args[1])
	}
	return fmt.Errorf("%s: %s: %w", s.client.Options().Addr, name, err)
}

func (s *server) text(ctx context.Context, args ...any) (string, error) {
	result, err := s.do(ctx, args...)
	if err != nil {
		return "", err
	}
	text, ok := result.(string)
	if !ok {
		return "", s.fault(fmt.Errorf("unexpected answer of type %T", result), args)
	}
	return text, nil
}

func (s *server) run(ctx context.Context, args ...any) error {
	_, err := s.do(ctx, args...)
	return err
}

func (s *server) View(ctx context.Context) (view, error) {
	text, err := s.text(ctx, "CLUSTER", "NODES")
	if err != nil {
		return nil, err
	}
	v, err := parseView(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.client.Options().Addr, err)
	}
	return v, nil
}

func (s *server) Info(ctx context.Context) (map[string]string, error) {
	text, err := s.text(ctx, "CLUSTER", "INFO")
	if err != nil {
		return nil, err
	}
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[key] = value
		}
	}
	return info, nil
}

func (s *server) Keys(ctx context.Context) (int64, error) {
	result, err := s.do(ctx, "DBSIZE")
	if err != nil {
		return 0, err
	}
	n, _ := result.(int64)
	return n, nil
}

func (s *server) SetEpoch(ctx context.Context, epoch int) error {
	return s.run(ctx, "CLUSTER", "SET-CONFIG-EPOCH", epoch)
}

func (s *server) Meet(ctx context.Context, e endpoint) error {
	return s.run(ctx, "CLUSTER", "MEET", e.IP, e.Port, e.Bus)
}

func (s *server) Forget(ctx context.Context, id string) error {
	return s.run(ctx, "CLUSTER", "FORGET", id)
}

func (s *server) AddSlots(ctx context.Context, slots []int) error {
	args := []any{"CLUSTER", "ADDSLOTSRANGE"}
	for _, end := range ranges(slots) {
		args = append(args, end)
	}
	return s.run(ctx, args...)
}

func (s *server) Import(ctx context.Context, slot int, from string) error {
	return s.run(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", from)
}

func (s *server) Migrate(ctx context.Context, slot int, to string) error {
	return s.run(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", to)
}

func (s *server) Settle(ctx context.Context, slot int) error {
	return s.run(ctx, "CLUSTER", "SETSLOT", slot, "STABLE")
}

func (s *server) SetOwner(ctx context.Context, slot int, owner string) error {
	return s.run(ctx, "CLUSTER", "SETSLOT", slot, "NODE", owner)
}

func (s *server) KeysInSlot(ctx context.Context, slot, most int) ([]string, error) {
	result, err := s.do(ctx, "CLUSTER", "GETKEYSINSLOT", slot, most)
	if err != nil {
		return nil, err
	}
	list, _ := result.([]any)
	keys := make([]string, len(list))
	for i, key := range list {
		keys[i], _ = key.(string)
	}
	return keys, nil
}

func (s *server) Send(ctx context.Context, to endpoint, keys []string) error {
	// REPLACE: where a run was killed half-way the key may be at both ends, and
	// the sender's is the one that clients have written to.
	args := []any{"MIGRATE", to.IP, to.Port, "", 0, sendTimeout.Milliseconds(), "REPLACE"}
	if s.password != "" {
		args = append(args, "AUTH", s.password)
	}
	args = append(args, "KEYS")
	for _, key := range keys {
		args = append(args, key)
	}
	_, err := s.within(ctx, sendTimeout+callTimeout, args...)
	return err
}
