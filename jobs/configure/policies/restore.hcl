# The restore Job: replace all of OpenBao with a backup, also with one that
# another seal's key has written, and sign with a restored key for proof.
path "sys/storage/raft/snapshot" {
  capabilities = ["update"]
}
path "sys/storage/raft/snapshot-force" {
  capabilities = ["update"]
}
path "secp256k1/keys/" {
  capabilities = ["list"]
}
path "secp256k1/sign/*" {
  capabilities = ["update"]
}
path "secp256k1/verify/*" {
  capabilities = ["update"]
}
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
