package realtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
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

	"github.com/banhbaoring/banhbaoring/jobs/install"
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
	auto     bool   // they unseal themselves
	seal     string // its stanza
	more     string // of the configuration
	listener string // more of it
	env      []string
	pod      string
	clusters []string // where raft talks: the same after a restart
	logs     []*serverLog

	running   sync.Mutex // guards what follows
	processes []*process
	keys      []string // that unseal, since Initialise
	kept      bool     // a keeper unseals, see Keep
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
	// Seal is the stanza of another seal that unseals them, and Env what it needs of
	// the environment.
	Seal string
	Env  []string
	// KMSPlugin is the seal's name where it is in a plugin, whose program KMS_PLUGIN
	// names; "" where it is the server's own.
	KMSPlugin string
	// Config is more of their configuration, and Listener of its listener.
	Config, Listener string
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

// Version is the version that the program says it is, such as 2.4.0.
func Version(t *testing.T) string {
	t.Helper()
	said, err := exec.Command(Program(t), "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, ok := strings.CutPrefix(strings.TrimSuffix(strings.Fields(string(said))[1], ","), "v")
	if !ok {
		t.Fatalf("no version: %s", said)
	}
	return version
}

// NewOpenBao starts servers, which are neither initialised nor unsealed.
func NewOpenBao(t *testing.T, o OpenBaoOptions) *OpenBao {
	t.Helper()
	dir := t.TempDir()
	b := &OpenBao{dir: dir, auto: o.Static || o.Seal != "", seal: o.Seal, more: o.Config, listener: o.Listener, env: o.Env, TrustFile: filepath.Join(dir, "tls.crt"), PluginDir: filepath.Join(dir, "plugins")}
	certificate, key := certificate(t)
	seal := make([]byte, 32)
	_, _ = rand.Read(seal)
	b.write(t, "tls.crt", certificate)
	b.write(t, "tls.key", key)
	b.write(t, "seal", []byte(hex.EncodeToString(seal)))
	if o.Static {
		b.seal = fmt.Sprintf("seal \"static\" {\n current_key_id = \"1\"\n current_key = %q\n}\n", "file://"+filepath.Join(dir, "seal"))
	}
	if o.Kubernetes != nil {
		b.pod = o.Kubernetes.pod(t)
	}
	if err := os.Mkdir(b.PluginDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if o.KMSPlugin != "" {
		b.installKMSPlugin(t, o.KMSPlugin)
	}
	for i := range max(o.Nodes, 1) {
		b.Peers = append(b.Peers, "https://"+FreeAddress(t))
		b.clusters = append(b.clusters, FreeAddress(t))
		b.NodeNames = append(b.NodeNames, fmt.Sprintf("banhbaoring-openbao-%d", i))
	}
	b.processes = make([]*process, len(b.Peers))
	b.logs = make([]*serverLog, len(b.Peers))
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

// installKMSPlugin installs a plugin as the pods' init container does.
func (b *OpenBao) installKMSPlugin(t *testing.T, name string) {
	t.Helper()
	program := os.Getenv("KMS_PLUGIN")
	if program == "" {
		t.Fatalf("this server has the seal %s in a plugin: set KMS_PLUGIN to its program", name)
	}
	stanza := filepath.Join(b.dir, "plugin.hcl")
	if err := install.Run(install.Options{From: program, To: filepath.Join(b.PluginDir, name+"-v0.1.0"), Stanza: stanza, Type: "kms", Name: name, Version: "v0.1.0"}); err != nil {
		t.Fatal(err)
	}
	b.more += string(b.read(t, "plugin.hcl"))
}

// Start starts a server, with the data that it had. One that ends by itself is
// started again and unsealed, as its kubelet and its keeper would: OpenBao 2.4
// can crash where it stops to lead (https://github.com/openbao/openbao/pull/3054).
func (b *OpenBao) Start(t *testing.T, ordinal int) {
	t.Helper()
	b.Launch(t, ordinal)
	b.Answers(t, ordinal)
}

// Launch is Start for one that may not come to answer.
func (b *OpenBao) Launch(t *testing.T, ordinal int) {
	t.Helper()
	data := filepath.Join(b.dir, fmt.Sprintf("data-%d", ordinal))
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	b.write(t, b.configFile(ordinal), []byte(b.config(t, ordinal, data)))
	program := Program(t)
	if b.logs[ordinal] == nil {
		b.logs[ordinal] = &serverLog{}
	}
	b.running.Lock()
	p, err := b.launch(program, ordinal)
	b.processes[ordinal] = p
	b.running.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	go b.keepUp(p, program, ordinal, b.Client(t, ordinal, ""))
}

// Reseal gives the servers another seal that unseals them, from their next start on.
func (b *OpenBao) Reseal(stanza string) { b.seal = stanza }

// Log is what a server's processes have said.
func (b *OpenBao) Log(ordinal int) string { return b.logs[ordinal].String() }

func (b *OpenBao) configFile(ordinal int) string { return fmt.Sprintf("config-%d.hcl", ordinal) }

func (b *OpenBao) launch(program string, ordinal int) (*process, error) {
	args := []string{program, "server", "-config=" + filepath.Join(b.dir, b.configFile(ordinal))}
	if b.pod != "" {
		args = append([]string{"unshare", "--mount", "sh", "-ec", enter, b.pod}, args...)
	}
	b.logs[ordinal].starts()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = b.logs[ordinal], b.logs[ordinal]
	cmd.Env = append([]string{"HOME=" + b.dir, "PATH=" + os.Getenv("PATH")}, b.env...)
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
		if b.kept {
			keys = nil
		}
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
	fmt.Fprintf(&text, "listener \"tcp\" {\n address = %q\n cluster_address = %q\n tls_cert_file = %q\n tls_key_file = %q\n%s\n}\n", address, cluster, b.TrustFile, filepath.Join(b.dir, "tls.key"), b.listener)
	fmt.Fprintf(&text, "storage \"raft\" {\n path = %q\n node_id = %q\n performance_multiplier = 1\n", data, b.NodeNames[ordinal])
	for _, peer := range b.Peers {
		fmt.Fprintf(&text, " retry_join {\n leader_api_addr = %q\n leader_ca_cert_file = %q\n }\n", peer, b.TrustFile)
	}
	text.WriteString("}\n")
	text.WriteString("disable_standby_reads = true\n") // as is rendered; before 2.5 it is passed over
	return text.String() + b.seal + b.more
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

// PID is a server's process, 0 where it has none.
func (b *OpenBao) PID(ordinal int) int {
	b.running.Lock()
	defer b.running.Unlock()
	if p := b.processes[ordinal]; p != nil {
		return p.Process.Pid
	}
	return 0
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
