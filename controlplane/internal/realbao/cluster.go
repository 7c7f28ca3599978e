// Package realbao runs real OpenBao servers on this machine, with the secrets engine of
// this repository, and the signer before them, for tests.
package realbao

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	"github.com/banhbaoring/banhbaoring/controlplane/signer/tlsfiles"
)

// Cluster is OpenBao's servers, which share raft storage.
type Cluster struct {
	testing.TB
	Authority *Authority // of the servers' certificates
	Servers   []*Server
	Root      string // token

	http   *http.Client
	unseal string
}

// Server is one process.
type Server struct {
	Address string // https://

	dir     string
	process *exec.Cmd
}

// Start makes a cluster of size servers.
func Start(t testing.TB, size int) *Cluster {
	t.Helper()
	c := &Cluster{TB: t, Authority: NewAuthority(t)}
	trust, err := os.ReadFile(c.Authority.File)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := tlsfiles.Pool([][]byte{trust})
	if err != nil {
		t.Fatal(err)
	}
	c.http = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	plugins, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sum := buildEngine(t, filepath.Join(plugins, "secp256k1"))
	addresses := freeAddresses(t, 2*size)
	for i := range size {
		c.Servers = append(c.Servers, c.newServer(i, addresses, plugins))
	}
	c.form()
	c.Must("PUT", "", "sys/plugins/catalog/secret/secp256k1", map[string]any{"command": "secp256k1", "sha256": sum, "version": "v" + engineVersion(t)})
	return c
}

// repository is the folder that holds the modules.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "secp256k1", "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("the secrets engine's module is not beside this one")
	return ""
}

func engineVersion(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(t), "secp256k1", "version.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `Version = "`)
	version, _, _ := strings.Cut(rest, `"`)
	return version
}

func buildEngine(t testing.TB, binary string) (sum string) {
	t.Helper()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/secp256k1")
	build.Dir = filepath.Join(repository(t), "secp256k1")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(content)
	return hex.EncodeToString(hash[:])
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

// freeAddresses are addresses that nobody listens at. Their ports are none of those that
// the system gives to connections: one would take it while a server restarts.
func freeAddresses(t testing.TB, n int) (addresses []string) {
	t.Helper()
	for len(addresses) < n {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		if l, err := net.Listen("tcp", address); err == nil {
			defer l.Close()
			addresses = append(addresses, address)
		}
	}
	return addresses
}

func (c *Cluster) newServer(i int, addresses []string, plugins string) *Server {
	c.Helper()
	s := &Server{Address: "https://" + addresses[2*i], dir: c.TempDir()}
	pair := c.Authority.Server(c)
	config := fmt.Sprintf(`
storage "raft" {
  path                   = %q
  node_id                = "node-%d"
  performance_multiplier = 1
  retry_join {
    leader_api_addr     = "https://%s"
    leader_ca_cert_file = %q
  }
}
listener "tcp" {
  address         = %q
  cluster_address = %q
  tls_cert_file   = %q
  tls_key_file    = %q
}
api_addr         = %q
cluster_addr     = "https://%s"
plugin_directory = %q
# As is rendered: a standby's own mounts lag behind. Servers before 2.5 pass it over.
disable_standby_reads = true
`, s.dir, i, addresses[0], c.Authority.File, addresses[2*i], addresses[2*i+1], pair.Certificate, pair.Key, s.Address, addresses[2*i+1], plugins)
	if i == 0 {
		// The first one founds the cluster.
		before, rest, _ := strings.Cut(config, "  retry_join {")
		_, after, _ := strings.Cut(rest, "  }\n")
		config = before + after
	}
	if err := os.WriteFile(filepath.Join(s.dir, "config.hcl"), []byte(config), 0o600); err != nil {
		c.Fatal(err)
	}
	c.Run(s)
	c.Cleanup(s.Kill)
	return s
}

// Run starts a server's process.
func (c *Cluster) Run(s *Server) {
	c.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.Fatal(err)
	}
	defer log.Close()
	s.process = exec.Command(program(c), "server", "-config", filepath.Join(s.dir, "config.hcl"))
	s.process.Stdout, s.process.Stderr = log, log
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its plugins end with it
	if err := s.process.Start(); err != nil {
		c.Fatal(err)
	}
}

// Kill ends a server as a lost machine would: nothing is said to the others.
func (s *Server) Kill() {
	if s.process.ProcessState != nil {
		return // it was killed, and its number may be another's
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	_ = s.process.Wait()
}

// Freeze stops a server, which keeps its connections and answers nothing: to others it
// is a machine that is cut off. Thaw lets it go on.
func (s *Server) Freeze() { _ = s.process.Process.Signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() { _ = s.process.Process.Signal(syscall.SIGCONT) }

// Eventually tries until what must come true does, a minute at most.
func Eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// form initialises the first server, and unseals all.
func (c *Cluster) form() {
	c.Helper()
	first := c.Servers[0]
	Eventually(c, "initialise", func() error {
		answer, err := c.Do(first, "PUT", "", "sys/init", map[string]any{"secret_shares": 1, "secret_threshold": 1})
		if err == nil {
			c.unseal, c.Root = answer["keys_base64"].([]any)[0].(string), answer["root_token"].(string)
		}
		return err
	})
	for _, s := range c.Servers {
		c.Unseal(s)
	}
	Eventually(c, "all vote", func() error {
		answer, err := c.Do(first, "GET", "", "sys/storage/raft/configuration", nil)
		if voters := strings.Count(fmt.Sprint(answer), "voter:true"); err == nil && voters != len(c.Servers) {
			err = fmt.Errorf("%d of %d", voters, len(c.Servers))
		}
		return err
	})
}

// Unseal unseals a server, and waits until it answers.
func (c *Cluster) Unseal(s *Server) {
	c.Helper()
	Eventually(c, s.Address+" unseals", func() error {
		status, err := c.Do(s, "PUT", "", "sys/unseal", map[string]any{"key": c.unseal})
		if err == nil && status["sealed"] == true {
			err = errors.New("still sealed")
		}
		return err
	})
	Eventually(c, s.Address+" answers", func() error {
		_, err := c.Do(s, "GET", "", "auth/token/lookup-self", nil)
		return err
	})
}

// Leader is the active server among those that run.
func (c *Cluster) Leader(among ...*Server) (leader *Server) {
	c.Helper()
	Eventually(c, "a leader", func() error {
		for _, s := range among {
			if answer, err := c.Do(s, "GET", "", "sys/leader", nil); err == nil && answer["is_self"] == true {
				leader = s
				return nil
			}
		}
		return errors.New("none")
	})
	return leader
}

// Others are the servers but one.
func (c *Cluster) Others(than *Server) (others []*Server) {
	for _, s := range c.Servers {
		if s != than {
			others = append(others, s)
		}
	}
	return others
}

// StatusError is an answer with another status than a success's.
type StatusError struct {
	Status int
	Text   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Status, e.Text) }

// Do sends a request to a server, with the root token.
func (c *Cluster) Do(s *Server, method, namespace, path string, body any) (map[string]any, error) {
	return c.As(s, c.Root, method, namespace, path, body)
}

// As is Do with another token.
func (c *Cluster) As(s *Server, token, method, namespace, path string, body any) (map[string]any, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, s.Address+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Vault-Token", token)
	request.Header.Set("X-Vault-Namespace", namespace)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, &StatusError{response.StatusCode, string(content)}
	}
	answer := map[string]any{}
	if len(content) > 0 {
		err = json.Unmarshal(content, &answer)
	}
	return answer, err
}

// Must is Do through the first server that runs and leads, and has to succeed.
func (c *Cluster) Must(method, namespace, path string, body any) map[string]any {
	c.Helper()
	answer, err := c.Do(c.Leader(c.Servers...), method, namespace, path, body)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	data, _ := answer["data"].(map[string]any)
	return data
}
