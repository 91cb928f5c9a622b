{{/* Name of Weaviate's nodes in their cluster, without their number. */}}
{{- define "weaviate-bind.clusterNode" -}}
{{ .Values.clusterNodeName | default (printf "%s-weaviate" .Release.Name) }}
{{- end }}

{{/* Environment of Weaviate, name to value: what the chart decides, then `env`, `envSecrets` and `extraEnv`; the last wins. */}}
{{- define "weaviate-bind.weaviateEnv" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $replicas := int .Values.replicas }}
{{- /* An odd number of voters, and no more than keep the cluster alive; as upstream's chart counts. */}}
{{- $voters := .Values.env.RAFT_BOOTSTRAP_EXPECT | default (ge $replicas 10 | ternary 5 (ge $replicas 3 | ternary 3 1)) | int }}
{{- $join := list }}
{{- $secrets := include "weaviate-bind.envSecrets" . | fromJson }}
{{- $node := include "weaviate-bind.clusterNode" . }}
{{- range until $voters }}{{ $join = append $join (printf "%s-%d" $node .) }}{{ end }}
{{- $chosen := dict
  "PERSISTENCE_DATA_PATH" "/var/lib/weaviate"
  "ENABLE_MODULES" (concat (list "multi2vec-bind") (include "weaviate-bind.backupModules" . | fromJsonArray) (include "weaviate-bind.otherModules" . | fromJsonArray) | join ",")
  "DEFAULT_VECTORIZER_MODULE" .Values.modules.default_vectorizer_module
  "BIND_INFERENCE_API" (printf "http://127.0.0.1:%v" .Values.gate.port)
  "CLUSTER_GOSSIP_BIND_PORT" "7000"
  "CLUSTER_DATA_BIND_PORT" "7001"
  "CLUSTER_JOIN" (printf "%s-weaviate-headless.%s.svc.%s" .Release.Name .Release.Namespace .Values.clusterDomain)
  "RAFT_JOIN" (join "," $join)
  "RAFT_BOOTSTRAP_EXPECT" (toString $voters)
  "PROMETHEUS_MONITORING_ENABLED" (toString .Values.serviceMonitor.enabled)
}}
{{- /* Kubernetes puts the number in, as the variable stands above. */}}
{{- if .Values.clusterNodeName }}{{ $_ := set $chosen "CLUSTER_HOSTNAME" (printf "%s-$(WEAVIATE_POD_INDEX)" $node) }}{{ end }}
{{- with include "weaviate-bind.clientTimeout" . }}{{ $_ := set $chosen "MODULES_CLIENT_TIMEOUT" . }}{{ end }}
{{- with include "weaviate-bind.goMemLimit" (dig "limits" "memory" "" .Values.resources) }}{{ $_ := set $chosen "GOMEMLIMIT" . }}{{ end }}
{{- $chosen = merge $chosen (include "weaviate-bind.authenticationVariables" . | fromJson) }}
{{- include "weaviate-bind.authenticationSecrets" . }}
{{- if .Values.clusterNodeName }}
- name: WEAVIATE_POD_INDEX
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
{{- end }}
{{- $extra := dict }}
{{- range .Values.extraEnv }}{{ $_ := set $extra .name true }}{{ end }}
{{- $elsewhere := merge (dict) $extra $secrets }}
{{- range $name, $value := merge (dict) .Values.env (include "weaviate-bind.backupEnv" . | fromJson) (include "weaviate-bind.moduleEnv" . | fromJson) $chosen }}
{{- if not (hasKey $elsewhere $name) }}
- name: {{ $name | quote }}
  {{- /* JSON, because toString would write 10000000 as 1e+07 */}}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
{{- $fields := dict "CLUSTER_ADVERTISE_ADDR" "status.podIP" }}
{{- if not .Values.clusterNodeName }}{{ $_ := set $fields "CLUSTER_HOSTNAME" "metadata.name" }}{{ end }}
{{- /* Else gossip is heard at addresses of IPv4 alone. */}}
{{- if include "weaviate-bind.usesIpv6" . }}{{ $_ := set $fields "CLUSTER_BIND_ADDR" "status.podIP" }}{{ end }}
{{- range $name, $path := $fields }}
{{- if not (or (hasKey $.Values.env $name) (hasKey $elsewhere $name)) }}
- name: {{ $name }}
  valueFrom:
    fieldRef:
      fieldPath: {{ $path }}
{{- end }}
{{- end }}
{{- range $name, $secret := $secrets }}
{{- if not (hasKey $extra $name) }}
- name: {{ $name | quote }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret.name | quote }}
      key: {{ $secret.key | quote }}
{{- end }}
{{- end }}
{{- range .Values.extraEnv }}
{{ include "weaviate-bind.variable" . }}
{{- end }}
{{- end }}
