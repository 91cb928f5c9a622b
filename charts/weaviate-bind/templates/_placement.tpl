{{/* "true" if pods of a component are spread by the chart, else "". Input: dict "constraints" … "several" … */}}
{{- define "weaviate-bind.isSpread" -}}
{{- if and .several (not .constraints) }}true{{ end }}
{{- end }}

{{/* Topology spread constraints: the user's, or over zones and nodes where there are several pods. They are wishes, since
     a cluster of one zone, or of fewer nodes than pods, must run them all the same. Input: dict "root" $ "component" …
     "constraints" … "several" … "perTemplate" whether pods of an older template count apart, as in a Deployment's rollout */}}
{{- define "weaviate-bind.spread" -}}
{{- if .constraints }}
{{- mustToYaml .constraints }}
{{- else if include "weaviate-bind.isSpread" . }}
{{- range $index, $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
{{- if $index }}{{ "\n" }}{{ end -}}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "weaviate-bind.selectorLabels" $ | nindent 6 }}
  {{- if $.perTemplate }}
  matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* "true" if there are several Weaviate pods, else "". */}}
{{- define "weaviate-bind.hasSeveralNodes" -}}
{{- if gt (int .Values.replicas) 1 }}true{{ end }}
{{- end }}

{{/* "true" if there are several gate pods, else "". */}}
{{- define "weaviate-bind.hasSeveralGates" -}}
{{- if gt (int .Values.gate.replicas) 1 }}true{{ end }}
{{- end }}

{{/* What says how inference pods are spread. Pods that must share a node are not. */}}
{{- define "weaviate-bind.inferenceSpread" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $several := include "weaviate-bind.hasSeveralPods" . }}
{{- if and (not $bind.affinity) (include "weaviate-bind.cacheTiesToNode" .) }}{{ $several = "" }}{{ end }}
{{- toJson (dict "constraints" $bind.topologySpreadConstraints "several" $several "component" "inference" "perTemplate" true) }}
{{- end }}

{{/* Name of a service account; "" for the namespace's default one. Input: dict "root" $ "component" … "name" … "account" … */}}
{{- define "weaviate-bind.serviceAccountName" -}}
{{- .name | default (.account.create | ternary (printf "%s-%s" .root.Release.Name .component) "") }}
{{- end }}

{{/* A service account. No token of it is mounted: a cloud's identity comes by a token of its own. Input as above. */}}
{{- define "weaviate-bind.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "weaviate-bind.serviceAccountName" . | quote }}
  labels: {{- include "weaviate-bind.labels" . | nindent 4 }}
  {{- with .account.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{/* Spec of a disruption budget; the API takes one of two bounds, and the default is one of them. Input: its values. */}}
{{- define "weaviate-bind.budget" -}}
{{- $spec := .spec }}
{{- if hasKey $spec "minAvailable" }}{{ $spec = omit $spec "maxUnavailable" }}{{ end }}
{{- toYaml $spec }}
{{- end }}

{{/* How many of `pods` a bound means, as the API rounds: a part of a pod is one. Input: dict "bound" … "pods" … */}}
{{- define "weaviate-bind.boundedPods" -}}
{{- $text := toString .bound }}
{{- if hasSuffix "%" $text }}
{{- divf (mulf (trimSuffix "%" $text | float64) .pods) 100 | ceil }}
{{- else }}{{ int $text }}{{ end }}
{{- end }}

{{/* Stop where a disruption budget lets no pod go, ever: the drain of a node would wait for it. Input: dict "name" …
     "pods" the fewest that there are */}}
{{- define "weaviate-bind.checkBudget" -}}
{{- $at := printf "podDisruptionBudgets.%s" .name }}
{{- $spec := .budget.spec }}
{{- if hasKey $spec "minAvailable" }}
{{- if ge (include "weaviate-bind.boundedPods" (dict "bound" $spec.minAvailable "pods" .pods) | int) (int .pods) }}
{{- fail (printf "%s.spec.minAvailable is %v and there may be %v pods, so none could ever be evicted and the drain of its node would wait for ever: use maxUnavailable, or more replicas" $at $spec.minAvailable .pods) }}
{{- end }}
{{- else if hasKey $spec "maxUnavailable" }}
{{- if lt (include "weaviate-bind.boundedPods" (dict "bound" $spec.maxUnavailable "pods" .pods) | int) 1 }}
{{- fail (printf "%s.spec.maxUnavailable is %v, so no pod could ever be evicted and the drain of its node would wait for ever: give it 1 or more, or turn the budget off" $at $spec.maxUnavailable) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Stop where a budget of the release would block drains. */}}
{{- define "weaviate-bind.checkBudgets" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $budgets := .Values.podDisruptionBudgets }}
{{- $isApart := include "weaviate-bind.gateIsApart" . }}
{{- if and $budgets.weaviate.enabled (include "weaviate-bind.hasSeveralNodes" .) (not $isApart) }}
{{- include "weaviate-bind.checkBudget" (dict "name" "weaviate" "budget" $budgets.weaviate "pods" .Values.replicas) }}
{{- end }}
{{- if and $budgets.gate.enabled $isApart }}
{{- include "weaviate-bind.checkBudget" (dict "name" "gate" "budget" $budgets.gate "pods" .Values.gate.replicas) }}
{{- end }}
{{- $fewest := $bind.autoscaling.enabled | ternary $bind.autoscaling.minReplicas $bind.replicas }}
{{- $budget := index $budgets "multi2vec-bind" }}
{{- if and $budget.enabled $bind.enabled (gt (int $fewest) 0) }}
{{- include "weaviate-bind.checkBudget" (dict "name" "multi2vec-bind" "budget" $budget "pods" $fewest) }}
{{- end }}
{{- end }}

{{/* Security context of pods. Where a cluster assigns users, as OpenShift does, none may be named. Input: dict "root" $
     "context" … */}}
{{- define "weaviate-bind.podSecurityContext" -}}
{{- $context := .context }}
{{- if eq .root.Values.podUser "Assigned" }}{{ $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}{{ end }}
{{- toYaml $context }}
{{- end }}
