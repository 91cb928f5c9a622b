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

{{/* Labels of the pods: the selector's, commonLabels, and the pods' own, which win. Input as above, and "more" a map. */}}
{{- define "weaviate-bind.podLabels" -}}
{{ include "weaviate-bind.selectorLabels" . }}
{{- with merge (dict) .more .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Reference of an image. Input: a map with registry, repo, tag, digest; the registry may be empty. */}}
{{- define "weaviate-bind.image" -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repo }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end }}

{{/* Reference of the inference image: without a tag of the user's the one for the device. Input: $.
     The operator judges by the same rule, in settings.py. */}}
{{- define "weaviate-bind.inferenceImage" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $own := printf "%s%s" (.Chart.Version | replace "+" "_") ($bind.envconfig.enable_cuda | ternary "" "-cpu") }}
{{- include "weaviate-bind.image" (merge (dict "tag" ($bind.tag | default $own)) $bind) }}
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

{{/* "true" if the gate has pods of its own, because Weaviate is none of this release; else "". */}}
{{- define "weaviate-bind.gateIsApart" -}}
{{- if eq .Values.gate.mode "Deployment" }}true{{ end }}
{{- end }}

{{/* Address at which the gate asks Weaviate for its metadata in the operator's place; "" if it does not. Beside it in its
     pod it does so where it has a key. */}}
{{- define "weaviate-bind.weaviateUrl" -}}
{{- if include "weaviate-bind.gateIsApart" . }}{{ .Values.gate.weaviate.url }}{{ else if .Values.gate.weaviate.apiKey.existingSecret }}http://127.0.0.1:8080{{ end }}
{{- end }}

{{/* Component whose pods hold the gate. */}}
{{- define "weaviate-bind.gateComponent" -}}
{{ if include "weaviate-bind.gateIsApart" . }}gate{{ else }}weaviate{{ end }}
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
{{- if $bind.enabled }}8080{{ else }}{{ regexFind ":[0-9]+$" (urlParse $bind.inferenceUrl).host | trimPrefix ":" | default (eq (include "weaviate-bind.inferenceTls" .) "true" | ternary "443" "80") }}{{ end }}
{{- end }}

{{/* "true" if the inference servers are elsewhere and speak https, else "". */}}
{{- define "weaviate-bind.inferenceTls" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if and (not $bind.enabled) (hasPrefix "https://" $bind.inferenceUrl) }}true{{ end }}
{{- end }}

{{/* Checksum of what the gate is configured by. */}}
{{- define "weaviate-bind.gateChecksum" -}}
{{ print (include "weaviate-bind.gateCaddyfile" (dict "root" . "file" "files/gate.caddyfile")) (include "weaviate-bind.gateCaddyfile" (dict "root" . "file" "files/gate-large.caddyfile")) | sha256sum }}
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

{{/* A quantity of memory in MiB. Input: a quantity as Kubernetes or Caddy writes it (512Mi, 64MiB, 1G, 1000). */}}
{{- define "weaviate-bind.mebibytes" -}}
{{- $units := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 }}
{{- $unit := regexFind "[A-Za-z]*$" (toString .) | trimSuffix "B" }}
{{- divf (mulf (regexFind "^[0-9.]+" (toString .) | float64) (get $units $unit | required (printf "%v is not a quantity of memory" .))) 1048576.0 }}
{{- end }}

{{/* MiB of bodies that a process of the gate may hold: half of what its memory limit leaves above 128 MiB. The other
     half is for the copy while a body grows, and for what Go has not collected yet. Input: dict "resources" … "default" … */}}
{{- define "weaviate-bind.gateHeldMebibytes" -}}
{{- $limit := include "weaviate-bind.mebibytes" (dig "limits" "memory" .default .resources) | float64 }}
{{- divf (subf $limit 128.0) 2.0 }}
{{- end }}

{{/* Texts that the gate works on at once. Caddy may hold any body below 1 MB in 1 MiB. */}}
{{- define "weaviate-bind.gateTexts" -}}
{{- divf (mulf (include "weaviate-bind.gateHeldMebibytes" (dict "resources" .Values.gate.resources "default" "512Mi") | float64) 2.0) 3.0 | floor | int }}
{{- end }}

{{/* Bodies of 10 kB to 1 MB that the gate works on at once. */}}
{{- define "weaviate-bind.gateSmalls" -}}
{{- divf (include "weaviate-bind.gateHeldMebibytes" (dict "resources" .Values.gate.resources "default" "512Mi") | float64) 3.0 | floor | int }}
{{- end }}

{{/* Bodies of 1 MB and more that the gate works on at once, each in the next power of two, as Caddy's buffer grows. */}}
{{- define "weaviate-bind.gateLarges" -}}
{{- $largest := include "weaviate-bind.mebibytes" .Values.gate.maxBodySize | float64 }}
{{- $slot := dict "mebibytes" 1.0 }}
{{- range until 20 }}{{ if lt $slot.mebibytes $largest }}{{ $_ := set $slot "mebibytes" (mulf $slot.mebibytes 2.0) }}{{ end }}{{ end }}
{{- divf (include "weaviate-bind.gateHeldMebibytes" (dict "resources" .Values.gate.large.resources "default" "1Gi") | float64) $slot.mebibytes | floor | int }}
{{- end }}

{{/* Caddyfile of a process of the gate. Input: dict "root" $ "file" … */}}
{{- define "weaviate-bind.gateCaddyfile" -}}
{{- tpl (.root.Files.Get "files/gate-common.caddyfile") (merge (dict "IsFirst" (eq .file "files/gate.caddyfile")) .root) }}
{{ tpl (.root.Files.Get .file) .root }}
{{- end }}

{{/* Affinity of pods: the user's; else, where the chart does not spread them by topology (_placement.tpl), other nodes
     are preferred. Not both: a spread counts the pods of each zone and node, and the preference would only tell it
     again, for nodes alone. Input: dict "root" $ "component" … "affinity" … "constraints" … "several" … */}}
{{- define "weaviate-bind.affinity" -}}
{{- if .affinity }}
{{- mustToYaml .affinity }}
{{- else if not (include "weaviate-bind.isSpread" .) -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 1
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{- include "weaviate-bind.selectorLabels" . | nindent 12 }}
{{- end }}
{{- end }}
