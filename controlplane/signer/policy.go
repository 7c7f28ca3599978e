package signer

import _ "embed"

//go:embed policy.hcl
var policy string

// Policy is what the signer may do in OpenBao, as a policy of the root namespace. It
// holds for the engine's mount secp256k1/ in each tenant's namespace.
func Policy() string { return policy }
