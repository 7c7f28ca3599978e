package tenants_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/tenants"
)

// mailServer is a real SMTP server that takes mail from one user.
type mailServer struct {
	config jobs.SMTPConfig
	mutex  sync.Mutex
	mails  []received
}

type received struct {
	from, to string
	text     string
	tls      bool
}

const mailPassword = "the relay's password"

// newMailServer listens; a server without TLS takes mail from anybody.
func newMailServer(t *testing.T, encrypted v1.SMTPTLS) *mailServer {
	t.Helper()
	m := &mailServer{}
	server := smtp.NewServer(m)
	server.Domain = "localhost"
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m.config = jobs.SMTPConfig{
		Host: "localhost", Port: listener.Addr().(*net.TCPAddr).Port, TLS: encrypted, From: "keys@example.com", Dir: dir, Targets: []string{"localhost"},
	}
	if encrypted == v1.SMTPPlain {
		go func() { _ = server.Serve(listener) }()
	} else {
		certificate, authority := certificateOf(t)
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		m.config.Login, m.config.CACert = true, true
		for name, text := range map[string]string{jobs.SMTPCACert: authority, jobs.SMTPUsername: "relay", jobs.SMTPPassword: mailPassword + "\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if encrypted == v1.SMTPImplicit {
			listener = tls.NewListener(listener, server.TLSConfig)
		}
		go func() { _ = server.Serve(listener) }()
	}
	t.Cleanup(func() { _ = server.Close() })
	return m
}

func (m *mailServer) all() []received {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return append([]received(nil), m.mails...)
}

// NewSession is called by the server for each connection.
func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: m, conn: c, known: !m.config.Login}, nil
}

type session struct {
	server *mailServer
	conn   *smtp.Conn
	known  bool
	mail   received
}

func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "relay" || password != mailPassword {
			return errors.New("nobody knows you")
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	s.mail.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, s.mail.tls = s.conn.TLSConnectionState()
	s.mail.text = string(text)
	s.server.mutex.Lock()
	defer s.server.mutex.Unlock()
	s.server.mails = append(s.server.mails, s.mail)
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

func certificateOf(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func minted() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{UID: "0d7a0d5e-0000-4000-8000-000000000000"},
		Data: map[string][]byte{
			"username": []byte("admin"), "password": []byte("MINTEDPASSWORD"), "namespace": []byte("tenant-acme"), "address": []byte("https://vault.example.com"),
		},
	}
}

var recipient = jobs.Tenant{Name: "acme", DisplayName: "Acme\r\nBcc: all@example.com", Admin: jobs.TenantAdmin{Email: "admin@acme.example"}}

func TestMailIsSentInEachWay(t *testing.T) {
	for _, encrypted := range []v1.SMTPTLS{v1.SMTPStartTLS, v1.SMTPImplicit, v1.SMTPPlain} {
		t.Run(string(encrypted), func(t *testing.T) {
			server := newMailServer(t, encrypted)
			for range 2 {
				if err := tenants.Send(t.Context(), tenants.Dialer(server.config), server.config, recipient, minted(), "production"); err != nil {
					t.Fatal(err)
				}
			}
			mails := server.all()
			if len(mails) != 2 {
				t.Fatalf("%d mails were taken", len(mails))
			}
			got := mails[0]
			if got.from != "keys@example.com" || got.to != "admin@acme.example" || got.tls != (encrypted != v1.SMTPPlain) {
				t.Errorf("from %s to %s, encrypted: %v", got.from, got.to, got.tls)
			}
			message, err := mail.ReadMessage(strings.NewReader(got.text))
			if err != nil {
				t.Fatal(err)
			}
			if message.Header.Get("Bcc") != "" {
				t.Error("a tenant's name makes a header")
			}
			if !strings.Contains(got.text, "Password:  MINTEDPASSWORD") {
				t.Errorf("the password is not in\n%s", got.text)
			}
			again, err := mail.ReadMessage(strings.NewReader(mails[1].text))
			if err != nil {
				t.Fatal(err)
			}
			if id := message.Header.Get("Message-ID"); id == "" || id != again.Header.Get("Message-ID") {
				t.Errorf("the same mail has the IDs %q and %q", id, again.Header.Get("Message-ID"))
			}
		})
	}
}

func TestMailIsNotSentInTheClearUnlessThatIsSaid(t *testing.T) {
	server := newMailServer(t, v1.SMTPPlain)
	server.config.TLS = v1.SMTPStartTLS
	err := tenants.Send(t.Context(), tenants.Dialer(server.config), server.config, recipient, minted(), "production")
	if err == nil || len(server.all()) > 0 {
		t.Errorf("sent: %v", err)
	}
}

func TestAFailureToMailTellsNoPassword(t *testing.T) {
	server := newMailServer(t, v1.SMTPStartTLS)
	if err := os.WriteFile(filepath.Join(server.config.Dir, jobs.SMTPPassword), []byte("another password"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := tenants.Send(t.Context(), tenants.Dialer(server.config), server.config, recipient, minted(), "production")
	if err == nil || strings.Contains(err.Error(), "another password") || strings.Contains(err.Error(), "MINTEDPASSWORD") {
		t.Errorf("got %v", err)
	}
}
