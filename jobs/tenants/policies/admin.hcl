# The tenant's admin: everything about keys but what settings forbid.
path "{{.Mount}}/keys/" {
  capabilities = ["list"]
}
path "{{.Mount}}/keys/+" {
  capabilities = ["create", "read", "update", "delete"]
{{template "exportable" .}}}
path "{{.Mount}}/keys/+/config" {
  capabilities = ["create", "read", "update"]
{{template "exportable" .}}}
path "{{.Mount}}/keys/+/import" {
  capabilities = ["create", "update"]
{{template "exportable" .}}}
{{- range .Keys}}
# Git's own.
path "{{$.Mount}}/keys/{{.}}" {
  capabilities = ["read"]
}
path "{{$.Mount}}/keys/{{.}}/config" {
  capabilities = ["read"]
}
path "{{$.Mount}}/keys/{{.}}/import" {
  capabilities = ["deny"]
}
{{- end}}
path "{{.Mount}}/wrapping_key" {
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
{{- if .Exportable}}
path "{{.Mount}}/export/+" {
  capabilities = ["read"]
}
{{- end}}
path "auth/userpass/users/admin/password" {
  capabilities = ["create", "update"]
}
{{template "self"}}
