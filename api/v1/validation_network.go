package v1

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// longestHost is the longest prefix of the domain in the name of a host.
const longestHost = "grafana."

func validateDomain(at *field.Path, domain string) field.ErrorList {
	const most = validation.DNS1123SubdomainMaxLength - len(longestHost)
	if domain == "" {
		return required(at, false, "the host name of the dashboard, such as keys.example.com")
	}
	detail := "must be a host name in lower case, without scheme, port, path or trailing dot"
	if bare := bareHost(domain); isDomain(bare) {
		detail += "\nhint: write " + bare
	}
	return slices.Concat(
		check(at, domain, isDomain(domain), detail),
		check(at, domain, !isDomain(domain) || strings.Contains(domain, "."), "must have a dot, as keys.example.com has: a single word is no name that a certificate or an Ingress can be for"),
		check(at, domain, len(domain) <= most, fmt.Sprintf("must be at most %d characters, so that %s<domain> stays within %d", most, longestHost, validation.DNS1123SubdomainMaxLength)),
	)
}

// isDomain tells whether a string is a host name of any length, and no address.
func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if !labelPattern.MatchString(label) || len(label) > validation.DNS1123LabelMaxLength {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

// bareHost takes the host out of what may be a URL.
func bareHost(s string) string {
	if _, rest, found := strings.Cut(s, "://"); found {
		s = rest
	}
	if end := strings.IndexAny(s, "/?#"); end >= 0 {
		s = s[:end]
	}
	s = s[strings.LastIndex(s, "@")+1:]
	s, _, _ = strings.Cut(s, ":")
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".")
}

func (n *Networking) validate(at *field.Path) field.ErrorList {
	gateway := n.Mode == NetworkingGateway
	return slices.Concat(
		enum(at.Child("mode"), n.Mode, NetworkingIngress, NetworkingGateway),
		enum(at.Child("mesh"), n.Mesh, MeshNone, MeshIstio, MeshLinkerd),
		validateObjectName(at.Child("ingressClassName"), n.IngressClassName),
		forbidden(at.Child("ingressClassName"), gateway && n.IngressClassName != "", "is not used where mode is gateway"),
		required(at.Child("gatewayRef"), !gateway || n.GatewayRef != nil, "the Gateway that routes attach to"),
		forbidden(at.Child("gatewayRef"), n.Mode == NetworkingIngress && n.GatewayRef != nil, "is not used where mode is ingress\nhint: set mode: gateway"),
		n.GatewayRef.validate(at.Child("gatewayRef")),
		validateAnnotations(at.Child("annotations"), n.Annotations),
		each(at.Child("apiServerCIDRs"), n.APIServerCIDRs, validateCIDR),
		each(at.Child("apiServerPorts"), n.APIServerPorts, validatePort),
		unique(at.Child("apiServerPorts"), n.APIServerPorts),
		n.Proxy.validate(at.Child("proxy")),
		check(at.Child("ingressControllerNamespace"), n.IngressControllerNamespace,
			n.IngressControllerNamespace == "" || len(validation.IsDNS1123Label(n.IngressControllerNamespace)) == 0, mustBeLabel),
		each(at.Child("trustedProxies"), n.TrustedProxies, validateCIDR),
		each(at.Child("kmsCIDRs"), n.KMSCIDRs, validateCIDR),
		each(at.Child("bucketCIDRs"), n.BucketCIDRs, validateCIDR),
		each(at.Child("privateTargets"), n.PrivateTargets, validatePrivateTarget),
		enum(at.Child("openbao", "expose"), n.OpenBao.Expose, ExposeOff, ExposeSigning, ExposeAll),
	)
}

// Direct reports whether any of these addresses is connected to without a proxy.
// Those of a service that has no address in the spec are outside.
func (n *Networking) Direct(addresses ...string) bool {
	if n.Proxy == nil || len(n.Proxy.NoProxy) > 0 {
		return true
	}
	return slices.ContainsFunc(addresses, func(address string) bool {
		u, err := url.Parse(address)
		if err != nil {
			return false
		}
		host := u.Hostname()
		ip, _ := netip.ParseAddr(host)
		return host == "localhost" || ip.IsLoopback() || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".cluster.local")
	})
}

func validatePort(at *field.Path, port int32) field.ErrorList {
	return check(at, port, port >= 1 && port <= 65535, "must be 1 to 65535")
}

func (p *Proxy) validate(at *field.Path) field.ErrorList {
	if p == nil {
		return nil
	}
	return slices.Concat(
		required(at.Child("https"), p.HTTPS != "", "the URL of the proxy, such as http://proxy.example.com:3128"),
		validateProxy(at.Child("https"), p.HTTPS),
		validateProxy(at.Child("http"), p.HTTP),
		validateSecretKeyRef(at.Child("caCert"), p.CACert),
		each(at.Child("noProxy"), p.NoProxy, func(at *field.Path, host string) field.ErrorList {
			_, err := netip.ParsePrefix(host)
			_, notAddress := netip.ParseAddr(host)
			return check(at, host, err == nil || notAddress == nil || isDomain(strings.TrimPrefix(host, ".")), "must be a host, a domain or a range of addresses, without scheme, port or *")
		}),
	)
}

// validateProxy checks a proxy's URL, which is no secret: it stands in the pods'
// environment.
func validateProxy(at *field.Path, raw string) field.ErrorList {
	faults := validateURL(at, raw, "http", "https")
	if u, err := url.Parse(raw); len(faults) == 0 && err == nil && raw != "" {
		faults = forbidden(at, strings.Trim(u.Path, "/") != "" || u.RawQuery != "", "must be a scheme, a host and a port alone")
	}
	return faults
}

func (g *GatewayRef) validate(at *field.Path) field.ErrorList {
	if g == nil {
		return nil
	}
	return slices.Concat(
		validateRequiredName(at.Child("name"), g.Name),
		check(at.Child("namespace"), g.Namespace, g.Namespace == "" || len(validation.IsDNS1123Label(g.Namespace)) == 0, mustBeLabel),
		validateObjectName(at.Child("sectionName"), g.SectionName),
	)
}

func (c *Certificates) validate(at *field.Path) field.ErrorList {
	if c.Issuer == nil {
		return nil
	}
	issuer := at.Child("issuer")
	return slices.Concat(
		forbidden(issuer, !c.CertManager, "must not be given without certManager\nhint: set certManager: true"),
		validateRequiredName(issuer.Child("name"), c.Issuer.Name),
		enum(issuer.Child("kind"), c.Issuer.Kind, "Issuer", "ClusterIssuer"),
	)
}

func (e *ExternalSecrets) validate(at *field.Path) field.ErrorList {
	if e == nil {
		return nil
	}
	store := at.Child("storeRef")
	interval, err := time.ParseDuration(e.RefreshInterval)
	return slices.Concat(
		validateRequiredName(store.Child("name"), e.StoreRef.Name),
		enum(store.Child("kind"), e.StoreRef.Kind, "SecretStore", "ClusterSecretStore"),
		check(at.Child("refreshInterval"), e.RefreshInterval, e.RefreshInterval == "" || err == nil && interval >= 0, "must be a duration in hours, minutes and seconds, such as 1h or 30m"),
	)
}
