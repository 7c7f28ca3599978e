package v1

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// PrivateRanges are the addresses that are not the Internet's: this host, private
// networks, carriers' shared ones, links, where clouds keep their metadata, and
// what is for several receivers or for none. Source: IANA's registries of
// special-purpose addresses.
var PrivateRanges = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
	"::/127", "fc00::/7", "fe80::/10", "ff00::/8",
}

var privateRanges = func() []netip.Prefix {
	ranges := make([]netip.Prefix, len(PrivateRanges))
	for i, text := range PrivateRanges {
		ranges[i] = netip.MustParsePrefix(text)
	}
	return ranges
}()

// embeddings are ranges of IPv6 whose addresses lead to one of IPv4, and at which
// byte that stands: IPv4-compatible and -translated ones, those of NAT64 and of 6to4.
// Sources: RFC 4291, 2765, 6052 and 3056.
var embeddings = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12}, {netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, {netip.MustParsePrefix("2002::/16"), 2},
}

// IsPrivate reports whether an address is none of the Internet's, or leads to one
// that is not.
func IsPrivate(address netip.Addr) bool {
	address = address.WithZone("").Unmap()
	within := func(r netip.Prefix) bool { return r.Contains(address) }
	if slices.ContainsFunc(privateRanges, within) || slices.ContainsFunc(localRanges, within) {
		return true
	}
	inner, embedded := embeddedIn(address)
	return embedded && IsPrivate(inner)
}

// embeddedIn is the address of IPv4 that one of IPv6 leads to.
func embeddedIn(address netip.Addr) (inner netip.Addr, ok bool) {
	for _, e := range embeddings {
		if bytes := address.AsSlice(); e.prefix.Contains(address) {
			return netip.AddrFromSlice(bytes[e.at : e.at+4])
		}
	}
	return inner, false
}

// localRanges are private to a site beside those that policies name: what was so
// once and is to some routers still, a network's own NAT64, relays that lead to
// addresses of IPv4, and Azure's own service on each host. Sources: RFC 3879, 8215,
// 4380 and 7526, and Azure's documentation of 168.63.129.16.
var localRanges = []netip.Prefix{
	netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("168.63.129.16/32"),
}

// insideNames end the names that a cluster, a host or a network gives to its own.
var insideNames = []string{"localhost", "local", "internal", "svc", "cluster.local", "localdomain", "lan", "home.arpa"}

// insideNamespaces are namespaces that every cluster has, and what ends pods' names.
var insideNamespaces = []string{"default", "pod"}

// inside says why a host of a URL or of a mail server is none of the Internet's,
// as far as its name tells; where it is one, nothing. A name that DNS resolves to
// such an address is for NetworkPolicies and for whoever dials to refuse.
func inside(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if address, err := netip.ParseAddr(host); err == nil {
		if IsPrivate(address) {
			return "an address of this host, of a private network or of a link"
		}
		return ""
	}
	last := host[strings.LastIndex(host, ".")+1:]
	switch {
	case strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }):
		return "a name in letters that some programs read as others: write it as DNS has it, xn--…"
	case last != "" && last[0] >= '0' && last[0] <= '9':
		return "a number that some programs read as an address"
	case !strings.Contains(host, "."):
		return "a name without a dot, which is looked up in the cluster first"
	}
	// The names of Services, <service>.<namespace>: no top-level domain has a hyphen,
	// but for the encoded ones.
	if slices.Contains(insideNamespaces, last) || strings.Contains(last, "-") && !strings.HasPrefix(last, "xn--") {
		return "a name inside the cluster, which ends in a namespace"
	}
	for _, name := range insideNames {
		if strings.HasSuffix(host, "."+name) {
			return "a name inside the cluster or its network"
		}
	}
	return ""
}

// listed reports whether targets, names and ranges of addresses, hold a host.
func listed(host string, targets []string) bool {
	address, err := netip.ParseAddr(host)
	return slices.ContainsFunc(targets, func(target string) bool {
		prefix, notRange := netip.ParsePrefix(target)
		if notRange != nil {
			return strings.EqualFold(strings.TrimSuffix(target, "."), strings.TrimSuffix(host, "."))
		}
		return err == nil && prefix.Contains(address.WithZone("").Unmap())
	})
}

// CheckAddress refuses an address that a host's name has led to: what a spec says of
// the name holds for the address that is dialled, whenever DNS says another one.
// Addresses of links are refused to everybody; those inside, unless targets list the
// host, or a range that holds the address.
func CheckAddress(host string, address netip.Addr, targets []string) error {
	address = address.WithZone("").Unmap()
	switch {
	case isLinkLocal(address):
		return fmt.Errorf("%s is at %s, an address of a link, where clouds hand out credentials", host, address)
	case !IsPrivate(address), listed(host, targets), listed(address.String(), targets):
		return nil
	}
	return fmt.Errorf("%s is at %s, an address of this host or of a private network: hint: list the host, or a range that holds the address, in networking.privateTargets of the cluster, if that is meant", host, address)
}

func isLinkLocal(address netip.Addr) bool {
	inner, embedded := embeddedIn(address)
	return address.IsLinkLocalUnicast() || embedded && inner.IsLinkLocalUnicast()
}

// validateTarget refuses a host inside, unless it is listed.
func validateTarget(at *field.Path, host string, targets []string) field.ErrorList {
	why := ""
	if host != "" && !listed(host, targets) {
		why = inside(host)
	}
	return forbidden(at, why != "", "must not lead into the cluster or its network: the host is "+why+"\nhint: list the host, or a range that holds its address, in networking.privateTargets of the cluster, if that is meant")
}

// validatePrivateTarget checks an element of networking.privateTargets.
func validatePrivateTarget(at *field.Path, target string) field.ErrorList {
	if strings.Contains(target, "/") {
		prefix, err := netip.ParsePrefix(target)
		return append(validateCIDR(at, target), check(at, target, err != nil || !metadataMeets(prefix), "must not hold link-local addresses, where clouds hand out credentials")...)
	}
	return check(at, target, isDomain(target), "must be a host's name, such as smtp.example.svc, or a range of addresses, such as 10.1.2.0/24")
}

func metadataMeets(p netip.Prefix) bool {
	return p.Overlaps(netip.MustParsePrefix("169.254.0.0/16")) || p.Overlaps(netip.MustParsePrefix("fe80::/10"))
}

// ValidateWith finds the faults of a tenant that its cluster makes: Secrets that
// are the cluster's, and webhooks that lead inside.
func (t *BanhBaoRingTenant) ValidateWith(c *BanhBaoRingCluster, others ...SecretUser) field.ErrorList {
	taken := map[string]bool{}
	for _, s := range ProvidedSecrets(append(others, c)...) {
		taken[s.Name] = true
	}
	for _, s := range c.Spec.ImagePullSecrets {
		taken[s.Name] = true
	}
	taken[c.Spec.OpenBao.TLS.SecretName] = true
	own := func(at *field.Path, ref *SecretKeyRef) field.ErrorList {
		return forbidden(at, ref != nil && ref.SecretName != "" && taken[ref.SecretName],
			"must not be a Secret that the cluster, a backup or a restore uses\nhint: give the tenant a Secret of its own")
	}
	at := field.NewPath("spec")
	webhooks := at.Child("settings", "webhooks")
	return append(own(at.Child("admin", "password"), t.Spec.Admin.Password),
		each(webhooks, t.Spec.Settings.Webhooks, func(at *field.Path, w Webhook) field.ErrorList {
			faults := append(own(at.Child("secret"), w.Secret), own(at.Child("caCert"), w.CACert)...)
			if u, err := url.Parse(w.URL); err == nil {
				faults = append(faults, validateTarget(at.Child("url"), u.Hostname(), c.Spec.Networking.PrivateTargets)...)
				faults = append(faults, forbidden(at.Child("url"), c.Namespace != "" && strings.HasSuffix(strings.ToLower(u.Hostname()), "."+c.Namespace) && !listed(u.Hostname(), c.Spec.Networking.PrivateTargets),
					"must not lead into the cluster: the host ends in its namespace")...)
			}
			return faults
		})...)
}

// SecretNames are the Secrets that a tenant's document names.
func (t *BanhBaoRingTenant) SecretNames() []string {
	refs := []*SecretKeyRef{t.Spec.Admin.Password}
	for _, w := range t.Spec.Settings.Webhooks {
		refs = append(refs, w.Secret, w.CACert)
	}
	var names []string
	for _, ref := range refs {
		if ref != nil && ref.SecretName != "" {
			names = append(names, ref.SecretName)
		}
	}
	return names
}

// ValidateBeside finds the faults of a tenant that the other tenants of its cluster
// make: a webhook signs with its secret what its receiver knows, so that a password
// in that place could be guessed there.
func (t *BanhBaoRingTenant) ValidateBeside(tenants []*BanhBaoRingTenant) field.ErrorList {
	passwords := map[string]bool{}
	for _, other := range tenants {
		if ref := other.Spec.Admin.Password; ref != nil {
			passwords[ref.SecretName] = true
		}
	}
	return each(field.NewPath("spec", "settings", "webhooks"), t.Spec.Settings.Webhooks, func(at *field.Path, w Webhook) field.ErrorList {
		return forbidden(at.Child("secret"), w.Secret != nil && w.Secret.SecretName != "" && passwords[w.Secret.SecretName],
			"must not be the Secret of a tenant's password: whoever the webhook calls could guess it\nhint: give the webhook a Secret of its own")
	})
}
