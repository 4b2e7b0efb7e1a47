{{/* The pod of the gateway, the same in a StatefulSet and in a Deployment. */}}
{{- define "sangam.pod" -}}
metadata:
  labels:
    {{- include "sangam.selector" . | nindent 4 }}
    app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Settings and secrets are read at the start, so a change replaces the pods.
    checksum/config: {{ include "sangam.files" . | sha256sum }}
    checksum/secrets: {{ printf "%s\n%s\n%s" (include "sangam.secret" .) (include "sangam.secretKeys" .) .Values.secrets.revision | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "sangam.serviceAccount" . }}
  # The gateway never talks to Kubernetes.
  automountServiceAccountToken: false
  # Variables that Kubernetes makes of Services' names could look like settings.
  enableServiceLinks: false
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ .Values.user }}
    runAsGroup: {{ .Values.user }}
    # Makes volume and secrets readable for the process.
    fsGroup: {{ .Values.user }}
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  terminationGracePeriodSeconds: {{ add .Values.shutdown.preStopSeconds (include "sangam.graceSeconds" . | int64) .Values.shutdown.marginSeconds }}
  containers:
    - name: sangam
      image: {{ include "sangam.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --config, /etc/sangam/sangam.toml]
      {{- with .Values.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: grpc
          containerPort: 50051
        - name: webhook
          containerPort: 50052
      lifecycle:
        preStop:
          # By the kubelet, for the image has no shell: load balancers look elsewhere before the listener closes.
          sleep:
            seconds: {{ .Values.shutdown.preStopSeconds }}
      {{- range $probe := list "startup" "readiness" "liveness" }}
      {{ $probe }}Probe:
        {{- if dig "listen" "tls" dict $.Values.config }}
        # The kubelet's gRPC probes know no TLS.
        tcpSocket:
          port: 50051
        {{- else }}
        grpc:
          port: 50051
        {{- end }}
        {{- toYaml (index $.Values.probes $probe) | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: config
          mountPath: /etc/sangam
          readOnly: true
        - name: secrets
          mountPath: /run/secrets/sangam
          readOnly: true
        # SQLite writes large intermediate results here.
        - name: tmp
          mountPath: /tmp
        {{- if eq .Values.store.type "sqlite" }}
        - name: store
          mountPath: /var/lib/sangam
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "sangam.fullname" . }}
    - name: secrets
      secret:
        secretName: {{ include "sangam.secret" . }}
        # For the group only.
        defaultMode: 0440
        items:
          {{- range splitList "\n" (include "sangam.secretKeys" .) }}
          - key: {{ . }}
            path: {{ . }}
          {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 256Mi
    {{- if and (eq .Values.store.type "sqlite") .Values.store.sqlite.existingClaim }}
    - name: store
      persistentVolumeClaim:
        claimName: {{ .Values.store.sqlite.existingClaim }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if eq .Values.store.type "postgresql" }}
  topologySpreadConstraints:
    {{- if .Values.topologySpreadConstraints }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      # As well as can be: a pod in the wrong place is better than none.
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "sangam.selector" $ | nindent 10 }}
      # Each version is spread by itself, so that the old one's pods do not push the new one's together.
      matchLabelKeys: [pod-template-hash]
    {{- end }}
    {{- end }}
  {{- end }}
  {{- range $name := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
  {{- with index $.Values $name }}
  {{ $name }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}
