# What the tenants Job may do, in the root namespace and right below it. It
# writes the policies and logins of tenants, and could so give itself any right
# within one; of itself it reads no key, signs nothing and deletes no namespace.

# Namespaces, one a tenant, and what they may take of everybody's time.
path "sys/namespaces/" {
  capabilities = ["list"]
}
path "sys/namespaces/tenant-*" {
  capabilities = ["create", "read", "update", "patch"]
}
path "sys/namespaces/api-lock/lock/tenant-*" {
  capabilities = ["update"]
}
# By sudo: the key that locking answers with is kept nowhere.
path "sys/namespaces/api-lock/unlock/tenant-*" {
  capabilities = ["update", "sudo"]
}
path "sys/quotas/rate-limit/tenant-*" {
  capabilities = ["create", "update"]
}

# In each namespace: the secrets engine.
path "+/sys/mounts" {
  capabilities = ["read"]
}
path "+/sys/mounts/secp256k1" {
  capabilities = ["create", "update"]
}
path "+/sys/mounts/secp256k1/tune" {
  capabilities = ["create", "update"]
}
path "+/sys/plugins/reload/backend" {
  capabilities = ["update"]
}

# In each namespace: the keys that Git owns. It makes them and sets what they sign and for
# whom; it neither reads, signs with nor deletes one.
path "+/secp256k1/keys/+" {
  capabilities = ["create"]
}
path "+/secp256k1/keys/+/policy" {
  capabilities = ["create", "read", "update"]
}
# The certificates of their clients.
path "pki-clients/sign/client" {
  capabilities = ["create", "update"]
}

# In each namespace: policies, by name.
path "+/sys/policies/acl/admin" {
  capabilities = ["create", "update"]
}
path "+/sys/policies/acl/signer" {
  capabilities = ["create", "update"]
}
path "+/sys/policies/acl/auditor" {
  capabilities = ["create", "update"]
}

# In each namespace: logins. Which auth methods there are is no secret.
path "+/sys/auth" {
  capabilities = ["read"]
}
path "+/sys/auth/approle" {
  capabilities = ["create", "update", "sudo"]
}
path "+/sys/auth/userpass" {
  capabilities = ["create", "update", "sudo"]
}
path "+/auth/approle/role/" {
  capabilities = ["list"]
}
path "+/auth/approle/role/+" {
  capabilities = ["create", "update", "delete"]
}
path "+/auth/approle/role/+/role-id" {
  capabilities = ["read"]
}
# OpenBao before 2.6 takes this rule for a list too, since it stands without a slash.
path "+/auth/approle/role/+/secret-id" {
  capabilities = ["create", "update", "list"]
}
path "+/auth/approle/role/+/secret-id/" {
  capabilities = ["list"]
}
path "+/auth/approle/role/+/secret-id-accessor/destroy" {
  capabilities = ["create", "update"]
}
path "+/auth/userpass/users/" {
  capabilities = ["list"]
}
path "+/auth/userpass/users/+" {
  capabilities = ["create", "update"]
}

# In each namespace: who is logged in, and out with whom may not be.
path "+/auth/token/accessors/" {
  capabilities = ["list", "sudo"]
}
path "+/auth/token/lookup-accessor" {
  capabilities = ["create", "update"]
}
path "+/auth/token/revoke-accessor" {
  capabilities = ["create", "update"]
}

# The root namespace has paths that begin like those: sys/auth/approle/role.
path "sys/auth/*" {
  capabilities = ["deny"]
}

# Itself.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
