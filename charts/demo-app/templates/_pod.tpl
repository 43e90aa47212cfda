{{- define "demo-app.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "demo-app.pod" -}}
metadata:
  labels:
    {{- include "demo-app.labels" . | nindent 4 }}
    team: demo
    {{- include "logskiff.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if has .Values.kind (list "Job" "CronJob") }}
  restartPolicy: Never
  {{- end }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ include "logskiff.terminationGracePeriodSeconds" . }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ int64 .Values.app.user }}
    runAsGroup: {{ int64 .Values.app.user }}
    seccompProfile:
      type: RuntimeDefault
  {{- with .Values.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq .Values.logskiff.mode "native" }}
  initContainers:
    {{- include "logskiff.sidecar" . | nindent 4 }}
  {{- end }}
  containers:
    {{- if ne .Values.logskiff.mode "native" }}
    {{- include "logskiff.sidecar" . | nindent 4 }}
    {{- end }}
    - name: app
      image: {{ .Values.image }}
      command: ["/bin/busybox", "sh", "-c"]
      args:
        - {{ .Files.Get "files/app.sh" | quote }}
      env:
        - name: RATE
          value: {{ .Values.app.linesPerSecond | quote }}
        - name: TOTAL
          value: {{ .Values.app.lines | quote }}
        - name: ROTATE
          value: {{ .Values.app.rotateEvery | quote }}
        - name: FORMAT
          value: {{ .Values.app.format | quote }}
        - name: KEEP
          value: {{ .Values.app.rotateKeep | quote }}
        - name: LOG
          value: {{ .Values.logskiff.logs.path }}/demo.log
      resources:
        requests:
          cpu: 10m
          memory: 16Mi
        limits:
          memory: 64Mi
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: ["ALL"]
      {{- with include "logskiff.volumeMount" . }}
      volumeMounts:
        {{- . | nindent 8 }}
      {{- end }}
  {{- with include "logskiff.volumes" . }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
{{- end -}}
