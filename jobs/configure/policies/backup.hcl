# The backup Job: read all of OpenBao as it is stored, encrypted by its seal, and
# see how many keys it holds.
path "sys/storage/raft/snapshot" {
  capabilities = ["read"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
path "secp256k1/keys/" {
  capabilities = ["list"]
}
