{{- define "injector.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Policies and bindings are cluster-wide: two releases must not share a name. */}}
{{- define "injector.name" -}}
{{ .Release.Namespace }}-{{ .Release.Name }}
{{- end -}}

{{/* The two bindings, by pod and by namespace. No pod matches both, so that none is changed twice. */}}
{{- define "injector.bindings" -}}
{{- $excluded := append .Values.bindings.excludedNamespaces .Release.Namespace | uniq -}}
{{- $not := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" $excluded -}}
{{- if .Values.bindings.pods }}
- name: pods
  matchResources:
    namespaceSelector:
      matchExpressions:
        - {{ toJson $not }}
        {{- if .Values.bindings.namespaces }}
        - {key: logskiff.dev/inject, operator: NotIn, values: ["true"]}
        {{- end }}
    objectSelector:
      matchLabels:
        logskiff.dev/inject: "true"
{{- end }}
{{- if .Values.bindings.namespaces }}
- name: namespaces
  matchResources:
    namespaceSelector:
      matchLabels:
        logskiff.dev/inject: "true"
      matchExpressions:
        - {{ toJson $not }}
    objectSelector:
      matchExpressions:
        - {key: logskiff.dev/inject, operator: NotIn, values: ["false"]}
{{- end }}
{{- end -}}

{{/* Pods that are never injected, whichever binding matches them. */}}
{{- define "injector.matchConditions" -}}
- name: not-opted-out
  expression: "!has(object.metadata.labels) || object.metadata.labels[?'logskiff.dev/inject'].orValue('') != 'false'"
- name: linux
  expression: "!has(object.spec.os) || object.spec.os.name != 'windows'"
- name: no-mirror-of-a-static-pod
  expression: "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)"
{{- end -}}

{{/* Former and new names of variables, without the prefix. */}}
{{- define "injector.renamed" -}}
PARSE_FAILURE: PARSE_ON_ERROR
POLL: POLL_INTERVAL
PRUNE: DELETE_ROTATED
START: START_AT
SYSLOG_MESSAGE: SYSLOG_ENCODING
SYSLOG_RETURN: SYSLOG_FAILBACK_INTERVAL
{{- end }}
