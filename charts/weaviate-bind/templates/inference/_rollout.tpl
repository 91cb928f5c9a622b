{{/* Spec of the claim of one cache. Input: the values of the cache. */}}
{{- define "weaviate-bind.cacheClaim" -}}
accessModes: {{- toYaml .accessModes | nindent 2 }}
{{- with .storageClassName }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end }}

{{/* "true" if several nodes can mount the cache at once, else "". */}}
{{- define "weaviate-bind.cacheIsWide" -}}
{{- if has "ReadWriteMany" (index .Values.modules "multi2vec-bind").cache.accessModes }}true{{ end }}
{{- end }}

{{/* "true" if there may be several inference pods, else "". */}}
{{- define "weaviate-bind.hasSeveralPods" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $most := $bind.autoscaling.enabled | ternary $bind.autoscaling.maxReplicas $bind.replicas }}
{{- if gt (int $most) 1 }}true{{ end }}
{{- end }}

{{/* Shared or PerPod. */}}
{{- define "weaviate-bind.cacheScope" -}}
{{- $scope := (index .Values.modules "multi2vec-bind").cache.scope }}
{{- if ne $scope "Auto" }}{{ $scope }}
{{- else if and (include "weaviate-bind.hasSeveralPods" .) (not (include "weaviate-bind.cacheIsWide" .)) }}PerPod
{{- else }}Shared{{ end }}
{{- end }}

{{/* Name of the shared claim. The access modes of a claim cannot change, so that each has a claim of its own. */}}
{{- define "weaviate-bind.cacheClaimName" -}}
{{ .Release.Name }}-model-cache{{ if include "weaviate-bind.cacheIsWide" . }}-rwx{{ end }}
{{- end }}

{{/* "true" if all pods mount one claim that one node at a time can have, else "". */}}
{{- define "weaviate-bind.cacheTiesToNode" -}}
{{- if and (include "weaviate-bind.hasModelCache" .) (eq (include "weaviate-bind.cacheScope" .) "Shared") (not (include "weaviate-bind.cacheIsWide" .)) }}true{{ end }}
{{- end }}

{{/* Affinity that the user wants for the inference pods, which is the root's where they have none, as JSON. */}}
{{- define "weaviate-bind.inferenceOwnAffinity" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- kindIs "invalid" $bind.affinity | ternary .Values.affinity $bind.affinity | default dict | toJson }}
{{- end }}

{{/* Service account of the inference pods: the root's where they have none. */}}
{{- define "weaviate-bind.inferenceServiceAccount" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $name := $bind.serviceAccountName }}
{{- if and (kindIs "invalid" $name) (not $bind.serviceAccount.create) }}{{ $name = .Values.serviceAccountName }}{{ end }}
{{- include "weaviate-bind.serviceAccountName" (dict "root" $ "component" "inference" "name" $name "account" $bind.serviceAccount) }}
{{- end }}

{{/* Affinity of the inference pods: those of one cache run where it is, others are spread. */}}
{{- define "weaviate-bind.inferenceAffinity" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $own := include "weaviate-bind.inferenceOwnAffinity" . | fromJson }}
{{- if and (not $bind.affinity) (include "weaviate-bind.cacheTiesToNode" .) (include "weaviate-bind.hasSeveralPods" .) -}}
{{- with $own.nodeAffinity }}
{{- dict "nodeAffinity" . | toYaml }}{{ "\n" }}
{{- end -}}
podAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels: {{- include "weaviate-bind.selectorLabels" (dict "root" . "component" "inference") | nindent 10 }}
{{- else }}
{{- include "weaviate-bind.affinity" (include "weaviate-bind.inferenceSpread" . | fromJson | merge (dict "root" . "affinity" $own)) }}
{{- end }}
{{- end }}

{{/* Strategy of the inference Deployment: one pod more only where nothing says that there may be no place for it. */}}
{{- define "weaviate-bind.inferenceStrategy" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $apart := (get (include "weaviate-bind.inferenceOwnAffinity" . | fromJson) "podAntiAffinity" | default dict).requiredDuringSchedulingIgnoredDuringExecution }}
{{- $strategy := $bind.rollout.strategy }}
{{- if eq $strategy "Auto" }}
{{- $strategy = "Surge" }}
{{- if or $bind.envconfig.enable_cuda $apart (eq (include "weaviate-bind.weightsVolume" .) "existingClaim") }}
{{- $strategy = "OneDown" }}
{{- end }}
{{- if and (include "weaviate-bind.cacheTiesToNode" .) (not (include "weaviate-bind.hasSeveralPods" .)) }}
{{- $strategy = "Recreate" }}
{{- end }}
{{- end }}
{{- if $bind.strategy }}
{{- toYaml $bind.strategy }}
{{- else if eq $strategy "Recreate" -}}
type: Recreate
{{- else -}}
type: RollingUpdate
rollingUpdate:
  maxUnavailable: {{ eq $strategy "OneDown" | ternary 1 0 }}
  maxSurge: {{ eq $strategy "OneDown" | ternary 0 1 }}
{{- end }}
{{- end }}

{{/* Claims of the inference container, by which it gets devices of the pod's. Input: gpu.resourceClaims. */}}
{{- define "weaviate-bind.containerClaims" -}}
{{- range . }}
- {{ pick . "name" "request" | toJson }}
{{- end }}
{{- end }}
