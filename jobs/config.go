package jobs

// SecretsConfig configures the secrets Job.
type SecretsConfig struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// Mint are the Secrets that are made where they are missing.
	Mint []MintSecret `json:"mint"`
	// Certificates are signed by the CA, and renewed.
	Certificates []Certificate `json:"certificates,omitempty"`
	// Trust are the Secret keys that the trust bundle is joined from.
	Trust []SecretKey `json:"trust"`
	// Reserve are Secrets that are made empty, for Jobs that may only update.
	Reserve []string `json:"reserve"`
}

// MintSecret is a Secret of random values and of values that derive from them.
type MintSecret struct {
	Name string      `json:"name"`
	Keys []MintValue `json:"keys"`
	// LostIf is a key that is there once data depends on this Secret: minting it
	// anew would hide that it is lost.
	LostIf *SecretKey `json:"lostIf,omitempty"`
	// Rotate mints key pairs anew where a person asks for it; those of before are
	// kept.
	Rotate bool `json:"rotate,omitempty"`
}

// MintValue is one key of a minted Secret: given, random or made from others.
type MintValue struct {
	Key string `json:"key"`
	// Value is text, in which {key} stands for another key's value, escaped where
	// the text is a URL.
	Value string `json:"value,omitempty"`
	// RandomBytes is the number of random bytes of a raw value.
	RandomBytes int `json:"randomBytes,omitempty"`
	// RandomText is the number of random letters and digits.
	RandomText int `json:"randomText,omitempty"`
	// Pair is the kind of a private key, and PublicOf the key whose public key this
	// is. Former is the key that keeps what a rotation replaces.
	Pair     KeyPair `json:"pair,omitempty"`
	PublicOf string  `json:"publicOf,omitempty"`
	Former   string  `json:"former,omitempty"`
}

// KeyPair is a kind of key pair.
type KeyPair string

// The kinds of key pairs that are minted.
const (
	PairSigning KeyPair = "signing" // Ed25519, for backups
	PairAge     KeyPair = "age"     // X25519, as age-keygen makes it
)

// Certificate is a certificate that the secrets Job signs.
type Certificate struct {
	Secret      string   `json:"secret"`
	CommonName  string   `json:"commonName"`
	DNSNames    []string `json:"dnsNames"`
	IPAddresses []string `json:"ipAddresses,omitempty"`
	// Labels that the Secret carries beside the Job's own.
	Labels map[string]string `json:"labels,omitempty"`
}

// SecretKey is one key of a Secret.
type SecretKey struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// InitConfig configures the init Job.
type InitConfig struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// Peers are the pods' URLs, by ordinal.
	Peers []string `json:"peers"`
	// AutoUnseal says that the shares are recovery keys.
	AutoUnseal bool     `json:"autoUnseal"`
	Shares     int32    `json:"shares"`
	Threshold  int32    `json:"threshold"`
	PGPKeys    []string `json:"pgpKeys,omitempty"`
	// KeySecret takes the keys, and the root token for as long as it is needed.
	KeySecret string `json:"keySecret"`
	// ServiceAccount is the Job's own, with which it proves that one can log in.
	ServiceAccount string `json:"serviceAccount"`
	// ConfigureServiceAccount is the one that may log in afterwards.
	ConfigureServiceAccount string `json:"configureServiceAccount"`
	TokenAudience           string `json:"tokenAudience"`
	// Restores are the receipts of the restores in the spec: as long as one is not
	// complete, an OpenBao whose data is lost begins anew.
	Restores []string `json:"restores,omitempty"`
	// RestoreServiceAccount may replace a new OpenBao with a backup, if set.
	RestoreServiceAccount string `json:"restoreServiceAccount,omitempty"`
	// KubernetesHost is the API server's URL, as OpenBao's pods see it.
	KubernetesHost string `json:"kubernetesHost"`
}

// PeersConfig configures the peers Job.
type PeersConfig struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Address   string `json:"address"`
	// Peers are the URLs of the pods that stay, by ordinal.
	Peers []string `json:"peers"`
	// StatefulSet is the one whose pods the raft peers are named after.
	StatefulSet string `json:"statefulSet"`
	Replicas    int32  `json:"replicas"`
	AllowSingle bool   `json:"allowSingle"`
}

// ConfigureConfig configures the configure Job.
type ConfigureConfig struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Address   string `json:"address"`
	// Replicas is the number of raft peers, for autopilot's quorum.
	Replicas int32        `json:"replicas"`
	Plugin   PluginConfig `json:"plugin"`
	// Roles are the logins of other Jobs.
	Roles []Role `json:"roles"`
	// Restores are the receipts of the restores in the spec: each brings back an
	// OpenBao of before, after which this Job has to run again.
	Restores []string `json:"restores,omitempty"`
	// APITokenSecret takes the API's periodic token.
	APITokenSecret string `json:"apiTokenSecret"`
	// ClientsSecret takes the authority of the certificates of the signer's clients; none
	// is made when empty.
	ClientsSecret string `json:"clientsSecret,omitempty"`
	TokenAudience string `json:"tokenAudience"`
}

// PluginConfig is the secp256k1 plugin as it is registered.
type PluginConfig struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Command is the binary's name in the plugin directory.
	Command string `json:"command"`
	// Binary is the path of the same binary in the Job's pod.
	Binary string `json:"binary"`
	// SHA256 that the binary must have; any when empty.
	SHA256 string `json:"sha256,omitempty"`
	Mount  string `json:"mount"`
}

// Role is a login that the configure Job makes for another Job, or for the signer.
type Role struct {
	Name           string `json:"name"`
	ServiceAccount string `json:"serviceAccount"`
	// Period is how long, in seconds, its token lives after it was renewed, without an
	// end; that of a Job lives somewhat longer than a run when 0.
	Period int `json:"period,omitempty"`
}

// RedisConfig configures the redis Job.
type RedisConfig struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// Shards are the addresses of all nodes, by ordinal.
	Shards []string `json:"shards"`
}
