{{define "self" -}}
# In place of the default policy: a token about itself, and nothing else.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
{{- end}}
{{define "exportable"}}{{if not .Exportable}}  # Any other value is refused, however it is written.
  allowed_parameters = {
    "exportable" = [false, "false"]
    "*"          = []
  }
{{end}}{{end}}
