package jobs

// The data keys of Secret SecretOpenBaoKeys. It is reserved empty, and the init
// Job fills it.
const (
	KeyUnseal       = "unseal-keys"      // a Shamir seal's shares in base64, one a line
	KeyRecovery     = "recovery-keys"    // with auto-unseal: the recovery key's shares, likewise; encrypted where PGP keys are given
	KeyFingerprints = "pgp-fingerprints" // whose PGP keys encrypt them, in the same order
	KeyThreshold    = "threshold"        // how many shares are needed
	KeyInitialized  = "initialized"      // when they were stored, as in RFC 3339
	KeyRootToken    = "root-token"       // only until Kubernetes auth works
	KeyConfigured   = "configured"       // since when Kubernetes auth works, as in RFC 3339
)

// KubernetesHost is the API server's URL in every pod, in whichever cluster a
// backup may come to be restored.
const KubernetesHost = "https://kubernetes.default.svc"

// OpenBaoTLSDir is where OpenBao's pods have Secret SecretOpenBaoTLS, or the
// spec's own in its place.
const OpenBaoTLSDir = "/openbao/tls"
