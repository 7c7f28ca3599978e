package realtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	openbao "github.com/openbao/openbao/api/v2"
)

// OpenBao is a raft cluster of real server processes on this machine.
type OpenBao struct {
	// Peers are the servers' URLs, by ordinal.
	Peers []string
	// TrustFile holds the authority of their certificate.
	TrustFile string
	// PluginDir is the plugin directory of all servers.
	PluginDir string
	// NodeNames are the raft nodes' names, by ordinal.
	NodeNames []string

	dir      string
	static   bool
	pod      string
	clusters []string // where raft talks: the same after a restart
	logs     []*bytes.Buffer

	running   sync.Mutex // guards what follows
	processes []*process
	keys      []string // that unseal, since Initialise
}

// process is a server's, until Stop or until it ends by itself.
type process struct {
	*exec.Cmd
	ended chan struct{}
}

// OpenBaoOptions say how servers are started.
type OpenBaoOptions struct {
	// Nodes is their number; 1 when it is 0.
	Nodes int
	// Static unseals them with a static seal; they have a Shamir seal otherwise.
	Static bool
	// Kubernetes gives them what a pod of it has, for Kubernetes auth, if set.
	Kubernetes *Kubernetes
}

// Program is the server's program: BAO, or the one that the test cluster has.
func Program(t *testing.T) string {
	t.Helper()
	path := os.Getenv("BAO")
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(cache, "cluster", "bin", "bao")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no OpenBao server: set BAO to its program: %v", err)
	}
	return path
}

// NewOpenBao starts servers, which are neither initialised nor unsealed.
func NewOpenBao(t *testing.T, o OpenBaoOptions) *OpenBao {
	t.Helper()
	dir := t.TempDir()
	b := &OpenBao{dir: dir, static: o.Static, TrustFile: filepath.Join(dir, "tls.crt"), PluginDir: filepath.Join(dir, "plugins")}
	certificate, key := certificate(t)
	seal := make([]byte, 32)
	_, _ = rand.Read(seal)
	b.write(t, "tls.crt", certificate)
	b.write(t, "tls.key", key)
	b.write(t, "seal", []byte(hex.EncodeToString(seal)))
	if o.Kubernetes != nil {
		b.pod = o.Kubernetes.pod(t)
	}
	if err := os.Mkdir(b.PluginDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range max(o.Nodes, 1) {
		b.Peers = append(b.Peers, "https://"+freeAddress(t))
		b.clusters = append(b.clusters, freeAddress(t))
		b.NodeNames = append(b.NodeNames, fmt.Sprintf("banhbaoring-openbao-%d", i))
	}
	b.processes = make([]*process, len(b.Peers))
	b.logs = make([]*bytes.Buffer, len(b.Peers))
	t.Cleanup(func() {
		for i := range b.processes {
			b.Stop(i)
			if t.Failed() && b.logs[i] != nil {
				t.Logf("server %d ends with:\n%s", i, tail(b.logs[i].String(), 25))
			}
		}
	})
	for i := range b.Peers {
		b.Start(t, i)
	}
	return b
}

// Start starts a server, with the data that it had. One that ends by itself is
// started again and unsealed, as its kubelet and its keeper would: OpenBao 2.4
// can crash where it stops to lead (https://github.com/openbao/openbao/pull/3054).
func (b *OpenBao) Start(t *testing.T, ordinal int) {
	t.Helper()
	data := filepath.Join(b.dir, fmt.Sprintf("data-%d", ordinal))
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	b.write(t, b.configFile(ordinal), []byte(b.config(t, ordinal, data)))
	program := Program(t)
	b.logs[ordinal] = &bytes.Buffer{}
	b.running.Lock()
	p, err := b.launch(program, ordinal)
	b.processes[ordinal] = p
	b.running.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	go b.keepUp(p, program, ordinal, b.Client(t, ordinal, ""))
	b.Answers(t, ordinal)
}

func (b *OpenBao) configFile(ordinal int) string { return fmt.Sprintf("config-%d.hcl", ordinal) }

func (b *OpenBao) launch(program string, ordinal int) (*process, error) {
	args := []string{program, "server", "-config=" + filepath.Join(b.dir, b.configFile(ordinal))}
	if b.pod != "" {
		args = append([]string{"unshare", "--mount", "sh", "-ec", enter, b.pod}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = b.logs[ordinal], b.logs[ordinal]
	cmd.Env = []string{"HOME=" + b.dir, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its plugins go with it
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	return p, nil
}

// keepUp starts a server again whenever it ends, until Stop.
func (b *OpenBao) keepUp(p *process, program string, ordinal int, client *openbao.Client) {
	for {
		<-p.ended
		b.running.Lock()
		if b.processes[ordinal] != p { // Stop ended it
			b.running.Unlock()
			return
		}
		next, err := b.launch(program, ordinal)
		b.processes[ordinal] = next
		keys := b.keys
		b.running.Unlock()
		if err != nil {
			return // its log shows that it ended
		}
		p = next
		for try := 0; try < 60 && len(keys) > 0; try++ {
			if _, err := client.Sys().Unseal(keys[0]); err == nil {
				break
			}
			time.Sleep(time.Second)
		}
	}
}

func (b *OpenBao) config(t *testing.T, ordinal int, data string) string {
	t.Helper()
	var text strings.Builder
	address := strings.TrimPrefix(b.Peers[ordinal], "https://")
	cluster := b.clusters[ordinal]
	fmt.Fprintf(&text, "api_addr = %q\ncluster_addr = %q\nplugin_directory = %q\n", b.Peers[ordinal], "https://"+cluster, b.PluginDir)
	fmt.Fprintf(&text, "listener \"tcp\" {\n address = %q\n cluster_address = %q\n tls_cert_file = %q\n tls_key_file = %q\n}\n", address, cluster, b.TrustFile, filepath.Join(b.dir, "tls.key"))
	fmt.Fprintf(&text, "storage \"raft\" {\n path = %q\n node_id = %q\n performance_multiplier = 1\n", data, b.NodeNames[ordinal])
	for _, peer := range b.Peers {
		fmt.Fprintf(&text, " retry_join {\n leader_api_addr = %q\n leader_ca_cert_file = %q\n }\n", peer, b.TrustFile)
	}
	text.WriteString("}\n")
	if b.static {
		fmt.Fprintf(&text, "seal \"static\" {\n current_key_id = \"1\"\n current_key = %q\n}\n", "file://"+filepath.Join(b.dir, "seal"))
	}
	return text.String()
}

// Stop kills a server.
func (b *OpenBao) Stop(ordinal int) {
	b.running.Lock()
	p := b.processes[ordinal]
	b.processes[ordinal] = nil
	b.running.Unlock()
	if p != nil {
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// Crash kills a server, which is started again.
func (b *OpenBao) Crash(ordinal int) { _ = syscall.Kill(-b.PID(ordinal), syscall.SIGKILL) }

// Wipe takes a stopped server's data.
func (b *OpenBao) Wipe(t *testing.T, ordinal int) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(b.dir, fmt.Sprintf("data-%d", ordinal))); err != nil {
		t.Fatal(err)
	}
}

// PID is a server's process.
func (b *OpenBao) PID(ordinal int) int {
	b.running.Lock()
	defer b.running.Unlock()
	return b.processes[ordinal].Process.Pid
}

// Through lets requests to a server pass a proxy, whose URL it returns.
func (b *OpenBao) Through(t *testing.T, ordinal int, fault Fault) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(b.TrustFile, filepath.Join(b.dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	return through(t, b.Peers[ordinal], &tls.Config{Certificates: []tls.Certificate{pair}}, b.Client(t, ordinal, "").CloneConfig().HttpClient.Transport, fault)
}

// Active is the URL of whichever server is active, as that of the chart's Service
// is: each connection leads to the one that is when it begins.
func (b *OpenBao) Active(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				to, err := b.dialActive(t)
				if err != nil {
					return
				}
				defer to.Close()
				go func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
				}()
				_, _ = io.Copy(from, to)
			}()
		}
	}()
	return "https://" + listener.Addr().String()
}

func (b *OpenBao) dialActive(t *testing.T) (net.Conn, error) {
	for i, peer := range b.Peers {
		if at, err := b.Client(t, i, "").Sys().Leader(); err == nil && at.IsSelf {
			return net.Dial("tcp", strings.TrimPrefix(peer, "https://"))
		}
	}
	return nil, errors.New("no server is active")
}

// Client is a client of one server, with a token.
func (b *OpenBao) Client(t *testing.T, ordinal int, token string) *openbao.Client {
	t.Helper()
	config := openbao.DefaultConfig()
	config.Address, config.MaxRetries = b.Peers[ordinal], 0
	if err := config.ConfigureTLS(&openbao.TLSConfig{CACert: b.TrustFile}); err != nil {
		t.Fatal(err)
	}
	client, err := openbao.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(token)
	return client
}

// Answers waits until a server answers.
func (b *OpenBao) Answers(t *testing.T, ordinal int) {
	t.Helper()
	b.until(t, ordinal, "answers", func(*openbao.SealStatusResponse) bool { return true })
}

// Unsealed waits until a server is unsealed.
func (b *OpenBao) Unsealed(t *testing.T, ordinal int) {
	t.Helper()
	b.until(t, ordinal, "is unsealed", func(s *openbao.SealStatusResponse) bool { return s.Initialized && !s.Sealed })
}

func (b *OpenBao) until(t *testing.T, ordinal int, what string, holds func(*openbao.SealStatusResponse) bool) {
	t.Helper()
	client := b.Client(t, ordinal, "")
	Eventually(t, fmt.Sprintf("server %d %s", ordinal, what), func(ctx context.Context) error {
		status, err := client.Sys().SealStatusWithContext(ctx)
		if err == nil && !holds(status) {
			err = fmt.Errorf("initialised: %v, sealed: %v", status.Initialized, status.Sealed)
		}
		return err
	})
}

// Initialise initialises the first server, unseals all and returns a root token.
// The unseal keys are empty with a static seal.
func (b *OpenBao) Initialise(t *testing.T) (root string, keys []string) {
	t.Helper()
	request := &openbao.InitRequest{SecretShares: 1, SecretThreshold: 1}
	if b.static {
		request = &openbao.InitRequest{RecoveryShares: 1, RecoveryThreshold: 1}
	}
	answer, err := b.Client(t, 0, "").Sys().Init(request)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Peers {
		if b.static {
			b.Unsealed(t, i)
			continue
		}
		b.until(t, i, "has joined", func(s *openbao.SealStatusResponse) bool { return s.Initialized })
		client := b.Client(t, i, "")
		Eventually(t, "unsealing", func(ctx context.Context) error {
			status, err := client.Sys().UnsealWithContext(ctx, answer.KeysB64[0])
			if err == nil && status.Sealed {
				err = fmt.Errorf("still sealed")
			}
			return err
		})
	}
	b.running.Lock()
	b.keys = answer.KeysB64
	b.running.Unlock()
	root = answer.RootToken
	b.Voters(t, root)
	if b.static {
		return root, nil
	}
	return root, answer.KeysB64
}

// Voters waits until all servers are voters: until then the cluster does not
// outlive the loss of one.
func (b *OpenBao) Voters(t *testing.T, token string) {
	t.Helper()
	Eventually(t, "a leader that knows all peers", func(ctx context.Context) error {
		config, err := b.Client(t, 0, token).Logical().ReadWithContext(ctx, "sys/storage/raft/configuration")
		if err != nil {
			return err
		}
		servers := config.Data["config"].(map[string]any)["servers"].([]any)
		voters := 0
		for _, s := range servers {
			if s.(map[string]any)["voter"] == true {
				voters++
			}
		}
		if voters != len(b.Peers) {
			return fmt.Errorf("%d voters of %d", voters, len(b.Peers))
		}
		return nil
	})
}

// Eventually waits until check returns nil. It has minutes for what takes
// seconds, since many servers may share few processors.
func Eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := check(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (b *OpenBao) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddress is an address that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// certificate is one that signs itself, for servers on this machine.
func certificate(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "openbao"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
