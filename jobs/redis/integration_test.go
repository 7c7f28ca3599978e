//go:build integration

package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

const password = `p"a s\s`

// process is a redis-server of the test's own.
type process struct {
	t             *testing.T
	dir, hostname string
	port, bus     int
	cmd           *exec.Cmd
}

func startProcesses(t *testing.T, count int, clustered bool) []*process {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("%v: install the package redis-server", err)
	}
	processes := make([]*process, count)
	for i := range processes {
		p := &process{t: t, dir: t.TempDir(), hostname: fmt.Sprintf("shard-%d.test", i)}
		p.start(clustered)
		t.Cleanup(p.stop)
		processes[i] = p
	}
	return processes
}

// start starts the server at ports that it has not had before.
func (p *process) start(clustered bool) {
	p.t.Helper()
	p.port, p.bus = freePort(p.t), freePort(p.t)
	config := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nappendonly yes\nsave \"\"\nlogfile server.log\n", p.port, p.dir)
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(password) + `"`
	config += "requirepass " + quoted + "\nmasterauth " + quoted + "\n"
	if clustered {
		config += fmt.Sprintf("cluster-enabled yes\ncluster-port %d\ncluster-node-timeout 2000\ncluster-require-full-coverage no\n", p.bus) +
			"cluster-announce-ip 127.0.0.1\ncluster-preferred-endpoint-type hostname\ncluster-announce-hostname " + p.hostname + "\n"
	}
	path := filepath.Join(p.dir, "redis.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command("redis-server", path)
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	node := p.node()
	defer node.Close()
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, err := node.Keys(p.t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(p.dir, "server.log"))
			p.t.Fatalf("redis-server: %v\n%s", err, log)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

func (p *process) address() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }
func (p *process) node() Node      { return Dial(p.address(), password) }

func freePort(t *testing.T) int {
	t.Helper()
	_, text, _ := strings.Cut(realtest.FreeAddress(t), ":")
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func dialAll(t *testing.T, processes []*process) []Node {
	t.Helper()
	nodes := make([]Node, len(processes))
	for i, p := range processes {
		nodes[i] = p.node()
		t.Cleanup(func() { _ = nodes[i].Close() })
	}
	return nodes
}

func options(t *testing.T) Options {
	return Options{Deadline: time.Minute, Patience: 15 * time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// client follows redirections, whose names all mean this machine.
func client(t *testing.T, processes []*process) *redis.ClusterClient {
	t.Helper()
	var addresses []string
	for _, p := range processes {
		addresses = append(addresses, p.address())
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addresses, Password: password, Protocol: 2, DisableIdentity: true, MaxRedirects: 8,
		Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

const keyCount = 3000

func writeKeys(t *testing.T, c *redis.ClusterClient) {
	t.Helper()
	for n := range keyCount {
		if err := c.Set(t.Context(), fmt.Sprintf("key-%d", n), n, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func checkKeys(t *testing.T, c *redis.ClusterClient) {
	t.Helper()
	for n := range keyCount {
		got, err := c.Get(t.Context(), fmt.Sprintf("key-%d", n)).Int()
		if err != nil || got != n {
			t.Fatalf("key-%d is %d: %v", n, got, err)
		}
	}
}

// counts are the slots of each node, of which none is open.
func counts(t *testing.T, nodes []Node) []int {
	t.Helper()
	owned := make([]int, len(nodes))
	for i, node := range nodes {
		v, err := node.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		self := v.self()
		if len(self.Migrating)+len(self.Importing) > 0 {
			t.Errorf("shard %d has open slots: %v %v", i, self.Migrating, self.Importing)
		}
		owned[i] = len(self.Slots)
	}
	return owned
}

func TestFormsAndGrows(t *testing.T) {
	processes := startProcesses(t, 4, true)
	nodes := dialAll(t, processes)
	if err := Run(t.Context(), nodes[:3], options(t)); err != nil {
		t.Fatal(err)
	}
	if got := counts(t, nodes[:3]); !slices.Equal(got, []int{5462, 5461, 5461}) {
		t.Errorf("formed: %v", got)
	}
	c := client(t, processes[:3])
	writeKeys(t, c)

	t.Run("again, it changes nothing", func(t *testing.T) {
		before, _ := nodes[0].Info(t.Context())
		if err := Run(t.Context(), nodes[:3], options(t)); err != nil {
			t.Fatal(err)
		}
		if after, _ := nodes[0].Info(t.Context()); before["cluster_current_epoch"] != after["cluster_current_epoch"] {
			t.Errorf("epoch %s became %s", before["cluster_current_epoch"], after["cluster_current_epoch"])
		}
	})
	t.Run("it grows while clients write", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		wrote := make(chan error, 1)
		go func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("live-%d", n%500)
				if err := c.Set(context.WithoutCancel(ctx), name, n, 0).Err(); err != nil {
					wrote <- fmt.Errorf("%s: %w", name, err)
					return
				}
			}
			wrote <- nil
		}()
		err := Run(t.Context(), nodes, options(t))
		stop()
		if err := errors.Join(err, <-wrote); err != nil {
			t.Fatal(err)
		}
		if got := counts(t, nodes); !slices.Equal(got, []int{4096, 4096, 4096, 4096}) {
			t.Errorf("grown: %v", got)
		}
		checkKeys(t, client(t, processes))
	})
	t.Run("it refuses to shrink", func(t *testing.T) {
		err := Run(t.Context(), nodes[:3], options(t))
		if err == nil || !strings.Contains(err.Error(), "more shards than the 3") {
			t.Fatalf("%v", err)
		}
		checkKeys(t, client(t, processes))
	})
	t.Run("all restarted at once at new addresses, they find each other", func(t *testing.T) {
		for _, p := range processes {
			p.stop()
		}
		byName := map[string]*process{}
		for _, p := range processes {
			p.start(true)
			byName[p.hostname] = p
		}
		f := &former{nodes: dialAll(t, processes), patience: time.Second, log: options(t).Log}
		time.Sleep(5 * time.Second) // longer than they take others for granted
		if err := f.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.awaitWhole(t.Context()); err == nil {
			t.Fatal("they need nobody who introduces them")
		}
		for _, p := range processes {
			keeper := &Keeper{
				Local: p.node(), Log: options(t).Log,
				Dial: func(m member) Node { return byName[m.Hostname].node() },
			}
			go keeper.Run(t.Context(), 200*time.Millisecond)
		}
		f.patience = 20 * time.Second
		if err := f.awaitWhole(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkKeys(t, client(t, processes))
	})
}

// TestALostVolumeIsNotCovered: a shard that comes back empty is no reason to
// give its slots to somebody.
func TestALostVolumeIsNotCovered(t *testing.T) {
	processes := startProcesses(t, 3, true)
	if err := Run(t.Context(), dialAll(t, processes), options(t)); err != nil {
		t.Fatal(err)
	}
	processes[1].stop()
	processes[1].dir = t.TempDir()
	processes[1].start(true)
	nodes := dialAll(t, processes)
	err := Run(t.Context(), nodes, options(t))
	if err == nil || !strings.Contains(err.Error(), "shard-1.test has lost its volume") {
		t.Fatalf("%v", err)
	}

	// Until its slots are given up by hand, as docs/redis.md says.
	for _, node := range []Node{nodes[0], nodes[2]} {
		v, err := node.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range v {
			if m.Hostname == "shard-1.test" {
				if err := node.Forget(t.Context(), m.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := Run(t.Context(), nodes, options(t)); err != nil {
		t.Fatal(err)
	}
	if got := counts(t, nodes); !slices.Equal(got, []int{5462, 5461, 5461}) {
		t.Errorf("slots: %v", got)
	}
}

// TestShrunkByHand follows docs/redis.md.
func TestShrunkByHand(t *testing.T) {
	processes := startProcesses(t, 4, true)
	nodes := dialAll(t, processes)
	if err := Run(t.Context(), nodes, options(t)); err != nil {
		t.Fatal(err)
	}
	writeKeys(t, client(t, processes))
	id := func(node Node) string {
		v, err := node.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v.self().ID
	}
	for shard, slots := range []string{"1365", "1365", "1366"} {
		cmd := exec.Command("redis-cli", "--cluster", "reshard", processes[0].address(),
			"--cluster-from", id(nodes[3]), "--cluster-to", id(nodes[shard]), "--cluster-slots", slots, "--cluster-yes")
		cmd.Env = append(os.Environ(), "REDISCLI_AUTH="+password)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out[max(0, len(out)-2000):])
		}
	}
	processes[3].stop()
	if err := Run(t.Context(), nodes[:3], options(t)); err != nil {
		t.Fatal(err)
	}
	checkKeys(t, client(t, processes[:3]))
}

// TestStandaloneBecomesACluster: the keys of a single server stay when the
// mode changes.
func TestStandaloneBecomesACluster(t *testing.T) {
	processes := startProcesses(t, 1, false)
	single := redis.NewClient(&redis.Options{Addr: processes[0].address(), Password: password, Protocol: 2, MaxRetries: -1})
	defer single.Close()
	for n := range keyCount {
		if err := single.Set(t.Context(), fmt.Sprintf("key-%d", n), n, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	_ = single.Do(t.Context(), "SHUTDOWN").Err() // it answers by going away
	processes[0].stop()
	processes[0].start(true)
	processes = append(processes, startProcesses(t, 2, true)...)
	nodes := dialAll(t, processes)
	if err := Run(t.Context(), nodes, options(t)); err != nil {
		t.Fatal(err)
	}
	t.Log(counts(t, nodes))
	checkKeys(t, client(t, processes))
}

// errKilled ends a run like a kill: nothing after it is done.
var errKilled = refuse("killed")

// mortal is a node whose changes end after a number of them, which all nodes
// share.
type mortal struct {
	Node
	left *int
	// after lets the last command through and loses its answer.
	after bool
}

func (m mortal) spend(do func() error) error {
	if *m.left--; *m.left > 0 {
		return do()
	}
	if *m.left == 0 && m.after {
		_ = do()
	}
	return errKilled
}

func (m mortal) SetEpoch(ctx context.Context, n int) error {
	return m.spend(func() error { return m.Node.SetEpoch(ctx, n) })
}
func (m mortal) Meet(ctx context.Context, e endpoint) error {
	return m.spend(func() error { return m.Node.Meet(ctx, e) })
}
func (m mortal) AddSlots(ctx context.Context, slots []int) error {
	return m.spend(func() error { return m.Node.AddSlots(ctx, slots) })
}
func (m mortal) Import(ctx context.Context, slot int, id string) error {
	return m.spend(func() error { return m.Node.Import(ctx, slot, id) })
}
func (m mortal) Migrate(ctx context.Context, slot int, id string) error {
	return m.spend(func() error { return m.Node.Migrate(ctx, slot, id) })
}
func (m mortal) Settle(ctx context.Context, slot int) error {
	return m.spend(func() error { return m.Node.Settle(ctx, slot) })
}
func (m mortal) SetOwner(ctx context.Context, slot int, id string) error {
	return m.spend(func() error { return m.Node.SetOwner(ctx, slot, id) })
}
func (m mortal) Send(ctx context.Context, to endpoint, keys []string) error {
	return m.spend(func() error {
		if m.after { // killed with some of the keys on their way
			keys = keys[:1]
		}
		return m.Node.Send(ctx, to, keys)
	})
}

// TestKilledAnywhere kills runs after one change, two, three and so on, before
// and after the server has made the last one, and lets one run end at last.
func TestKilledAnywhere(t *testing.T) {
	processes := startProcesses(t, 4, true)
	nodes := dialAll(t, processes)
	until := func(nodes []Node, kills int) {
		t.Helper()
		o := options(t)
		o.Log = slog.New(slog.DiscardHandler)
		for n := range kills {
			left := 2 + n
			mortals := make([]Node, len(nodes))
			for i, node := range nodes {
				mortals[i] = mortal{node, &left, n%2 == 1}
			}
			if err := Run(t.Context(), mortals, o); err != nil && !errors.Is(err, errKilled) {
				t.Fatalf("kill %d: %v", n, err)
			}
		}
		if err := Run(t.Context(), nodes, o); err != nil {
			t.Fatal(err)
		}
	}
	until(nodes[:3], 10)
	if got := counts(t, nodes[:3]); !slices.Equal(got, []int{5462, 5461, 5461}) {
		t.Errorf("formed: %v", got)
	}
	c := client(t, processes[:3])
	writeKeys(t, c)
	until(nodes, 60)
	if got := counts(t, nodes); !slices.Equal(got, []int{4096, 4096, 4096, 4096}) {
		t.Errorf("grown: %v", got)
	}
	checkKeys(t, client(t, processes))
}

// TestRunsTakeTurns: two runs at once, of which one waits.
func TestRunsTakeTurns(t *testing.T) {
	processes := startProcesses(t, 3, true)
	first, second := dialAll(t, processes), dialAll(t, processes)
	lock, err := first[0].Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	o.Deadline = 3 * time.Second
	if err := Run(t.Context(), second, o); err == nil || !strings.Contains(err.Error(), "another run of the Job holds it") {
		t.Fatalf("while the lock is held: %v", err)
	}
	if err := lock.Held(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), second, options(t)); err != nil {
		t.Fatal(err)
	}
}
