{{/* Fails with an error message if values contradict each other. Takes the effective values. */}}
{{- define "logskiff.contradictions" -}}
{{- if and (has "kafka" .output) (not .kafka.brokers) (not (hasKey .env "LOGSKIFF_KAFKA_BROKERS")) -}}
{{- fail "logskiff: output names kafka, but kafka.brokers is empty; for example kafka.brokers: [kafka-0.kafka:9092]" -}}
{{- end -}}
{{- if and (has "syslog" .output) (not .syslog.addresses) (not (hasKey .env "LOGSKIFF_SYSLOG_ADDRESS")) -}}
{{- fail "logskiff: output names syslog, but syslog.addresses is empty; for example syslog.addresses: [relp://logs.example:2514]" -}}
{{- end -}}
{{- if and .kafka.brokers (not (has "kafka" .output)) -}}
{{- fail "logskiff: kafka.brokers is set, but output does not name kafka" -}}
{{- end -}}
{{- if and .syslog.addresses (not (has "syslog" .output)) -}}
{{- fail "logskiff: syslog.addresses is set, but output does not name syslog" -}}
{{- end -}}
{{- if and (or .kafka.tls.ca .kafka.tls.cert .kafka.tls.key) (not .kafka.tls.enabled) -}}
{{- fail "logskiff: kafka.tls names certificates, but kafka.tls.enabled is false" -}}
{{- end -}}
{{- range $output := list "kafka" "syslog" -}}
{{- $tls := (index $ $output).tls -}}
{{- if and $tls.cert (not $tls.key) -}}
{{- fail (printf "logskiff: %s.tls.cert is set without %s.tls.key; a client certificate needs its key" $output $output) -}}
{{- end -}}
{{- if and $tls.key (not $tls.cert) -}}
{{- fail (printf "logskiff: %s.tls.key is set without %s.tls.cert; a key needs its certificate" $output $output) -}}
{{- end -}}
{{- end -}}
{{- $mechanism := .kafka.sasl.mechanism -}}
{{- if eq $mechanism "none" -}}
{{- if or .kafka.sasl.username .kafka.sasl.password .kafka.sasl.token.audience -}}
{{- fail "logskiff: kafka.sasl names a user or a token, but kafka.sasl.mechanism is none; set it, for example scram-sha-512" -}}
{{- end -}}
{{- else if eq $mechanism "oauthbearer" -}}
{{- if and (not .kafka.sasl.token.audience) (not (hasKey .env "LOGSKIFF_KAFKA_TOKEN_FILE")) -}}
{{- fail "logskiff: kafka.sasl.mechanism is oauthbearer, but kafka.sasl.token.audience is empty" -}}
{{- end -}}
{{- if or .kafka.sasl.username .kafka.sasl.password -}}
{{- fail "logskiff: kafka.sasl.mechanism is oauthbearer, which uses a token, not a username and password" -}}
{{- end -}}
{{- else -}}
{{- if not (or .kafka.sasl.username (hasKey .env "LOGSKIFF_KAFKA_USERNAME") (hasKey .secretEnv "LOGSKIFF_KAFKA_USERNAME")) -}}
{{- fail (printf "logskiff: kafka.sasl.mechanism is %s, but kafka.sasl.username is empty" $mechanism) -}}
{{- end -}}
{{- if not (or .kafka.sasl.password (hasKey .env "LOGSKIFF_KAFKA_PASSWORD_FILE") (hasKey .secretEnv "LOGSKIFF_KAFKA_PASSWORD")) -}}
{{- fail (printf "logskiff: kafka.sasl.mechanism is %s, but kafka.sasl.password names no Secret; set {secret: NAME, key: KEY}" $mechanism) -}}
{{- end -}}
{{- if .kafka.sasl.token.audience -}}
{{- fail (printf "logskiff: kafka.sasl.mechanism is %s, which uses no token; kafka.sasl.token.audience is only for oauthbearer" $mechanism) -}}
{{- end -}}
{{- end -}}
{{- if and .parsePatterns (ne .parse "regex") -}}
{{- fail "logskiff: parsePatterns is set, but parse is not regex" -}}
{{- end -}}
{{- if and .logs.volume .logs.medium -}}
{{- fail "logskiff: logs.medium is only for an emptyDir, but logs.volume names an existing volume" -}}
{{- end -}}
{{- if and (eq .mode "native") .lifecycle -}}
{{- fail "logskiff: lifecycle is only for mode classic; Kubernetes stops a native sidecar after the application" -}}
{{- end -}}
{{- if and .probes.readiness (eq .http.listen "off") -}}
{{- fail "logskiff: probes.readiness needs http.listen, which is off" -}}
{{- end -}}
{{- if and (not (kindIs "invalid" .runAsUser)) (eq (int64 .runAsUser) 0) -}}
{{- fail "logskiff: runAsUser is 0 (root); logskiff does not need root, use another user" -}}
{{- end -}}
{{- if hasKey .logs "prune" -}}
{{- fail "logskiff: logs.prune was renamed to logs.deleteRotated" -}}
{{- end -}}
{{- $renamed := dict
  "PARSE_FAILURE" "PARSE_ON_ERROR"
  "POLL" "POLL_INTERVAL"
  "PRUNE" "DELETE_ROTATED"
  "START" "START_AT"
  "SYSLOG_MESSAGE" "SYSLOG_ENCODING"
  "SYSLOG_RETURN" "SYSLOG_FAILBACK_INTERVAL" -}}
{{- range $name := keys .env .secretEnv | sortAlpha -}}
{{- $prefix := regexFind "^LOGSKIFF_(INPUT_[A-Z0-9]+_)?" $name -}}
{{- with get $renamed (trimPrefix $prefix $name) -}}
{{- fail (printf "logskiff: %s was renamed to %s%s" $name $prefix .) -}}
{{- end -}}
{{- end -}}
{{- $settings := include "logskiff.settings" . | fromYaml -}}
{{- range $name := keys .env .secretEnv | sortAlpha -}}
{{- if or (hasKey $settings $name) (has $name (list "POD_NAME" "POD_NAMESPACE" "POD_UID" "POD_IP" "NODE_NAME")) -}}
{{- fail (printf "logskiff: %s is set in env or secretEnv, but the chart already sets it; remove it" $name) -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := .secretEnv -}}
{{- if hasKey $.env $name -}}
{{- fail (printf "logskiff: %s is set in both env and secretEnv; remove one" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
