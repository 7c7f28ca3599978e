{{- /* OpenBao's configuration. The missing values come from the environment:
       api_addr, cluster_addr and the raft node's id differ from pod to pod. */ -}}
cluster_name     = {{ quote .ClusterName }}
ui               = true
plugin_directory = {{ quote .PluginDirectory }}
{{- if .DisableStandbyReads }}

# What was configured a moment ago must be what is read.
disable_standby_reads = true
{{- end }}

listener "tcp" {
  address         = "[::]:8200"
  cluster_address = "[::]:8201"
  tls_cert_file   = "/openbao/tls/tls.crt"
  tls_key_file    = "/openbao/tls/tls.key"
  tls_min_version = "tls12"
{{- if .AutoReload }}
  tls_auto_reload = true
{{- end }}
{{- if .TrustedProxies }}

  x_forwarded_for_authorized_addrs      = {{ quote .TrustedProxies }}
  x_forwarded_for_reject_not_authorized = false
  x_forwarded_for_reject_not_present    = false
{{- end }}
{{- if .DisableRekey }}

  # Without a login, anybody could cancel a rekey, or begin one.
  disable_unauthed_rekey_endpoints = true
{{- end }}
}

{{ if .MetricsListener -}}
# Metrics, and nothing else, for whoever may reach the port.
{{- else -}}
# Metrics without a token, for whoever may reach the port, which is Prometheus.
# This version serves all else there too, as it does on the other.
{{- end }}
listener "tcp" {
  address         = "[::]:{{ .MetricsPort }}"
  tls_cert_file   = "/openbao/tls/tls.crt"
  tls_key_file    = "/openbao/tls/tls.key"
  tls_min_version = "tls12"
{{- if .AutoReload }}
  tls_auto_reload = true
{{- end }}
{{- if not .MetricsListener }}
  cluster_address = "127.0.0.1:{{ .MetricsClusterPort }}" # not the next port, which is another's
{{- if .DisableRekey }}

  disable_unauthed_rekey_endpoints = true
{{- end }}
{{- end }}

  telemetry {
{{- if .MetricsListener }}
    metrics_only                   = true
{{- end }}
    unauthenticated_metrics_access = true
  }
}

storage "raft" {
  path                   = "/openbao/data"
  performance_multiplier = 1
{{- range .Peers }}

  retry_join {
    leader_api_addr       = {{ quote .Address }}
    leader_ca_cert_file   = "/openbao/tls/ca.crt"
    leader_tls_servername = {{ quote .Host }}
  }
{{- end }}
}
{{- with .Seal }}

seal {{ quote .Type }} {
{{- range .Fields }}
  {{ printf "%-*s" $.SealWidth .Name }} = {{ quote .Value }}
{{- end }}
}
{{- end }}

audit "file" "stdout" {
  description = "Every request and response, on standard output."

  options {
    file_path = "stdout"
  }
}

telemetry {
  prometheus_retention_time = "24h"
  disable_hostname          = true
}

service_registration "kubernetes" {}
