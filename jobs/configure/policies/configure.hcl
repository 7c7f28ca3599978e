# The configure Job. Who may write policies and roles may do everything in the
# end: it is as good as root. The list keeps it from doing so by mistake.
path "sys/policies/acl/*" {
  capabilities = ["create", "read", "update", "list"]
}
path "sys/auth" {
  capabilities = ["read"]
}
path "auth/kubernetes/role/*" {
  capabilities = ["create", "read", "update", "list"]
}
path "sys/mounts" {
  capabilities = ["read"]
}
path "sys/mounts/*" {
  capabilities = ["create", "read", "update"]
}
path "sys/plugins/catalog/*" {
  capabilities = ["create", "read", "update", "list", "sudo"]
}
path "sys/plugins/reload/backend" {
  capabilities = ["update"]
}
path "sys/storage/raft/autopilot/configuration" {
  capabilities = ["read", "update"]
}
# The authority of the certificates of the signer's clients. Its key never leaves OpenBao.
path "pki-clients/issuers/" {
  capabilities = ["list"]
}
path "pki-clients/cert/ca" {
  capabilities = ["read"]
}
path "pki-clients/root/generate/internal" {
  capabilities = ["create", "update"]
}
path "pki-clients/roles/client" {
  capabilities = ["create", "read", "update"]
}
path "auth/token/roles/api" {
  capabilities = ["create", "read", "update"]
}
path "auth/token/create/api" {
  capabilities = ["create", "update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
