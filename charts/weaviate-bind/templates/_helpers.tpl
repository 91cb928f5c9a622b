{{/* Labels of every object. Input: dict "root" $ "component" "weaviate" */}}
{{- define "weaviate-bind.labels" -}}
{{ include "weaviate-bind.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels that select the pods of one component, and nothing that may change. Input as above. */}}
{{- define "weaviate-bind.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of the pods: the selector's, and commonLabels. Input as above. */}}
{{- define "weaviate-bind.podLabels" -}}
{{ include "weaviate-bind.selectorLabels" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Reference of an image. Input: a map with registry, repo, tag, digest; the registry may be empty. */}}
{{- define "weaviate-bind.image" -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repo }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end }}

{{/* Pull secrets from names, or from maps with a name as upstream takes them. Input: a list. */}}
{{- define "weaviate-bind.pullSecrets" -}}
{{- $secrets := list }}
{{- range . }}{{ $secrets = append $secrets (kindIs "map" . | ternary . (dict "name" .)) }}{{ end }}
{{- with $secrets }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* "true" if the image is upstream's server, which brings its model along and reads none of our settings.
     The operator judges by the same rule, in policy/names.py. */}}
{{- define "weaviate-bind.isUpstreamImage" -}}
{{- if regexMatch "(^|/)multi2vec-bind$" (index .Values.modules "multi2vec-bind").repo }}true{{ end }}
{{- end }}

{{/* Whether the weights are kept in a volume of their own: "true" or "". */}}
{{- define "weaviate-bind.hasModelCache" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if and $bind.enabled $bind.cache.persistence (eq $bind.model.name "ImageBindHuge") (not (include "weaviate-bind.isUpstreamImage" .)) }}true{{ end }}
{{- end }}

{{/* What holds the weights and is mounted into the pod, "existingClaim" or "image"; "" where they are downloaded or not needed. */}}
{{- define "weaviate-bind.weightsVolume" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if and $bind.enabled (eq $bind.model.name "ImageBindHuge") (not (include "weaviate-bind.isUpstreamImage" .)) }}
{{- if $bind.model.weights.existingClaim.name }}existingClaim{{ else if $bind.model.weights.image.reference }}image{{ end }}
{{- end }}
{{- end }}

{{/* Host of the inference servers, all of whose addresses the gate asks the DNS for. */}}
{{- define "weaviate-bind.inferenceHost" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if $bind.enabled -}}
{{ .Release.Name }}-inference.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- else -}}
{{ (urlParse $bind.inferenceUrl).hostname }}
{{- end }}
{{- end }}

{{/* Port of the inference servers. */}}
{{- define "weaviate-bind.inferencePort" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if $bind.enabled }}8080{{ else }}{{ regexFind ":[0-9]+$" (urlParse $bind.inferenceUrl).host | trimPrefix ":" | default "80" }}{{ end }}
{{- end }}

{{/* GOMEMLIMIT, 80% of a memory limit, so that Go collects before the kernel kills. Input: a quantity; "" if it has no binary or decimal suffix. */}}
{{- define "weaviate-bind.goMemLimit" -}}
{{- $units := dict "Ki" "KiB" "Mi" "MiB" "Gi" "GiB" "Ti" "TiB" "k" "KiB" "M" "MiB" "G" "GiB" "T" "TiB" }}
{{- $smaller := dict "KiB" "B" "MiB" "KiB" "GiB" "MiB" "TiB" "GiB" }}
{{- $unit := regexFind "[A-Za-z]+$" (toString .) }}
{{- with get $units $unit }}
{{- printf "%.0f%s" (mulf (regexFind "^[0-9.]+" (toString $) | float64) 800.0 | floor) (get $smaller .) }}
{{- end }}
{{- end }}

{{/* Spread pods over nodes where nothing else is asked for. Input: dict "root" $ "component" … "affinity" … */}}
{{- define "weaviate-bind.affinity" -}}
{{- if .affinity }}
{{- mustToYaml .affinity }}
{{- else -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 1
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{- include "weaviate-bind.selectorLabels" . | nindent 12 }}
{{- end }}
{{- end }}
