# A program that signs.
path "{{.Mount}}/keys/" {
  capabilities = ["list"]
}
path "{{.Mount}}/keys/+" {
  capabilities = ["read"]
}
path "{{.Mount}}/sign/+" {
  capabilities = ["create", "update"]
}
path "{{.Mount}}/sign-evm/+" {
  capabilities = ["create", "update"]
}
path "{{.Mount}}/verify/+" {
  capabilities = ["create", "update"]
}
{{template "self"}}
