//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// rollupSigns takes what the tenants Job made of a tenant's keys in Git, and nothing
// else, one client's from where it was delivered, and has the rendered signer sign what
// their policies allow and refuse the rest.
func (s *installed) rollupSigns(t *testing.T) {
	s.t = t
	if restarts := kubectl(t, "", "get", "pod", "-n", s.ns, "-l", "app.kubernetes.io/name=signer", "-o", `jsonpath={.items[*].status.containerStatuses[*].restartCount}`); restarts == "" || strings.Trim(restarts, "0 ") != "" {
		t.Errorf("the signer's containers were started again: %s", restarts)
	}
	batcher := s.rollupClient(t, s.ns+"-rollup", "op-batcher", 8546)
	poster := s.rollupClient(t, s.ns, "poster", 8545)
	stranger := s.rollupClient(t, s.ns, "poster", 8545)
	settings := kubectl(t, "", "get", "configmap", "-n", s.ns+"-rollup", jobs.TenantClientSecret("acme", "op-batcher"), "-o", `jsonpath={.data.batcher\.op-batcher\.env}`)
	if want := "OP_BATCHER_SIGNER_ADDRESS=" + batcher.address + "\n"; !strings.Contains(settings, want) {
		t.Errorf("the settings of op-batcher are %s, want %s", settings, want)
	}
	stranger.apiKey = "bbr_acme_poster_" + strings.Repeat("0", 64)
	const inbox, elsewhere = "0xff00000000000000000000000000000000000901", "0xff00000000000000000000000000000000000902"
	for _, c := range []struct {
		what   string
		client *rollupClient
		to     string
		want   string
	}{
		{"by certificate, what the policy allows", batcher, inbox, `200 {"jsonrpc":"2.0","id":1,"result":"0x02`},
		{"by certificate, another recipient", batcher, elsewhere, "recipient_not_allowed"},
		{"by API key, what the policy allows", poster, elsewhere, `200 {"jsonrpc":"2.0","id":1,"result":"0x02`},
		{"by API key, another recipient", poster, inbox, "recipient_not_allowed"},
		{"by another API key", stranger, elsewhere, "401 "},
	} {
		eventually(t, time.Minute, c.what, func() error {
			got, err := c.client.sign(c.to)
			if err == nil && !strings.Contains(got, c.want) {
				err = fmt.Errorf("got %s, want %s", got, c.want)
			}
			return err
		})
	}
	s.refused("acme's admin", s.withKey("acme", "admin", "tenant-acme"), "bao delete secp256k1/keys/batcher", "permission denied")
}

// rollupClient is a rollup's program with what its Secret in a namespace holds.
type rollupClient struct {
	http                 *http.Client
	url, address, apiKey string
}

func (s *installed) rollupClient(t *testing.T, namespace, name string, port int) *rollupClient {
	t.Helper()
	secret := secretData(t, namespace, jobs.TenantClientSecret("acme", name))
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(secret["ca.crt"]) {
		t.Fatalf("%s: ca.crt holds no certificate", name)
	}
	config := &tls.Config{RootCAs: roots, ServerName: jobs.SignerName + "." + s.ns + ".svc"}
	if len(secret["tls.crt"]) > 0 {
		pair, err := tls.X509KeyPair(secret["tls.crt"], secret["tls.key"])
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	var addresses map[string]string
	if err := json.Unmarshal(secret["addresses"], &addresses); err != nil || len(addresses) != 1 {
		t.Fatalf("%s: addresses %s: %v", name, secret["addresses"], err)
	}
	c := &rollupClient{http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: config}}, apiKey: string(secret["api-key"])}
	for _, address := range addresses {
		c.address = address
	}
	pods := strings.Fields(kubectl(t, "", "get", "pods", "-n", s.ns, "-l", "app.kubernetes.io/component=signer", "-o", "jsonpath={.items[*].metadata.name}"))
	c.url = strings.Replace(forward(t, s.ns, pods[0], port), "http:", "https:", 1)
	return c
}

// sign asks for a transaction to an address, and returns the status and the answer.
func (c *rollupClient) sign(to string) (string, error) {
	request, err := http.NewRequest(http.MethodPost, c.url, strings.NewReader(fmt.Sprintf(
		`{"jsonrpc": "2.0", "id": 1, "method": "eth_signTransaction", "params": [{"from": %q, "to": %q, "chainId": "0x385", "nonce": "0x1", "gas": "0x5208", "maxFeePerGas": "0x3b9aca00", "maxPriorityFeePerGas": "0x1", "value": "0x0", "input": "0x"}]}`,
		c.address, to)))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.apiKey != "" {
		request.Header.Set("X-API-Key", c.apiKey)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, text), err
}
