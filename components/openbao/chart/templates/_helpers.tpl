{{- define "openbao.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The name of the objects: the release's, with the chart's unless it is in it. */}}
{{- define "openbao.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name }}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- .Values.fullnameOverride | default $both | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Names from outside are quoted: YAML reads n, no and on as booleans. */}}
{{- define "openbao.namespace" -}}
{{ .Values.global.namespace | default .Release.Namespace | quote }}
{{- end }}

{{- define "openbao.chart" -}}
{{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "openbao.scheme" -}}
{{ ternary "http" "https" .Values.global.tlsDisable }}
{{- end }}

{{- define "openbao.serviceAccount.name" -}}
{{- $own := ternary (include "openbao.fullname" .) "default" .Values.server.serviceAccount.create }}
{{- .Values.server.serviceAccount.name | default $own | quote }}
{{- end }}

{{- /* The labels of an object: (dict "ctx" $ "name" suffix "extra" map). */}}
{{- define "openbao.labels" -}}
helm.sh/chart: {{ include "openbao.chart" .ctx }}
app.kubernetes.io/name: {{ include "openbao.name" .ctx }}{{ .name }}
app.kubernetes.io/instance: {{ quote .ctx.Release.Name }}
app.kubernetes.io/managed-by: {{ .ctx.Release.Service }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* metadata: (dict "ctx" $ "name" suffix "extra" labels "annotations" list). */}}
{{- define "openbao.metadata" -}}
name: {{ include "openbao.fullname" .ctx }}{{ .name }}
namespace: {{ include "openbao.namespace" .ctx }}
labels:
  {{- include "openbao.labels" (dict "ctx" .ctx "extra" .extra) | nindent 2 }}
{{- with .annotations }}
{{- include "openbao.annotations" (dict "ctx" $.ctx "of" .) }}
{{- end }}
{{- end }}

{{- define "openbao.podLabels" -}}
app.kubernetes.io/name: {{ include "openbao.name" . }}
app.kubernetes.io/instance: {{ quote .Release.Name }}
component: server
{{- end }}

{{- /* Text as YAML: run through tpl where it holds actions, since tpl is slow.
       (list $ text) */}}
{{- define "openbao.text" -}}
{{- $text := index . 1 }}
{{- if contains "{{" $text }}{{ tpl $text (index . 0) }}{{ else }}{{ $text }}{{ end }}
{{- end }}

{{- /* A value that is a map or a list, or text that gives one: (list $ value). */}}
{{- define "openbao.yaml" -}}
{{- $value := index . 1 }}
{{- if kindIs "string" $value }}{{ include "openbao.text" . | trim }}{{ else }}{{ toYaml $value }}{{ end }}
{{- end }}

{{- /* A list of containers, whose texts may hold actions: (list $ list). */}}
{{- define "openbao.containers" -}}
{{- include "openbao.text" (list (index . 0) (toYaml (index . 1))) }}
{{- end }}

{{- /* annotations: the maps or texts of a list, the first ones winning; nothing
       where all are empty. (dict "ctx" $ "of" list) */}}
{{- define "openbao.annotations" -}}
{{- $all := dict }}
{{- range .of }}
{{- with . }}
{{- $some := . }}
{{- if kindIs "string" . }}
{{- $some = include "openbao.text" (list $.ctx .) | fromYaml }}
{{- with $some.Error }}{{ fail (printf "annotations given as text: %s" .) }}{{ end }}
{{- end }}
{{- $all = merge $all $some }}
{{- end }}
{{- end }}
{{- with $all }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What the servers read, as one string. */}}
{{- define "openbao.config" -}}
{{ printf "\n%s" (include "openbao.text" (list . .Values.server.ha.raft.config) | trim) }}
{{- end }}
