{{/* Labels of every object. Input: $ */}}
{{- define "bind-operator.labels" -}}
{{ include "bind-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels that select the operator's pod, and nothing that may change. Input: $ */}}
{{- define "bind-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Reference of the operator's image. Input: $ */}}
{{- define "bind-operator.image" -}}
{{- with .Values.image.registry }}{{ . }}/{{ end }}{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Name of the service account. Input: $ */}}
{{- define "bind-operator.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary .Release.Name "default") }}
{{- end }}

{{/* What the operator and the Helm it runs may do, where resources live: what they use, as a test of the chart says. */}}
{{- define "bind-operator.rules" -}}
# The resource itself: to see it change, to put a finalizer on it, and to write its status.
- apiGroups: [bindvectorizer.dev]
  resources: [bindvectorizers]
  verbs: [get, list, watch, patch]
- apiGroups: [bindvectorizer.dev]
  resources: [bindvectorizers/status]
  verbs: [patch]
# To see whether a resource is deleted with its namespace.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# To say why a pod is not ready, in the cluster's own words.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
- apiGroups: [""]
  resources: [events]
  verbs: [list, create]
{{- if eq .Values.helm.driver "Secret" }}
# Helm keeps its records in Secrets (helm.driver).
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, create, update, delete]
{{- else }}
# Helm keeps its records in ConfigMaps (helm.driver).
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, update]
{{- end }}
{{- if eq .Values.helm.driver "Migrate" }}
# Helm's records are moved from Secrets to ConfigMaps (helm.driver).
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, delete]
{{- end }}
{{- if ne .Values.helm.driver "Secret" }}
# To make keys for Weaviate and for the inference server. What is in a Secret the operator can neither read nor change.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
{{- end }}
# What the workload chart is made of, as far as a resource asks for it; Helm's records are ConfigMaps too.
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, create, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# Old backups are removed by a pod of the release's own: its keys to the bucket, the operator never has.
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get, list, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [grpcroutes, httproutes]
  verbs: [get, list, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, create, patch, delete]
# To see a change of them at once.
- apiGroups: [""]
  resources: [configmaps, events, persistentvolumeclaims, services]
  verbs: [list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch]
# Autoscaling, as far as a resource asks for it: by CPU, or by KEDA where that is installed. Replicas that an autoscaler has
# are left to it.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, create, patch, delete]
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, create, patch, delete]
{{- end }}

{{/* Namespaces of the Leases, as a JSON list: of each watched one, or of the one for all. Input: $ */}}
{{- define "bind-operator.leaseNamespaces" -}}
{{ .Values.watchNamespaces | default (list .Values.leaderElection.namespace) | toJson }}
{{- end }}

{{/* What the operator of single namespaces may do when one of them goes, and its Role with it: let the resource go. */}}
{{- define "bind-operator.finalizerRules" -}}
- apiGroups: [bindvectorizer.dev]
  resources: [bindvectorizers]
  verbs: [get, list, patch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}

{{/* Name of the ClusterRole; an operator of single namespaces shares the cluster with others of its name. Input: $ */}}
{{- define "bind-operator.clusterRoleName" -}}
{{ .Values.watchNamespaces | empty | ternary .Release.Name (printf "%s-finalizer-%s" .Release.Name .Release.Namespace) }}
{{- end }}

{{/* Security context of pods. Where a cluster assigns users, as OpenShift does, none may be named. Input: $ */}}
{{- define "bind-operator.podSecurityContext" -}}
{{- $context := .Values.podSecurityContext }}
{{- if eq .Values.podUser "Assigned" }}{{ $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}{{ end }}
{{- toYaml $context }}
{{- end }}
