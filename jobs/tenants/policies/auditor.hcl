# Whoever looks: at public keys, and at who may do what.
path "{{.Mount}}/keys/" {
  capabilities = ["list"]
}
path "{{.Mount}}/keys/+" {
  capabilities = ["read"]
}
path "{{.Mount}}/verify/+" {
  capabilities = ["create", "update"]
}
path "sys/policies/acl/" {
  capabilities = ["list"]
}
path "sys/policies/acl/+" {
  capabilities = ["read"]
}
path "auth/approle/role/" {
  capabilities = ["list"]
}
path "auth/approle/role/+" {
  capabilities = ["read"]
}
{{template "self"}}
