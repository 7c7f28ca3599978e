# The control plane's API: make keys and sign with them, keep its own secrets,
# issue certificates. It may neither export nor delete a key, nor change what
# protects one (keys/+/config), nor take secrets' old versions away for good. A
# "+" stands for one name: a glob would reach whatever lies below it.
path "secp256k1/keys/" {
  capabilities = ["list"]
}
path "secp256k1/keys/+" {
  capabilities = ["create", "read", "update"]
}
path "secp256k1/keys/+/import" {
  capabilities = ["create", "update"]
}
path "secp256k1/sign/+" {
  capabilities = ["create", "update"]
}
path "secp256k1/sign-evm/+" {
  capabilities = ["create", "update"]
}
path "secp256k1/verify/+" {
  capabilities = ["create", "update"]
}

# The same in each tenant's namespace, where it makes no exportable key: whether
# a tenant may is for the tenant's own policies to say.
path "+/secp256k1/keys/" {
  capabilities = ["list"]
}
path "+/secp256k1/keys/+" {
  capabilities = ["create", "read", "update"]
  allowed_parameters = {
    "exportable" = [false, "false"]
    "*"          = []
  }
}
path "+/secp256k1/keys/+/import" {
  capabilities = ["create", "update"]
  allowed_parameters = {
    "exportable" = [false, "false"]
    "*"          = []
  }
}
path "+/secp256k1/sign/+" {
  capabilities = ["create", "update"]
}
path "+/secp256k1/sign-evm/+" {
  capabilities = ["create", "update"]
}
path "+/secp256k1/verify/+" {
  capabilities = ["create", "update"]
}

path "secret/data/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "secret/undelete/*" {
  capabilities = ["update"]
}
path "secret/metadata/*" {
  capabilities = ["read", "list"]
}
path "pki/issue/*" {
  capabilities = ["create", "update"]
}
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
