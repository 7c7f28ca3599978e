package tenants

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/wneessen/go-mail"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

//go:embed mail.txt
var mailText string

var mailTemplate = template.Must(template.New("mail").Parse(mailText))

// mail mails a password that was minted, once: the Secret remembers it. A run
// that is killed in between mails it again under the same Message-ID, by which
// a mailbox knows that it has it.
func (w *work) mail(ctx context.Context, t jobs.Tenant, o *outcome) error {
	if w.config.SMTP == nil || t.Admin.Secret != nil {
		return nil
	}
	secret, err := w.own(ctx, t.Name, jobs.TenantAdminSecret(t.Name))
	if err != nil || secret == nil || secret.Annotations[annotationMailed] != "" {
		return err
	}
	o.Changed = true
	if down := w.mailDown.Load(); down != nil {
		return *down
	}
	if err := send(ctx, dialer(*w.config.SMTP), *w.config.SMTP, t, secret, w.config.Cluster); err != nil {
		err = fmt.Errorf("mail to the admin: %w", err)
		if run.CanPass(err) { // the network's, or the server's
			w.mailDown.Store(&err)
		}
		return err
	}
	w.Log.Info("mailed the admin's password", "tenant", t.Name)
	secret, err = w.keep(ctx, secret, t.Name, secret.Name, nil, map[string]string{annotationMailed: time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	// The Secret's version is another one, and its password the same.
	return w.record(ctx, t.Namespace, map[string]any{metaAdmin: version(secret)})
}

// dialer connects to a mail server, by the address that its name has when it is
// dialled: that is checked, as a name may have had another when the spec was read.
// Its resolver is the host's, but in tests.
func dialer(c jobs.SMTPConfig) *net.Dialer {
	return &net.Dialer{Control: func(_, at string, _ syscall.RawConn) error {
		address, err := netip.ParseAddrPort(at)
		if err != nil {
			return err
		}
		return v1.CheckAddress(c.Host, address.Addr(), c.Targets)
	}}
}

// send sends the mail, by a server that d reaches. No error of it holds what it says.
func send(ctx context.Context, d *net.Dialer, c jobs.SMTPConfig, t jobs.Tenant, secret *corev1.Secret, cluster string) error {
	message := mail.NewMsg()
	if err := errors.Join(message.From(c.From), message.To(t.Admin.Email)); err != nil {
		return err
	}
	message.Subject("Your access to " + t.DisplayName)
	message.SetMessageIDWithValue(string(secret.UID) + "@" + c.From[strings.LastIndex(c.From, "@")+1:])
	message.SetDate()
	data := map[string]string{"Tenant": t.DisplayName, "Cluster": cluster}
	for key, value := range secret.Data {
		data[key] = string(value)
	}
	if err := message.SetBodyTextTemplate(mailTemplate, data); err != nil {
		return err
	}
	client, err := mailer(c, d)
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, message)
}

func mailer(c jobs.SMTPConfig, d *net.Dialer) (*mail.Client, error) {
	config := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}
	options := []mail.Option{mail.WithPort(c.Port), mail.WithTimeout(20 * time.Second), mail.WithTLSConfig(config), mail.WithDialContextFunc(d.DialContext)}
	switch c.TLS {
	case v1.SMTPImplicit:
		// The connection is encrypted from the start: there is nothing to ask for.
		options = append(options, mail.WithDialContextFunc((&tls.Dialer{NetDialer: d, Config: config}).DialContext), mail.WithTLSPolicy(mail.TLSOpportunistic))
	case v1.SMTPPlain:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if c.CACert {
		pem, err := os.ReadFile(filepath.Join(c.Dir, jobs.SMTPCACert))
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("the mail server's authority is no certificate")
		}
		config.RootCAs = roots
	}
	if c.Login {
		username, err := os.ReadFile(filepath.Join(c.Dir, jobs.SMTPUsername))
		if err != nil {
			return nil, err
		}
		password, err := os.ReadFile(filepath.Join(c.Dir, jobs.SMTPPassword))
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(strings.TrimSpace(string(username))), mail.WithPassword(strings.TrimRight(string(password), "\r\n")))
	}
	return mail.NewClient(c.Host, options...)
}
