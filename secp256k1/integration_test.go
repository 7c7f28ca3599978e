//go:build integration

package secp256k1_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/secp256k1"
)

// server is a real OpenBao on this machine, with raft storage.
type server struct {
	id      string
	address string
	dir     string
	client  *api.Client
	process *exec.Cmd
}

// cluster is servers that share one storage, and the keys to them.
type cluster struct {
	testing.TB
	servers []*server
	plugins string
	unseal  string
	token   string
}

// program is the server's binary: $BAO, or where the test cluster keeps it.
func program(t testing.TB) string {
	t.Helper()
	path := os.Getenv("BAO")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(home, ".cache/cluster/bin/bao")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no OpenBao server: %v\nhint: name one in BAO", err)
	}
	return path
}

// start makes a cluster of size servers with the engine mounted at secp256k1/.
func start(t testing.TB, size int) *cluster {
	t.Helper()
	c := startWith(t, size, func(string) {})
	c.register("secp256k1", "v"+secp256k1.Version)
	c.mount("v" + secp256k1.Version)
	return c
}

// startWith makes a cluster whose plugin directory holds the engine and what more puts there.
func startWith(t testing.TB, size int, more func(plugins string)) *cluster {
	t.Helper()
	plugins, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	build(t, ".", filepath.Join(plugins, "secp256k1"))
	more(plugins)
	c := &cluster{TB: t, plugins: plugins}
	for i := range size {
		c.servers = append(c.servers, newServer(t, fmt.Sprint("node-", i), plugins))
	}
	c.form()
	return c
}

func build(t testing.TB, module, binary string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/secp256k1")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func newServer(t testing.TB, id, plugins string) *server {
	t.Helper()
	s := &server{id: id, address: freeAddress(t), dir: t.TempDir()}
	config := fmt.Sprintf(`
storage "raft" {
  path    = %[1]q
  node_id = %[2]q
}
listener "tcp" {
  address         = %[3]q
  cluster_address = %[4]q
  tls_disable     = true
}
api_addr         = "http://%[3]s"
cluster_addr     = "https://%[4]s"
plugin_directory = %[5]q
# As is rendered: a standby's own mounts lag behind. Servers before 2.5 pass it over.
disable_standby_reads = true
audit "file" "log" {
  options {
    file_path = "audit.log"
  }
}
`, s.dir, id, s.address, freeAddress(t), plugins)
	if err := os.WriteFile(filepath.Join(s.dir, "config.hcl"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	clientConfig := api.DefaultConfig()
	clientConfig.Address = "http://" + s.address
	clientConfig.MaxRetries = 0
	client, err := api.NewClient(clientConfig)
	if err != nil {
		t.Fatal(err)
	}
	s.client = client
	s.run(t)
	t.Cleanup(s.kill)
	return s
}

// audited is the file of its audit log. OpenBao refuses to enable one by request,
// and servers to lead whose device has other settings: the path is relative.
func (s *server) audited() string { return filepath.Join(s.dir, "audit.log") }

func (s *server) run(t testing.TB) {
	t.Helper()
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.process = exec.Command(program(t), "server", "-config", filepath.Join(s.dir, "config.hcl"))
	s.process.Dir, s.process.Stdout, s.process.Stderr = s.dir, log, log
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its plugins end with it
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
}

// kill ends the server as a lost machine would: nothing is said to the others.
func (s *server) kill() {
	if s.process.ProcessState != nil {
		return // it was killed, and its number may be another's
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	_ = s.process.Wait()
}

// freeAddress is an address that nobody listens at. Its port is none of those that the
// system gives to connections: one would take it while a server restarts.
func freeAddress(t testing.TB) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
}

// eventually tries until what must come true does, a minute at most.
func (c *cluster) eventually(what string, try func() error) {
	c.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.Fatalf("%s: %v\n%s", what, err, c.logs())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// form initialises the first server and has the others join it.
func (c *cluster) form() {
	c.Helper()
	first := c.servers[0]
	c.eventually("initialise", func() error {
		made, err := first.client.Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
		if err != nil {
			return err
		}
		c.unseal, c.token = made.KeysB64[0], made.RootToken
		return nil
	})
	for _, s := range c.servers {
		s.client.SetToken(c.token)
		if s != first {
			c.eventually(s.id+" joins", func() error {
				_, err := s.client.Sys().RaftJoin(&api.RaftJoinRequest{LeaderAPIAddr: "http://" + first.address})
				return err
			})
		}
		c.open(s)
	}
	c.eventually("all vote", func() error {
		peers, err := first.client.Logical().Read("sys/storage/raft/configuration")
		if err != nil {
			return err
		}
		if voters := strings.Count(fmt.Sprint(peers.Data["config"]), "voter:true"); voters != len(c.servers) {
			return fmt.Errorf("%d of %d", voters, len(c.servers))
		}
		return nil
	})
}

// open unseals a server and waits until it answers.
func (c *cluster) open(s *server) {
	c.Helper()
	c.eventually(s.id+" unseals", func() error {
		status, err := s.client.Sys().Unseal(c.unseal)
		if err == nil && status.Sealed {
			err = errors.New("still sealed")
		}
		return err
	})
	c.eventually(s.id+" answers", func() error {
		_, err := s.client.Auth().Token().LookupSelf()
		return err
	})
}

// register registers a binary of the plugin directory.
func (c *cluster) register(binary, version string) {
	c.Helper()
	content, err := os.ReadFile(filepath.Join(c.plugins, binary))
	if err != nil {
		c.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if err := c.servers[0].client.Sys().RegisterPlugin(&api.RegisterPluginInput{
		Name: "secp256k1", Type: api.PluginTypeSecrets, Command: binary,
		SHA256: hex.EncodeToString(sum[:]), Version: version,
	}); err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) mount(version string) {
	c.Helper()
	mount := &api.MountInput{Type: "secp256k1", Config: api.MountConfigInput{PluginVersion: version}}
	if err := c.servers[0].client.Sys().Mount("secp256k1", mount); err != nil {
		c.Fatal(err)
	}
	c.runs(version)
}

// runs fails unless the mount runs this version.
func (c *cluster) runs(version string) {
	c.Helper()
	mounts, err := c.servers[0].client.Sys().ListMounts()
	if err != nil {
		c.Fatal(err)
	}
	if got := mounts["secp256k1/"].RunningVersion; got != version {
		c.Fatalf("runs version %q, want %q", got, version)
	}
}

// write must succeed through this server.
func (c *cluster) write(s *server, path string, data map[string]any) map[string]any {
	c.Helper()
	secret, err := s.client.Logical().Write("secp256k1/"+path, data)
	if err != nil {
		c.Fatal(err)
	}
	return secret.Data
}

func status(err error) int {
	var response *api.ResponseError
	if errors.As(err, &response) {
		return response.StatusCode
	}
	return 0
}

// leader is the active server among those that run.
func (c *cluster) leader(running []*server) *server {
	c.Helper()
	var found *server
	c.eventually("a leader", func() error {
		for _, s := range running {
			if l, err := s.client.Sys().Leader(); err == nil && l.IsSelf {
				found = s
				return nil
			}
		}
		return errors.New("none")
	})
	return found
}

func (c *cluster) others(than *server) []*server {
	var others []*server
	for _, s := range c.servers {
		if s != than {
			others = append(others, s)
		}
	}
	return others
}

var message = map[string]any{"input": base64.StdEncoding.EncodeToString([]byte("block 1")), "output_format": "der"}

func TestKeysSurviveASealAndARestart(t *testing.T) {
	c := start(t, 1)
	s := c.servers[0]
	created := c.write(s, "keys/sequencer", nil)
	before := c.write(s, "sign/sequencer", message)["signature"]
	requireOpenSSL(t, created["public_key_pem"].(string), "block 1", before.(string), true)
	requireOpenSSL(t, created["public_key_pem"].(string), "block 2", before.(string), false)

	if err := s.client.Sys().Seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Logical().Write("secp256k1/sign/sequencer", message); status(err) != http.StatusServiceUnavailable {
		t.Errorf("sealed: got %v, want status 503", err)
	}
	c.open(s)
	if after := c.write(s, "sign/sequencer", message)["signature"]; after != before {
		t.Errorf("unsealed: signed %v, before %v", after, before)
	}
	s.kill()
	s.run(t)
	c.open(s)
	if after := c.write(s, "sign/sequencer", message)["signature"]; after != before {
		t.Errorf("restarted: signed %v, before %v", after, before)
	}
}

// requireOpenSSL has OpenSSL say whether the signature is the message's.
func requireOpenSSL(t *testing.T, public, message, signature string, want bool) {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"public.pem": []byte(public), "message": []byte(message), "signature": raw} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := exec.Command("openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message")
	verify.Dir = dir
	out, err := verify.CombinedOutput()
	if want && (err != nil || !strings.Contains(string(out), "Verified OK")) || !want && err == nil {
		t.Errorf("%q: openssl says %s%v", message, out, err)
	}
}

func TestStatusesReachTheClient(t *testing.T) {
	c := start(t, 1)
	s := c.servers[0]
	c.write(s, "keys/k", nil)
	for _, x := range []struct {
		path string
		data map[string]any
		want int
		text string
	}{
		{"sign/none", message, http.StatusNotFound, "key not found"},
		{"sign/k", map[string]any{"input": "%"}, http.StatusBadRequest, "invalid input"},
		{"sign/k", map[string]any{"input": "aGk=", "prehashed": "perhaps"}, http.StatusBadRequest, "prehashed"},
		{"keys/k", nil, http.StatusBadRequest, "key already exists"},
		{"sign-evm/k", map[string]any{"hash": "00"}, http.StatusBadRequest, "hash must be 32 bytes"},
	} {
		_, err := s.client.Logical().Write("secp256k1/"+x.path, x.data)
		if status(err) != x.want || !strings.Contains(err.Error(), x.text) {
			t.Errorf("%s: got %v, want %d and %q", x.path, err, x.want, x.text)
		}
	}
	_, err := s.client.Logical().Delete("secp256k1/keys/k")
	if status(err) != http.StatusBadRequest {
		t.Errorf("delete: got %v, want status 400", err)
	}
	evm := c.write(s, "sign-evm/k", map[string]any{"hash": strings.Repeat("0", 64), "chain_id": 11155420})
	if v := fmt.Sprint(evm["v_int"]); v != "22310875" && v != "22310876" {
		t.Errorf("v is %s", v)
	}
	batch := c.write(s, "sign/k", map[string]any{"batch_input": []any{message, map[string]any{"input": "%"}}})
	if got := fmt.Sprint(batch["batch_results"]); !strings.Contains(got, "signature:") || !strings.Contains(got, "error:invalid input") {
		t.Errorf("batch: %s", got)
	}
}

func TestStandbysSeeChangesAndTakeOver(t *testing.T) {
	c := start(t, 3)
	active := c.leader(c.servers)
	standbys := c.others(active)
	for _, name := range []string{"kept", "gone"} {
		c.write(active, "keys/"+name, nil)
	}
	before := c.write(active, "sign/kept", message)["signature"]
	for _, s := range standbys {
		if got := c.write(s, "sign/kept", message)["signature"]; got != before {
			t.Errorf("%s signed %v, the active %v", s.id, got, before)
		}
		c.write(s, "sign/gone", message)
	}

	c.write(active, "keys/kept/config", map[string]any{"deletion_allowed": true})
	c.write(active, "keys/gone/config", map[string]any{"deletion_allowed": true})
	if _, err := active.client.Logical().Delete("secp256k1/keys/gone"); err != nil {
		t.Fatal(err)
	}
	for _, s := range standbys {
		c.eventually(s.id+" sees the change", func() error {
			kept, err := s.client.Logical().Read("secp256k1/keys/kept")
			if err == nil && kept.Data["deletion_allowed"] != true {
				err = fmt.Errorf("deletion_allowed is %v", kept.Data["deletion_allowed"])
			}
			return err
		})
		c.eventually(s.id+" sees the deletion", func() error {
			if _, err := s.client.Logical().Write("secp256k1/sign/gone", message); status(err) != http.StatusNotFound {
				return fmt.Errorf("got %w, want status 404", err)
			}
			return nil
		})
	}

	active.kill()
	next := c.leader(standbys)
	for _, s := range standbys {
		c.eventually(s.id+" signs after the failover", func() error {
			secret, err := s.client.Logical().Write("secp256k1/sign/kept", message)
			if err == nil && secret.Data["signature"] != before {
				err = fmt.Errorf("signed %v, before %v", secret.Data["signature"], before)
			}
			return err
		})
	}
	if _, err := next.client.Logical().Write("secp256k1/sign/gone", message); status(err) != http.StatusNotFound {
		t.Errorf("after the failover: got %v, want status 404", err)
	}
	c.write(next, "keys/new", nil)
	c.write(next, "sign/new", message)
}

// logs are the last lines that each server has said.
func (c *cluster) logs() string {
	var said strings.Builder
	for _, s := range c.servers {
		text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		fmt.Fprintf(&said, "%s ends with:\n%s\n", s.id, strings.Join(lines[max(0, len(lines)-25):], "\n"))
	}
	return said.String()
}
