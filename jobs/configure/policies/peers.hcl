# The peers Job: look at the raft cluster, and make it smaller.
path "sys/storage/raft/configuration" {
  capabilities = ["read"]
}
path "sys/storage/raft/autopilot/state" {
  capabilities = ["read"]
}
path "sys/storage/raft/remove-peer" {
  capabilities = ["update"]
}
# OpenBao asks for sudo here, whoever it is.
path "sys/step-down" {
  capabilities = ["update", "sudo"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
