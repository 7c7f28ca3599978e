package network

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

// linkLocal are the addresses of links, and those where clouds hand out a node's
// credentials.
var linkLocal = []string{"169.254.0.0/16", "fe80::/10", "fd00:ec2::/32"}

// allBut are all addresses but some ranges.
func allBut(ranges []string) []networkingv1.NetworkPolicyPeer {
	var four, six []string
	for _, cidr := range ranges {
		if netip.MustParsePrefix(cidr).Addr().Is4() {
			four = append(four, cidr)
		} else {
			six = append(six, cidr)
		}
	}
	return []networkingv1.NetworkPolicyPeer{
		{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: four}},
		{IPBlock: &networkingv1.IPBlock{CIDR: "::/0", Except: six}},
	}
}

// internet are all public addresses.
func internet() []networkingv1.NetworkPolicyPeer { return allBut(v1.PrivateRanges) }

// anyButLinks is anything but link-local addresses. Some networks know pods by
// their identity and hold no range to include them.
func anyButLinks() []networkingv1.NetworkPolicyPeer {
	return append(allBut(linkLocal), networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{}})
}

// targets are where webhooks and mail may go: the Internet, and what is listed.
func targets(private []string) []networkingv1.NetworkPolicyPeer {
	peers := internet()
	for _, target := range private {
		if _, err := netip.ParsePrefix(target); err != nil { // a name, which may be anywhere
			return anyButLinks()
		}
		peers = append(peers, ranges(target)...)
	}
	return peers
}

// kmsPeers are where a provider's key management service is. Google's has public
// addresses; those of the others may be private, but no pod is.
func kmsPeers(c *v1.BanhBaoRingClusterSpec) []networkingv1.NetworkPolicyPeer {
	unseal := c.OpenBao.AutoUnseal
	switch {
	case len(c.Networking.KMSCIDRs) > 0 || unseal.Endpoint != "":
		return given(c.Networking.KMSCIDRs, unseal.Endpoint)
	case unseal.Provider == v1.ProviderGCPKMS:
		return internet()
	}
	return allBut(linkLocal)
}

// given are the ranges that the spec gives, or else where its URLs lead: an
// address, the pods of the namespace of a Service, or anywhere but to a link.
func given(cidrs []string, urls ...string) []networkingv1.NetworkPolicyPeer {
	if len(cidrs) > 0 {
		return ranges(cidrs...)
	}
	var peers []networkingv1.NetworkPolicyPeer
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			return anyButLinks()
		}
		labels := strings.Split(u.Hostname(), ".")
		address, err := netip.ParseAddr(u.Hostname())
		switch {
		case err == nil:
			peers = append(peers, ranges(netip.PrefixFrom(address, address.BitLen()).String())...)
		case len(labels) >= 3 && labels[2] == "svc":
			peers = append(peers, networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": labels[1]},
			}})
		default:
			return anyButLinks()
		}
	}
	return peers
}

// endpoints are the URLs of the services that keep backups; a cloud's own has
// none.
func endpoints(s *render.Stack) []string {
	var urls []string
	for _, d := range destinations(s) {
		endpoint := ""
		if d.S3 != nil {
			endpoint = d.S3.Endpoint
		}
		if !slices.Contains(urls, endpoint) {
			urls = append(urls, endpoint)
		}
	}
	return urls
}
