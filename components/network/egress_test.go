package network_test

import (
	"net/netip"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/banhbaoring/banhbaoring/components/network"
	"github.com/banhbaoring/banhbaoring/golden"
)

// lets reports whether peers hold an address, and whether any of them are pods.
func lets(peers []networkingv1.NetworkPolicyPeer, ip string) (held, pods bool) {
	address := netip.MustParseAddr(ip)
	in := func(cidr string) bool { return netip.MustParsePrefix(cidr).Contains(address) }
	for _, p := range peers {
		if p.IPBlock == nil {
			pods = true
		} else if in(p.IPBlock.CIDR) && !slices.ContainsFunc(p.IPBlock.Except, in) {
			held = true
		}
	}
	return held || len(peers) == 0, pods
}

// A taken-over API finds no cloud's credentials behind any edge that leads out,
// and neither does anything else but what has its identity from there.
func TestNothingButCloudIdentityLeavesForLinkLocalAddresses(t *testing.T) {
	edges := network.Edges(golden.Stack(t, `
database: {managed: false, connectionString: {secretName: db, key: url}}
redis: {managed: false, connectionString: {secretName: cache, key: url}}
api: {oauth: {github: {clientId: {secretName: g, key: a}, clientSecret: {secretName: g, key: b}}}}
monitoring: {alerting: {enabled: true, slack: {webhookUrl: {secretName: slack, key: url}}}}
backup: {enabled: true, destination: {s3: {bucket: backups, region: eu-west-1}}}
billing: {stripe: {enabled: true, secretKeyRef: {secretName: s, key: k}}}
email: {smtp: {host: smtp.example.com}}
openbao: {autoUnseal: {provider: awskms, keyId: a, region: b}}
`))
	seen := map[string]bool{}
	for _, e := range edges {
		if e.To.Inside() || slices.Contains([]string{"dns", "apiserver", "hosts", "metadata", "bucket-metadata"}, e.To.Name) {
			continue
		}
		seen[e.To.Name] = true
		for _, ip := range []string{"169.254.169.254", "169.254.170.23", "fe80::1", "fd00:ec2::254"} {
			if held, _ := lets(e.To.Peers, ip); held {
				t.Errorf("%s may connect to %s (%s)", e.From.Name, ip, e.To.Name)
			}
		}
	}
	for _, name := range []string{"external-database", "external-redis", "stripe", "oauth", "smtp", "kms", "bucket"} {
		if !seen[name] {
			t.Errorf("no edge leads to %s", name)
		}
	}
}

func TestEgressIsAsNarrowAsWhatIsKnown(t *testing.T) {
	for _, c := range []struct {
		name, spec, to string
		in, out        string // addresses that may be connected to, and that may not
		pods           bool
	}{
		{"Google's KMS is public", `openbao: {autoUnseal: {provider: gcpkms, project: p, keyRing: r, cryptoKey: k}}`, "kms", "142.250.1.1", "10.1.2.3", false},
		{"AWS's may be private, and is no pod", `openbao: {autoUnseal: {provider: awskms, keyId: a, region: b}}`, "kms", "10.1.2.3", "169.254.169.254", false},
		{"the spec says where the KMS is", "openbao: {autoUnseal: {provider: awskms, keyId: a, region: b}}\nnetworking: {kmsCIDRs: [10.1.0.0/16]}", "kms", "10.1.2.3", "10.2.2.3", false},
		{"the other OpenBao is an address", `openbao: {autoUnseal: {provider: transit, address: "https://10.9.9.9:8200", keyName: k, token: {secretName: t, key: k}}}`, "transit", "10.9.9.9", "10.9.9.8", false},
		{"the spec says where the bucket is", "backup: {enabled: true, destination: {s3: {bucket: backups, region: r}}}\nnetworking: {bucketCIDRs: [192.0.2.0/24]}", "bucket", "192.0.2.1", "198.51.100.1", false},
		{"mail goes to the Internet", `email: {smtp: {host: smtp.example.com}}`, "smtp", "192.0.2.1", "10.1.2.3", false},
		{"mail goes where the spec lists", "email: {smtp: {host: smtp.example.com}}\nnetworking: {privateTargets: [10.1.2.0/24]}", "smtp", "10.1.2.3", "10.1.3.3", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := false
			for _, e := range network.Edges(golden.Stack(t, c.spec)) {
				if e.To.Name != c.to {
					continue
				}
				found = true
				in, pods := lets(e.To.Peers, c.in)
				out, _ := lets(e.To.Peers, c.out)
				if !in || out || pods != c.pods {
					t.Errorf("%s: %t, %s: %t, pods: %t", c.in, in, c.out, out, pods)
				}
			}
			if !found {
				t.Error("there is no such edge")
			}
		})
	}
	t.Run("a Service of a namespace is that namespace's pods", func(t *testing.T) {
		for _, e := range network.Edges(golden.Stack(t, `backup: {enabled: true, destination: {s3: {bucket: backups, endpoint: "http://minio.storage.svc:9000", credentials: {secretName: s3}}}}`)) {
			if e.To.Name == "bucket" && (len(e.To.Peers) != 1 || e.To.Peers[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != "storage") {
				t.Errorf("%+v", e.To.Peers)
			}
		}
	})
}
