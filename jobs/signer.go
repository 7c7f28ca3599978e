package jobs

import "time"

// Signer is the signer's role in OpenBao, and the name of its policy there.
const Signer = "signer"

// SignerPeriod is how long the signer's token lives after it was renewed.
const SignerPeriod = 72 * time.Hour

// SignerKeyPort is where clients with an API key come, SignerMTLSPort where those with
// a certificate do.
const (
	SignerKeyPort  = 8545
	SignerMTLSPort = 8546
)

// ClientsMount is the mount of OpenBao's pki engine that issues the certificates of the
// signer's clients, and ClientsRole the role by which it does.
const (
	ClientsMount = "pki-clients"
	ClientsRole  = "client"
)

// ClientCertificateLife is how long a client's certificate lives.
const ClientCertificateLife = 30 * 24 * time.Hour

// ClientsCA is the key of SecretSignerClients that holds that engine's authority.
const ClientsCA = "ca.crt"

// SignerDNSNames are the names that the signer's certificate covers.
func SignerDNSNames(namespace string) []string { return serviceNames(SignerName, namespace) }
