package tenants

import (
	"encoding/json"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// program is a kind of program that signs with keys, and what leads it to the signer. Its
// settings are written as <key>.<file>.
type program struct {
	file string
	// needs is the part of a key's policy without which the program has nothing to sign.
	needs    string
	settings []setting
}

// setting is one line, of a program that comes by this way; by either where it is empty.
// None holds a credential: what does is in the Secret alone.
type setting struct {
	auth  v1.ClientAuth
	name  string
	value string // {url} is the signer's, {address} the key's, {dir} jobs.ClientDir
}

// programs are those whose settings are known. Sources: op-service/signer/cli.go and
// op-service/tls/cli.go of optimism v1.19.6, arbnode/dataposter of Nitro, and
// signer/remotesignerclient of agglayer's go_signer v0.0.7, which shows no certificate.
var programs = []program{
	{"op-batcher.env", "rules", opService("OP_BATCHER")},
	{"op-proposer.env", "rules", opService("OP_PROPOSER")},
	{"op-challenger.env", "rules", opService("OP_CHALLENGER")},
	{"op-node.env", "blocks", opService("OP_NODE")},
	{"nitro-batch-poster.args", "rules", nitro("batch-poster")},
	{"nitro-staker.args", "rules", nitro("staker")},
	{"agglayer.env", "rules", []setting{{v1.AuthAPIKey, "SSL_CERT_FILE", "{dir}/ca.crt"}}},
}

// opService are the settings of the OP Stack's programs. Its TLS always wants a certificate:
// a client without one has its HTTP client's, which trusts what the file adds.
func opService(prefix string) []setting {
	prefix += "_SIGNER_"
	return []setting{
		{"", prefix + "ENDPOINT", "{url}"},
		{"", prefix + "ADDRESS", "{address}"},
		{v1.AuthMTLS, prefix + "TLS_CA", "{dir}/ca.crt"},
		{v1.AuthMTLS, prefix + "TLS_CERT", "{dir}/tls.crt"},
		{v1.AuthMTLS, prefix + "TLS_KEY", "{dir}/tls.key"},
		{v1.AuthAPIKey, prefix + "TLS_ENABLED", "false"},
		{v1.AuthAPIKey, "SSL_CERT_FILE", "{dir}/ca.crt"},
	}
}

// nitro are the settings of a part of Nitro. An API key stands in its URL, which is then not
// among them.
func nitro(part string) []setting {
	prefix := "--node." + part + ".data-poster.external-signer."
	return []setting{
		{v1.AuthMTLS, prefix + "url", "{url}"},
		{"", prefix + "address", "{address}"},
		{"", prefix + "method", "eth_signTransaction"},
		{"", prefix + "root-ca", "{dir}/ca.crt"},
		{v1.AuthMTLS, prefix + "client-cert", "{dir}/tls.crt"},
		{v1.AuthMTLS, prefix + "client-private-key", "{dir}/tls.key"},
	}
}

// settingsFor are the files of settings of a client, for each of its keys and each program
// that the key could be for.
func settingsFor(t jobs.Tenant, client jobs.KeyClient, url string, addresses map[string]string) map[string]string {
	files := map[string]string{}
	for _, key := range t.Keys {
		address := addresses[key.Name] // of the client's own keys
		if key.Type != v1.KeyEVM || address == "" {
			continue
		}
		var policy map[string]any
		_ = json.Unmarshal(key.Policy, &policy) // the engine has taken it
		filled := strings.NewReplacer("{url}", url, "{address}", address, "{dir}", jobs.ClientDir)
		for _, p := range programs {
			var text strings.Builder
			for _, s := range p.settings {
				if s.auth == "" || s.auth == client.Auth {
					text.WriteString(s.name + "=" + filled.Replace(s.value) + "\n")
				}
			}
			if policy[p.needs] != nil && text.Len() > 0 {
				files[key.Name+"."+p.file] = text.String()
			}
		}
	}
	return files
}
