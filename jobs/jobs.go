// Package jobs is the contract between manifests and Jobs: names, the types of
// their configuration, and where Secrets are mounted.
package jobs

import (
	"encoding/json"
	"fmt"
)

// The Jobs, as `banhbaoring job` names them. Keeper and RedisMeet run as
// sidecars.
const (
	Secrets   = "secrets"
	Init      = "init"
	Keeper    = "keeper"
	Peers     = "peers"
	Configure = "configure"
	Redis     = "redis"
	RedisMeet = "redis-meet"
)

// The Secrets that the stack's own parts share. A Secret that the spec names
// takes the place of the one here.
const (
	SecretCA               = "banhbaoring-ca"                // tls.crt, tls.key: read by the secrets Job alone
	SecretTrust            = "banhbaoring-trust"             // ca.crt: what clients mount
	SecretOpenBaoTLS       = "banhbaoring-openbao-tls"       // tls.crt, tls.key, ca.crt
	SecretOpenBaoSeal      = "banhbaoring-openbao-seal"      // key: the static seal's 32 bytes
	SecretOpenBaoKeys      = "banhbaoring-openbao-keys"      // unseal or recovery keys
	SecretAPIOpenBao       = "banhbaoring-api-openbao"       // token
	SecretPostgres         = "banhbaoring-postgres"          // username, password, database, url, replication-password; restore-password, restore-url
	SecretPostgresExporter = "banhbaoring-postgres-exporter" // password
	SecretPostgresTLS      = "banhbaoring-postgres-tls"      // tls.crt, tls.key, ca.crt
	SecretRedis            = "banhbaoring-redis"             // password, url
	SecretGrafana          = "banhbaoring-grafana"           // password
	SecretSignerTLS        = "banhbaoring-signer-tls"        // tls.crt, tls.key, ca.crt
	SecretSignerClients    = "banhbaoring-signer-clients"    // ca.crt: the authority of clients' certificates
)

// Where things are mounted in a Job's pod.
const (
	ConfigDir  = "/etc/banhbaoring"         // ConfigFile
	ConfigFile = "config.json"              // a Job's configuration
	TrustDir   = "/etc/banhbaoring-trust"   // ca.crt
	TokenDir   = "/var/run/secrets/openbao" // token: a service account token for OpenBao
	PluginDir  = "/plugins"                 // the secp256k1 plugin's binary, for its sha256
	KeysDir    = "/var/run/secrets/keys"    // the keeper's unseal keys
)

// The environment that a Job's pod has of itself.
const (
	NamespaceEnv = "POD_NAMESPACE"
	PodNameEnv   = "POD_NAME"
	PodUIDEnv    = "POD_UID"
)

// TokenAudience is the audience of the service account tokens that Jobs log in
// to OpenBao with.
const TokenAudience = "openbao"

// Names of OpenBao's objects.
const (
	OpenBaoName     = "banhbaoring-openbao"
	OpenBaoInternal = OpenBaoName + "-internal"
	OpenBaoActive   = OpenBaoName + "-active"
	OpenBaoPort     = 8200
)

// Names of the applications.
const (
	APIName       = "banhbaoring-api" // the control plane's API
	DashboardName = "banhbaoring-dashboard"
	SignerName    = "banhbaoring-signer"
)

// Names of Redis's objects.
const (
	RedisName     = "banhbaoring-redis"
	RedisInternal = RedisName + "-internal"
	RedisPort     = 6379
)

// RedisURL is where clients of the namespace find Redis, as its Secret has it.
const RedisURL = "redis://:{password}@" + RedisName + ":6379/0"

// RedisPasswordEnv is the variable that holds Redis's password.
const RedisPasswordEnv = "REDIS_PASSWORD"

// RedisAddress is a shard's address within the namespace.
func RedisAddress(ordinal int) string {
	return fmt.Sprintf("%s-%d.%s:%d", RedisName, ordinal, RedisInternal, RedisPort)
}

// ActiveAddress is the URL of the active node.
func ActiveAddress(namespace string) string {
	return fmt.Sprintf("https://%s.%s.svc:%d", OpenBaoActive, namespace, OpenBaoPort)
}

// PeerName is a peer's pod, and its raft node's id.
func PeerName(ordinal int) string { return fmt.Sprintf("%s-%d", OpenBaoName, ordinal) }

// PeerHost is a peer's host name within the namespace.
func PeerHost(ordinal int) string {
	return PeerName(ordinal) + "." + OpenBaoInternal
}

// PeerAddress is the URL of a peer within the namespace.
func PeerAddress(ordinal int) string {
	return fmt.Sprintf("https://%s:%d", PeerHost(ordinal), OpenBaoPort)
}

// OpenBaoDNSNames are the names that OpenBao's certificate covers: those of
// its Services, in each form that a client may write, and those of all peers,
// however many there come to be.
func OpenBaoDNSNames(namespace string) []string {
	names := []string{"localhost"}
	for _, service := range []string{OpenBaoName, OpenBaoActive, OpenBaoName + "-standby", OpenBaoInternal, "*." + OpenBaoInternal} {
		names = append(names, serviceNames(service, namespace)...)
	}
	return names
}

// serviceNames are a Service's name in each form that a client may write.
func serviceNames(service, namespace string) []string {
	return []string{service, service + "." + namespace, service + "." + namespace + ".svc", service + "." + namespace + ".svc.cluster.local"}
}

// OpenBaoIPAddresses are the addresses that OpenBao's certificate covers.
var OpenBaoIPAddresses = []string{"127.0.0.1", "::1"}

// Encode is a Job's configuration as it stands in its ConfigMap.
func Encode(config any) (map[string]string, error) {
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, err
	}
	return map[string]string{ConfigFile: string(text) + "\n"}, nil
}
