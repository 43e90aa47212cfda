{{/*
The effective values: those of the chart under `logskiff`, overridden by those that the caller gives.

Every template here takes the chart's root context, or (dict "context" $ "values" MAP) for a workload with its own settings.
*/}}
{{- define "logskiff.values" -}}
{{- $context := .context | default . -}}
{{- if not (hasKey $context.Values "logskiff") -}}
{{- fail "logskiff: no values under `logskiff`; set `alias: logskiff` for the dependency logskiff-lib" -}}
{{- end -}}
{{- $values := mergeOverwrite (deepCopy $context.Values.logskiff) (deepCopy (.values | default dict)) -}}
{{- if $values.enabled -}}
{{- $kubernetes := $context.Capabilities.KubeVersion.Version -}}
{{- if and (eq $values.mode "native") (semverCompare "<1.29.0-0" $kubernetes) -}}
{{- fail (printf "logskiff: mode native needs Kubernetes 1.29 or newer, but this is %s; set mode: classic" $kubernetes) -}}
{{- end -}}
{{- include "logskiff.contradictions" $values -}}
{{- end -}}
{{- toYaml $values -}}
{{- end -}}

{{/* Path of a file from a Secret: (list "kafka-ca.crt"). */}}
{{- define "logskiff.secretPath" -}}
/etc/logskiff/secrets/{{ . }}
{{- end -}}

{{/* The files from Secrets and ConfigMaps that typed values name: file name, and reference. */}}
{{- define "logskiff.references" -}}
{{- $files := dict -}}
{{- with .kafka.tls.ca }}{{ $_ := set $files "kafka-ca.crt" . }}{{ end -}}
{{- with .kafka.tls.cert }}{{ $_ := set $files "kafka-tls.crt" . }}{{ end -}}
{{- with .kafka.tls.key }}{{ $_ := set $files "kafka-tls.key" . }}{{ end -}}
{{- with .kafka.sasl.password }}{{ $_ := set $files "kafka-password" . }}{{ end -}}
{{- with .syslog.tls.ca }}{{ $_ := set $files "syslog-ca.crt" . }}{{ end -}}
{{- with .syslog.tls.cert }}{{ $_ := set $files "syslog-tls.crt" . }}{{ end -}}
{{- with .syslog.tls.key }}{{ $_ := set $files "syslog-tls.key" . }}{{ end -}}
{{- toYaml $files -}}
{{- end -}}

{{/* The variables that typed values set: name, and text. */}}
{{- define "logskiff.settings" -}}
{{- $set := dict "LOGSKIFF_LABELS_FILE" "/etc/logskiff/podinfo/labels" -}}
{{- if or .paths (not .inputs) -}}
{{- $_ := set $set "LOGSKIFF_PATHS" (.paths | default (list (printf "%s/**/*.log" .logs.path)) | join ",") -}}
{{- end -}}
{{- with .exclude }}{{ $_ := set $set "LOGSKIFF_EXCLUDE" (join "," .) }}{{ end -}}
{{- with .logs.deletedOpenBytesMax }}{{ $_ := set $set "LOGSKIFF_DELETED_OPEN_BYTES_MAX" . }}{{ end -}}
{{- if .logs.deleteRotated }}{{ $_ := set $set "LOGSKIFF_DELETE_ROTATED" "acknowledged" }}{{ end -}}
{{- with .parse }}{{ $_ := set $set "LOGSKIFF_PARSE" . }}{{ end -}}
{{- with .parsePatterns }}{{ $_ := set $set "LOGSKIFF_PARSE_PATTERN" (include "logskiff.pattern" (join "\n" .)) }}{{ end -}}
{{- range $name, $input := .inputs -}}
{{- $prefix := printf "LOGSKIFF_INPUT_%s_" (upper $name) -}}
{{- $_ := set $set (print $prefix "PATHS") (join "," $input.paths) -}}
{{- with $input.exclude }}{{ $_ := set $set (print $prefix "EXCLUDE") (join "," .) }}{{ end -}}
{{- with $input.parse }}{{ $_ := set $set (print $prefix "PARSE") . }}{{ end -}}
{{- with $input.parsePatterns }}{{ $_ := set $set (print $prefix "PARSE_PATTERN") (include "logskiff.pattern" (join "\n" .)) }}{{ end -}}
{{- with $input.redact }}{{ $_ := set $set (print $prefix "REDACT") (join "," .) }}{{ end -}}
{{- end -}}
{{- $_ := set $set "LOGSKIFF_REDACT" (join "," .redact.detectors) -}}
{{- with .redact.fields }}{{ $_ := set $set "LOGSKIFF_REDACT_FIELDS" (join "," .) }}{{ end -}}
{{- range $name, $pattern := .redact.rules }}{{ $_ := set $set (printf "LOGSKIFF_REDACT_RULE_%s" $name) (include "logskiff.pattern" $pattern) }}{{ end -}}
{{- $fields := list -}}
{{- range $name, $template := .fields }}{{ $fields = append $fields (printf "%s=%s" $name $template) }}{{ end -}}
{{- with $fields }}{{ $_ := set $set "LOGSKIFF_FIELDS" (join "," .) }}{{ end -}}
{{- $_ := set $set "LOGSKIFF_OUTPUT" (join "," .output) -}}
{{- with .kafka.brokers }}{{ $_ := set $set "LOGSKIFF_KAFKA_BROKERS" (join "," .) }}{{ end -}}
{{- with .kafka.topic }}{{ $_ := set $set "LOGSKIFF_KAFKA_TOPIC" . }}{{ end -}}
{{- with .kafka.key }}{{ $_ := set $set "LOGSKIFF_KAFKA_KEY" . }}{{ end -}}
{{- with .kafka.compression }}{{ $_ := set $set "LOGSKIFF_KAFKA_COMPRESSION" . }}{{ end -}}
{{- if .kafka.tls.enabled }}{{ $_ := set $set "LOGSKIFF_KAFKA_TLS" "on" }}{{ end -}}
{{- with .kafka.tls.ca }}{{ $_ := set $set "LOGSKIFF_KAFKA_TLS_CA_FILE" (include "logskiff.secretPath" "kafka-ca.crt") }}{{ end -}}
{{- with .kafka.tls.cert }}{{ $_ := set $set "LOGSKIFF_KAFKA_TLS_CERT_FILE" (include "logskiff.secretPath" "kafka-tls.crt") }}{{ end -}}
{{- with .kafka.tls.key }}{{ $_ := set $set "LOGSKIFF_KAFKA_TLS_KEY_FILE" (include "logskiff.secretPath" "kafka-tls.key") }}{{ end -}}
{{- if ne .kafka.sasl.mechanism "none" }}{{ $_ := set $set "LOGSKIFF_KAFKA_SASL" .kafka.sasl.mechanism }}{{ end -}}
{{- with .kafka.sasl.username }}{{ $_ := set $set "LOGSKIFF_KAFKA_USERNAME" . }}{{ end -}}
{{- with .kafka.sasl.password }}{{ $_ := set $set "LOGSKIFF_KAFKA_PASSWORD_FILE" (include "logskiff.secretPath" "kafka-password") }}{{ end -}}
{{- with .kafka.sasl.token.audience }}{{ $_ := set $set "LOGSKIFF_KAFKA_TOKEN_FILE" (include "logskiff.secretPath" "kafka-token") }}{{ end -}}
{{- with .syslog.addresses }}{{ $_ := set $set "LOGSKIFF_SYSLOG_ADDRESS" (join "," .) }}{{ end -}}
{{- with .syslog.appName }}{{ $_ := set $set "LOGSKIFF_SYSLOG_APP_NAME" . }}{{ end -}}
{{- with .syslog.message }}{{ $_ := set $set "LOGSKIFF_SYSLOG_ENCODING" . }}{{ end -}}
{{- with .syslog.tls.ca }}{{ $_ := set $set "LOGSKIFF_SYSLOG_TLS_CA_FILE" (include "logskiff.secretPath" "syslog-ca.crt") }}{{ end -}}
{{- with .syslog.tls.cert }}{{ $_ := set $set "LOGSKIFF_SYSLOG_TLS_CERT_FILE" (include "logskiff.secretPath" "syslog-tls.crt") }}{{ end -}}
{{- with .syslog.tls.key }}{{ $_ := set $set "LOGSKIFF_SYSLOG_TLS_KEY_FILE" (include "logskiff.secretPath" "syslog-tls.key") }}{{ end -}}
{{- with .syslog.tls.serverName }}{{ $_ := set $set "LOGSKIFF_SYSLOG_TLS_SERVER_NAME" . }}{{ end -}}
{{- $_ := set $set "LOGSKIFF_DRAIN_TIMEOUT" .drainTimeout -}}
{{- $_ := set $set "LOGSKIFF_HTTP_LISTEN" .http.listen -}}
{{- with .container }}{{ $_ := set $set "CONTAINER_NAME" . }}{{ end -}}
{{- toYaml $set -}}
{{- end -}}

{{/* Whether rotated files are deleted, for any input: only then are the logs mounted writable. */}}
{{- define "logskiff.deletesRotated" -}}
{{- range $name, $text := merge (include "logskiff.settings" . | fromYaml) .env -}}
{{- if and (regexMatch "^LOGSKIFF_(INPUT_[A-Z0-9]+_)?DELETE_ROTATED$" $name) (eq (toString $text) "acknowledged") }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* Escapes a pattern for Kubernetes, which expands `$(NAME)` and `$$` in a container's environment. */}}
{{- define "logskiff.pattern" -}}
{{- replace "$" "$$" . -}}
{{- end -}}
