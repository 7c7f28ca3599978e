# The backup Job: read all of OpenBao as it is stored, encrypted by its seal.
path "sys/storage/raft/snapshot" {
  capabilities = ["read"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
