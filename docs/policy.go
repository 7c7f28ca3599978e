package docs

import _ "embed"

// PolicySchema is the JSON schema of keys' policies, which the secrets engine's types make.
//
//go:embed policy.schema.json
var PolicySchema []byte
