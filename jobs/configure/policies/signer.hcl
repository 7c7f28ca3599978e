# The signer: have the policies of tenants' keys decide on signatures, and read which
# keys a client has. It signs no raw hash (sign, sign-evm), which no policy judges; it
# makes, exports and changes no key, policy, client or fence, and lists nothing. A "+"
# stands for one namespace.
path "+/secp256k1/batch" {
  capabilities = ["update"]
}
path "+/secp256k1/clients/+" {
  capabilities = ["read"]
}
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
