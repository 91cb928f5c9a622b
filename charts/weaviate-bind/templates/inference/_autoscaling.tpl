{{/* "true" if there may be no inference pod at all, until somebody asks; else "". */}}
{{- define "weaviate-bind.sleeps" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if and $bind.enabled $bind.autoscaling.enabled (not $bind.autoscaling.minReplicas) }}true{{ end }}
{{- end }}

{{/* "true" if the gate's counts say how many inference pods there are, else "". */}}
{{- define "weaviate-bind.gateIsCounted" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if or (include "weaviate-bind.sleeps" .) (and $bind.enabled $bind.autoscaling.enabled $bind.autoscaling.targetQueueDepth) }}true{{ end }}
{{- end }}

{{/* How long a request waits for a ready server: its own time, or the start of the first pod. Input: dict "root" $ "own" duration */}}
{{- define "weaviate-bind.holdDuration" -}}
{{- if include "weaviate-bind.sleeps" .root }}{{ (index .root.Values.modules "multi2vec-bind").autoscaling.holdSeconds }}s{{ else }}{{ .own }}{{ end }}
{{- end }}

{{/* How long Weaviate waits for an answer of its module, where it is not its own default of 50 s; else "". */}}
{{- define "weaviate-bind.clientTimeout" -}}
{{- if include "weaviate-bind.sleeps" . }}{{ add 5 (index .Values.modules "multi2vec-bind").autoscaling.holdSeconds }}s{{ end }}
{{- end }}

{{/* Service behind which all gates are. */}}
{{- define "weaviate-bind.gateService" -}}
{{ .Release.Name }}-{{ eq .Values.gate.mode "Deployment" | ternary "gate" "weaviate-headless" }}
{{- end }}

{{/* Seconds that a gate pod of its own has to end: more where it holds requests for longer. */}}
{{- define "weaviate-bind.gateGraceSeconds" -}}
{{- $own := int .Values.gate.terminationGracePeriodSeconds }}
{{- if include "weaviate-bind.sleeps" . -}}
{{ max $own (add 15 .Values.gate.drainSeconds (index .Values.modules "multi2vec-bind").autoscaling.holdSeconds) }}
{{- else -}}
{{ $own }}
{{- end }}
{{- end }}
