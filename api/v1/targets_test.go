package v1

import (
	"slices"
	"strings"
	"testing"
)

// Whatever leads into the cluster is refused, however it is written; what is
// public, or listed, is not.
func TestWebhooksAndMailStayOutOfTheCluster(t *testing.T) {
	for host, refused := range map[string]bool{
		"hooks.example.com": false, "example.com.": false, "8.8.8.8": false, "2606:4700::1111": false, "svc.example.com": false,
		"localhost": true, "LOCALHOST": true, "api": true, "banhbaoring-openbao-active": true,
		"banhbaoring-api.banhbaoring.svc": true, "a.b.svc.cluster.local": true, "a.b.svc.cluster.local.": true,
		"banhbaoring-openbao-active.kube-system": true, "kubernetes.default": true, "10-0-0-1.default.pod": true, "a.xn--p1ai": false,
		"metadata.google.internal": true, "printer.local": true, "router.lan": true,
		"127.0.0.1": true, "127.1": true, "2130706433": true, "0x7f000001": true, "0177.0.0.1": true, "0.0.0.0": true,
		"10.1.2.3": true, "172.16.0.1": true, "172.32.0.1": false, "192.168.1.1": true, "100.64.0.1": true, "169.254.169.254": true,
		"198.18.0.1": true, "224.0.0.1": true, "255.255.255.255": true,
		"::1": true, "::": true, "::ffff:169.254.169.254": true, "fe80::1%eth0": true, "fd00:ec2::254": true, "ff02::1": true, "fec0::1": true,
		"::169.254.169.254": true, "::ffff:0:169.254.169.254": true, "64:ff9b::a9fe:a9fe": true, "64:ff9b:1::10.0.0.1": true, "2002:a9fe:a9fe::1": true,
		"64:ff9b::8.8.8.8": false, "2001::1": true, "2001:4860:4860::8888": false, "192.88.99.1": true, "168.63.129.16": true, "2002:808:808::1": false,
		"169.254.169.２５４": true, "metadata.google.ⓘnternal": true, "metadata。google。internal": true, "xn--bcher-kva.example.com": false,
	} {
		if got := inside(host) != ""; got != refused {
			t.Errorf("%s: refused %v, want %v (%s)", host, got, refused, inside(host))
		}
	}
	targets := []string{"smtp.mail.svc", "10.1.0.0/16"}
	for host, want := range map[string]bool{"smtp.mail.svc": true, "SMTP.mail.svc.": true, "10.1.2.3": true, "10.2.0.1": false, "other.mail.svc": false} {
		if got := listed(host, targets); got != want {
			t.Errorf("%s listed: %v, want %v", host, got, want)
		}
	}
}

func TestPrivateTargetsAndMail(t *testing.T) {
	const hint = "; hint: list the host, or a range that holds its address, in networking.privateTargets of the cluster, if that is meant"
	testChanges(t, func() *BanhBaoRingCluster { return &BanhBaoRingCluster{} }, validCluster, []change{
		{"a mail server is outside", spec(`email: {smtp: {host: smtp.example.com}}`), nil},
		{"a mail server inside is refused", spec(`email: {smtp: {host: smtp.mail.svc}}`), []string{
			"spec.email.smtp.host: must not lead into the cluster or its network: the host is a name inside the cluster or its network" + hint,
		}},
		{"one that is listed is not", spec("email: {smtp: {host: smtp.mail.svc}}\nnetworking: {privateTargets: [smtp.mail.svc]}"), nil},
		{"links are never listed", spec(`networking: {privateTargets: [169.254.169.254/32, "0.0.0.0/0"]}`), []string{
			"spec.networking.privateTargets[0]: must not hold link-local addresses, where clouds hand out credentials (got 169.254.169.254/32)",
			"spec.networking.privateTargets[1]: must not hold link-local addresses, where clouds hand out credentials (got 0.0.0.0/0)",
		}},
		{"a target is a name or a range", spec(`networking: {privateTargets: ["https://a"]}`), []string{
			"spec.networking.privateTargets[0]: must be a range of addresses, such as 10.0.0.0/8 (got https://a)",
		}},
	})
}

// The stack denies by default in its namespace: what others run there would be
// cut off.
func TestNamespacesOfOthersAreRefused(t *testing.T) {
	refused := func(namespace string) string {
		c := decode(t, &BanhBaoRingCluster{}, validCluster, "metadata: {namespace: "+namespace+"}")
		return strings.Join(printed(c.Validate()), "\n")
	}
	for _, namespace := range []string{"kube-system", "kube-public", "kube-anything", "default", "argocd", "flux-system", "cert-manager", "ingress-nginx", "istio-system", "openshift-monitoring"} {
		if want := "metadata.namespace: must be a namespace of the stack's own: its policies would cut off what runs there (got " + namespace + "); hint: write banhbaoring"; refused(namespace) != want {
			t.Errorf("%s: %s", namespace, refused(namespace))
		}
	}
	for _, namespace := range []string{"banhbaoring", "keys", "kubernetes", "argocd-keys"} {
		if got := refused(namespace); got != "" {
			t.Errorf("%s", got)
		}
	}
	warned := decode(t, &BanhBaoRingCluster{}, validCluster, "metadata: {namespace: monitoring}").Warnings()
	if !slices.ContainsFunc(printed(warned), func(w string) bool {
		return strings.HasPrefix(w, "metadata.namespace: should be a namespace that nothing else uses")
	}) {
		t.Errorf("%v", printed(warned))
	}
}
