{{/* The sidecar, an item of `initContainers` (mode native) or of `containers` (mode classic). */}}
{{- define "logskiff.sidecar" -}}
{{- $values := include "logskiff.values" . | fromYaml -}}
{{- if $values.enabled -}}
{{- $port := splitList ":" $values.http.listen | last -}}
{{- $loopback := or (hasPrefix "127." $values.http.listen) (hasPrefix "[::1]" $values.http.listen) -}}
- name: logskiff
  image: {{ include "logskiff.image" $values | quote }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  {{- if eq $values.mode "native" }}
  restartPolicy: Always
  {{- end }}
  args: ["run"]
  env:
    {{- include "logskiff.env" . | nindent 4 }}
  {{- if ne $port "off" }}
  ports:
    - name: logskiff
      containerPort: {{ $port }}
      protocol: TCP
  {{- if $values.probes.liveness }}
  livenessProbe:
    {{- if $loopback }}
    exec:
      command: ["/usr/local/bin/logskiff", "health"]
    {{- else }}
    httpGet:
      path: /livez
      port: {{ $port }}
    {{- end }}
    periodSeconds: 10
    timeoutSeconds: 2
    failureThreshold: 3
  {{- end }}
  {{- if $values.probes.readiness }}
  readinessProbe:
    {{- if $loopback }}
    exec:
      command: ["/usr/local/bin/logskiff", "health", "--ready"]
    {{- else }}
    httpGet:
      path: /readyz
      port: {{ $port }}
    {{- end }}
    periodSeconds: 5
    timeoutSeconds: 2
  {{- end }}
  {{- end }}
  {{- with $values.lifecycle }}
  lifecycle:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    {{- if not (kindIs "invalid" $values.runAsUser) }}
    runAsUser: {{ int64 $values.runAsUser }}
    {{- end }}
    {{- if not (kindIs "invalid" $values.runAsGroup) }}
    runAsGroup: {{ int64 $values.runAsGroup }}
    {{- end }}
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: ["ALL"]
    seccompProfile:
      type: RuntimeDefault
  volumeMounts:
    - name: {{ include "logskiff.logVolume" $values }}
      mountPath: {{ $values.logs.path | quote }}
      {{- if not (include "logskiff.deletesRotated" $values) }}
      readOnly: true
      {{- end }}
    - name: logskiff-state
      mountPath: /var/lib/logskiff
    - name: logskiff-podinfo
      mountPath: /etc/logskiff/podinfo
      readOnly: true
    {{- /* An empty volume hides the service account token: logskiff does not call the API server. */}}
    - name: logskiff-no-token
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
    {{- if include "logskiff.secretSources" $values }}
    - name: logskiff-secrets
      mountPath: /etc/logskiff/secrets
      readOnly: true
    {{- end }}
    {{- with $values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/* The sidecar's environment: a list of `env` items. */}}
{{- define "logskiff.env" -}}
{{- $values := include "logskiff.values" . | fromYaml -}}
{{- if $values.enabled -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- range $name, $text := merge (include "logskiff.settings" $values | fromYaml) $values.env }}
- name: {{ $name }}
  value: {{ $text | quote }}
{{- end }}
{{- range $name, $reference := $values.secretEnv }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $reference.secret }}
      key: {{ $reference.key | quote }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* The pod's volumes: a list of `volumes` items. */}}
{{- define "logskiff.volumes" -}}
{{- $values := include "logskiff.values" . | fromYaml -}}
{{- if $values.enabled -}}
{{- if not $values.logs.volume -}}
- name: logskiff-logs
  emptyDir:
    sizeLimit: {{ $values.logs.sizeLimit }}
    {{- with $values.logs.medium }}
    medium: {{ . }}
    {{- end }}
{{ end -}}
- name: logskiff-state
  emptyDir:
    sizeLimit: {{ $values.state.sizeLimit }}
- name: logskiff-podinfo
  downwardAPI:
    items:
      - path: labels
        fieldRef:
          fieldPath: metadata.labels
- name: logskiff-no-token
  emptyDir:
    sizeLimit: 1Mi
{{- with include "logskiff.secretSources" $values }}
- name: logskiff-secrets
  projected:
    sources:
      {{- . | nindent 6 }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* The application's mount: an item of `volumeMounts`. Nothing with `logs.volume`: the application has its own mount. */}}
{{- define "logskiff.volumeMount" -}}
{{- $values := include "logskiff.values" . | fromYaml -}}
{{- if and $values.enabled (not $values.logs.volume) -}}
- name: logskiff-logs
  mountPath: {{ $values.logs.path | quote }}
{{- end -}}
{{- end -}}

{{/* The pod's labels: they mark a pod with a sidecar, so that it is not injected again. */}}
{{- define "logskiff.labels" -}}
{{- $values := include "logskiff.values" . | fromYaml -}}
{{- if $values.enabled -}}
logskiff.dev/inject: "false"
logskiff.dev/sidecar: "true"
{{- end -}}
{{- end -}}

{{/* The sum of appStopSeconds, the drain timeout and 5, in seconds. */}}
{{- define "logskiff.terminationGracePeriodSeconds" -}}
{{- $values := include "logskiff.values" . | fromYaml -}}
{{- $number := trimSuffix "m" (trimSuffix "s" $values.drainTimeout) | int -}}
{{- $drain := ternary (mul $number 60) $number (hasSuffix "m" $values.drainTimeout) -}}
{{- ternary (add $values.appStopSeconds $drain 5) $values.appStopSeconds $values.enabled -}}
{{- end -}}

{{- define "logskiff.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag }}
{{- end -}}
{{- end -}}

{{- define "logskiff.logVolume" -}}
{{ .logs.volume | default "logskiff-logs" }}
{{- end -}}

{{/* The sources of the volume with all files from Secrets; empty if there are none. */}}
{{- define "logskiff.secretSources" -}}
{{- $sources := list -}}
{{- range $file, $reference := include "logskiff.references" . | fromYaml -}}
{{- $items := list (dict "key" $reference.key "path" $file) -}}
{{- if $reference.configMap -}}
{{- $sources = append $sources (dict "configMap" (dict "name" $reference.configMap "items" $items)) -}}
{{- else -}}
{{- $sources = append $sources (dict "secret" (dict "name" $reference.secret "items" $items)) -}}
{{- end -}}
{{- end -}}
{{- with .kafka.sasl.token -}}
{{- if .audience -}}
{{- $sources = append $sources (dict "serviceAccountToken" (dict "audience" .audience "expirationSeconds" .expirationSeconds "path" "kafka-token")) -}}
{{- end -}}
{{- end -}}
{{- range .secretFiles -}}
{{- $secret := dict "name" .name -}}
{{- if .optional }}{{ $_ := set $secret "optional" true }}{{ end -}}
{{- if .items -}}
{{- $items := list -}}
{{- range $key, $file := .items }}{{ $items = append $items (dict "key" $key "path" $file) }}{{ end -}}
{{- $_ := set $secret "items" $items -}}
{{- end -}}
{{- $sources = append $sources (dict "secret" $secret) -}}
{{- end -}}
{{- if $sources }}{{ toYaml $sources }}{{ end -}}
{{- end -}}
