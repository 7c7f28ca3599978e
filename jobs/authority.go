package jobs

// Where the certificates of authorities that the spec names are mounted, each as
// AuthorityFile.
const (
	DatabaseCADir = "/var/run/secrets/database-ca" // that of a database outside the stack
	RedisCADir    = "/var/run/secrets/redis-ca"    // that of a Redis outside the stack
	HostsCADir    = "/var/run/secrets/hosts-ca"    // that of the stack's public hosts
	ProxyCADir    = "/var/run/secrets/proxy-ca"    // that of an HTTP proxy
	AuthorityFile = "ca.crt"
)
