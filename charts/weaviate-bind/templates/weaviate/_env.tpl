{{/* Environment of Weaviate, name to value: what the chart decides, then `env`, which wins. */}}
{{- define "weaviate-bind.weaviateEnv" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $voters := ge (int .Values.replicas) 3 | ternary 3 1 }}
{{- $join := list }}
{{- range until $voters }}{{ $join = append $join (printf "%s-weaviate-%d" $.Release.Name .) }}{{ end }}
{{- $chosen := dict
  "PERSISTENCE_DATA_PATH" "/var/lib/weaviate"
  "ENABLE_MODULES" "multi2vec-bind"
  "DEFAULT_VECTORIZER_MODULE" .Values.modules.default_vectorizer_module
  "BIND_INFERENCE_API" (printf "http://127.0.0.1:%v" .Values.gate.port)
  "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED" (toString .Values.authentication.anonymous_access.enabled)
  "CLUSTER_GOSSIP_BIND_PORT" "7000"
  "CLUSTER_DATA_BIND_PORT" "7001"
  "CLUSTER_JOIN" (printf "%s-weaviate-headless.%s.svc.%s" .Release.Name .Release.Namespace .Values.clusterDomain)
  "RAFT_JOIN" (join "," $join)
  "RAFT_BOOTSTRAP_EXPECT" (toString $voters)
  "PROMETHEUS_MONITORING_ENABLED" (toString .Values.serviceMonitor.enabled)
}}
{{- with include "weaviate-bind.goMemLimit" (dig "limits" "memory" "" .Values.resources) }}{{ $_ := set $chosen "GOMEMLIMIT" . }}{{ end }}
{{- range $name, $value := merge (dict) .Values.env $chosen }}
- name: {{ $name }}
  value: {{ kindIs "float64" $value | ternary (printf "%v" (int64 (kindIs "float64" $value | ternary $value 0))) (toString $value) | quote }}
{{- end }}
{{- range $name, $path := dict "CLUSTER_HOSTNAME" "metadata.name" "CLUSTER_ADVERTISE_ADDR" "status.podIP" }}
{{- if not (hasKey $.Values.env $name) }}
- name: {{ $name }}
  valueFrom:
    fieldRef:
      fieldPath: {{ $path }}
{{- end }}
{{- end }}
{{- range $name, $secret := .Values.envSecrets }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ $name }}
{{- end }}
{{- end }}
