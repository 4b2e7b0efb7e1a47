{{/*
The gateway's settings: those of `config`, and over them what the chart decides. The result is YAML, for the callers to read.
*/}}
{{- define "sangam.settings" -}}
{{- $own := dict
  "listen" (dict
    "grpc" (printf "%s:50051" .Values.listen.host)
    "webhook" (printf "%s:50052" .Values.listen.host)
    "admin" (printf "%s:50053" .Values.listen.host)
    "drain_delay_ms" (mul .Values.shutdown.drainSeconds 1000)
    "insecure" .Values.allowUnauthenticated)
  "seal" (dict "key_file" (include "sangam.secretPath" .Values.seal.secretKey)) -}}
{{- with .Values.seal.previousSecretKeys -}}
{{- $files := list -}}
{{- range . -}}{{- $files = append $files (include "sangam.secretPath" .) -}}{{- end -}}
{{- $_ := set $own.seal "previous_key_files" $files -}}
{{- end -}}
{{- if eq .Values.store.type "sqlite" -}}
{{- $_ := set $own "store" (dict "path" "/var/lib/sangam/sangam.db") -}}
{{- else -}}
{{- $_ := set $own "store" (dict "url" .Values.store.postgresql.url) -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not (dig "webhook" "public_base_url" "" .Values.config)) -}}
{{- $_ := set $own "webhook" (dict "public_base_url" (printf "https://%s" .Values.ingress.host)) -}}
{{- end -}}
{{- if .Values.fairUseRules -}}
{{- $rules := dict "fair_use" (dict "rules_file" "/etc/sangam/fair-use.toml") -}}
{{- if .Values.config.tenants -}}
{{- $tenants := dict -}}
{{- range $id, $tenant := .Values.config.tenants -}}
{{- $_ := set $tenants $id (deepCopy $rules) -}}
{{- end -}}
{{- $_ := set $own "tenants" $tenants -}}
{{- else -}}
{{- $_ := set $own "tenant" $rules -}}
{{- end -}}
{{- end -}}
{{- mergeOverwrite (deepCopy .Values.config) $own | toYaml -}}
{{- end -}}

{{/* "yes" if the settings leave the gRPC port without TLS, or callers without proof. */}}
{{- define "sangam.isOpen" -}}
{{- $tls := dig "listen" "tls" dict .Values.config -}}
{{- $access := dig "access" dict .Values.config -}}
{{- if not (and $tls (or $access.mtls $access.jwt $access.api_keys $access.api_keys_file)) -}}yes{{- end -}}
{{- end -}}

{{/* The file in which a key of the Secret is found. */}}
{{- define "sangam.secretPath" -}}
/run/secrets/sangam/{{ . }}
{{- end -}}

{{/* Every key of the Secret that the settings name, one a line. */}}
{{- define "sangam.secretKeys" -}}
{{- $keys := concat (list .Values.seal.secretKey) .Values.seal.previousSecretKeys -}}
{{- range splitList "\n" (include "sangam.secretKeys.within" (include "sangam.settings" . | fromYaml)) -}}
{{- $keys = append $keys . -}}
{{- end -}}
{{- compact $keys | uniq | sortAlpha | join "\n" -}}
{{- end -}}

{{- define "sangam.secretKeys.within" -}}
{{- if kindIs "map" . -}}
{{- if kindIs "string" .secretKey }}
{{ .secretKey }}
{{- else -}}
{{- range . }}
{{ include "sangam.secretKeys.within" . }}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" . -}}
{{- range . }}
{{ include "sangam.secretKeys.within" . }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
A table as TOML. Takes `path`, its place as TOML writes it, and `table`. Helm's own toToml writes whole numbers as floats, which are
refused.
*/}}
{{- define "sangam.toml" -}}
{{- $path := .path -}}
{{- range $name, $value := .table }}
{{- if not (or (kindIs "invalid" $value) (eq (include "sangam.toml.isTable" $value) "yes")) }}
{{ include "sangam.toml.name" $name }} = {{ include "sangam.toml.value" $value }}
{{- end }}
{{- end }}
{{- range $name, $value := .table }}
{{- if eq (include "sangam.toml.isTable" $value) "yes" }}
{{- $place := join "." (append $path (include "sangam.toml.name" $name)) }}

[{{ $place }}]
{{- include "sangam.toml" (dict "path" (list $place) "table" $value) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Whether a value gets a heading of its own. Where a secret is, is one value. */}}
{{- define "sangam.toml.isTable" -}}
{{- if kindIs "map" . -}}
{{- if not (or (kindIs "string" .secretKey) (kindIs "string" .file)) -}}yes{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sangam.toml.name" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . -}}{{ . }}{{- else -}}{{ toJson . }}{{- end -}}
{{- end -}}

{{/* A value on one line. A text of JSON is one of TOML. */}}
{{- define "sangam.toml.value" -}}
{{- if kindIs "map" . -}}
{{- if kindIs "string" .secretKey -}}
{ file = {{ include "sangam.secretPath" .secretKey | toJson }} }
{{- else -}}
{{- $parts := list -}}
{{- range $name, $value := . -}}
{{- $parts = append $parts (printf "%s = %s" (include "sangam.toml.name" $name) (include "sangam.toml.value" $value)) -}}
{{- end -}}
{ {{ join ", " $parts }} }
{{- end -}}
{{- else if kindIs "slice" . -}}
{{- $parts := list -}}
{{- range . -}}
{{- $parts = append $parts (include "sangam.toml.value" .) -}}
{{- end -}}
[{{ join ", " $parts }}]
{{- else if kindIs "string" . -}}
{{ toJson . }}
{{- else if kindIs "bool" . -}}
{{ . }}
{{- else -}}
{{ int64 . }}
{{- end -}}
{{- end -}}

{{/* The files under /etc/sangam. */}}
{{- define "sangam.files" -}}
sangam.toml: |
  # Written by the chart from its values.
  {{- include "sangam.toml" (dict "path" (list) "table" (include "sangam.settings" . | fromYaml)) | trim | nindent 2 }}
{{- with .Values.fairUseRules }}
fair-use.toml: |
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}
