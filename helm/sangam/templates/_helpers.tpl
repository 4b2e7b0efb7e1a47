{{/* The name of the chart in labels. */}}
{{- define "sangam.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name that all objects begin with; short enough for what is hung on it. */}}
{{- define "sangam.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "sangam.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "sangam.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods. Never change it: a workload's selector cannot be changed. */}}
{{- define "sangam.selector" -}}
app.kubernetes.io/name: {{ include "sangam.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{/* The labels of all objects. */}}
{{- define "sangam.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "sangam.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "sangam.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "sangam.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "sangam.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* The Secret, yours or the operator's. */}}
{{- define "sangam.secret" -}}
{{ .Values.secrets.existingSecret | default (include "sangam.fullname" .) }}
{{- end -}}

{{/* Pods without autoscaling. */}}
{{- define "sangam.replicas" -}}
{{- if kindIs "invalid" .Values.replicas -}}
{{ eq .Values.store.type "sqlite" | ternary 1 3 }}
{{- else -}}
{{ .Values.replicas }}
{{- end -}}
{{- end -}}

{{/* Fewest pods there are. */}}
{{- define "sangam.leastReplicas" -}}
{{- if .Values.autoscaling.enabled -}}
{{ .Values.autoscaling.minReplicas }}
{{- else -}}
{{ include "sangam.replicas" . }}
{{- end -}}
{{- end -}}

{{/* Whole seconds of the grace period, rounded up; the gateway's default where it is left out. */}}
{{- define "sangam.graceSeconds" -}}
{{- $millis := dig "listen" "shutdown_grace_ms" 20000 .Values.config -}}
{{ div (add (int64 $millis) 999) 1000 }}
{{- end -}}
