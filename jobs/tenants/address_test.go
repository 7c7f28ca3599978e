package tenants_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs/tenants"
)

// rebinding is a resolver whose every name is at the addresses that it is given, one
// after the other.
func rebinding(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	var asked atomic.Int64
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(packet)
			if err != nil {
				return
			}
			var query dnsmessage.Message
			if query.Unpack(packet[:n]) != nil {
				continue
			}
			query.Response, query.Additionals = true, nil
			if q := query.Questions[0]; q.Type == dnsmessage.TypeA {
				i := min(int(asked.Add(1)), len(addresses)) - 1
				query.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addresses[i]).As4()},
				}}
			}
			if answer, err := query.Pack(); err == nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// A mail server has a public name. What counts is where that leads when it is
// dialled: an address inside gets neither a password nor a connection.
func TestMailDoesNotFollowANameInside(t *testing.T) {
	for _, encrypted := range []v1.SMTPTLS{v1.SMTPStartTLS, v1.SMTPImplicit, v1.SMTPPlain} {
		server := newMailServer(t, encrypted)
		server.config.Host = "smtp.example.com"
		for name, c := range map[string]struct {
			targets []string
			at      string
			want    string // of the error; none where the connection is let through
		}{
			"loopback":                      {nil, "127.0.0.1", "smtp.example.com is at 127.0.0.1, an address of this host or of a private network"},
			"metadata":                      {nil, "169.254.169.254", "an address of a link, where clouds hand out credentials"},
			"metadata, though it is listed": {[]string{"smtp.example.com"}, "169.254.169.254", "an address of a link"},
			"a private network":             {[]string{"10.2.0.0/16"}, "10.1.0.1", "in networking.privateTargets"},
		} {
			config := server.config
			config.Targets = c.targets
			d := tenants.Dialer(config)
			d.Resolver = rebinding(t, c.at)
			err := tenants.Send(t.Context(), d, config, recipient, minted(), "production")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: %v", encrypted, name, err)
			}
		}
		if mails := server.all(); len(mails) > 0 {
			t.Errorf("%s: %d mails were sent", encrypted, len(mails))
		}
	}
}

// The range that is listed holds for the address, whatever the name is.
func TestMailFollowsANameToWhatIsListed(t *testing.T) {
	server := newMailServer(t, v1.SMTPPlain)
	server.config.Host, server.config.Targets = "smtp.example.com", []string{"127.0.0.0/8"}
	d := tenants.Dialer(server.config)
	d.Resolver = rebinding(t, "127.0.0.1")
	if err := tenants.Send(t.Context(), d, server.config, recipient, minted(), "production"); err != nil || len(server.all()) != 1 {
		t.Errorf("%v, %d mails", err, len(server.all()))
	}
}

// A name that leads outside first and inside then is refused when it is dialled
// again: nothing is remembered of the first time.
func TestANameIsCheckedWheneverItIsDialled(t *testing.T) {
	server := newMailServer(t, v1.SMTPPlain)
	server.config.Host, server.config.Targets = "smtp.example.com", []string{"127.0.0.2/32"}
	d := tenants.Dialer(server.config)
	d.Resolver = rebinding(t, "127.0.0.2", "127.0.0.1")
	first := tenants.Send(t.Context(), d, server.config, recipient, minted(), "production")
	if first != nil && strings.Contains(first.Error(), "private network") {
		t.Errorf("the first address is listed: %v", first)
	}
	second := tenants.Send(t.Context(), d, server.config, recipient, minted(), "production")
	if second == nil || !strings.Contains(second.Error(), "smtp.example.com is at 127.0.0.1") {
		t.Errorf("the second time: %v", second)
	}
}
