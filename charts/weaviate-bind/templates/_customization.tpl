{{/* Annotations of an object: commonAnnotations and its own, which win. Input: dict "root" $ "own" a map, or none. */}}
{{- define "weaviate-bind.annotations" -}}
{{- with merge (dict) (.own | default dict) .root.Values.commonAnnotations }}
{{- dict "annotations" . | toYaml | nindent 2 }}
{{- end }}
{{- end }}

{{/* What a pod's spec has of names and addresses. Input: the values of one side. */}}
{{- define "weaviate-bind.podNetwork" -}}
{{- $set := dict }}
{{- range $name := list "dnsConfig" "dnsPolicy" "hostAliases" }}
{{- with get $ $name }}{{ $_ := set $set $name . }}{{ end }}
{{- end }}
{{- with $set }}{{ toYaml . | nindent 6 }}{{ end }}
{{- end }}

{{/* A variable of `extraEnv`. Not toYaml: it folds U+0085 into a space, and gives nothing at all for what it cannot
     write. Input: the variable. */}}
{{- define "weaviate-bind.variable" -}}
- name: {{ .name | quote }}
  {{- range $field, $value := omit . "name" }}
  {{ $field }}: {{ eq $field "value" | ternary (kindIs "string" $value | ternary $value (toJson $value) | quote) (toJson $value) }}
  {{- end }}
{{- end }}

{{/* Stop where labels, annotations, volumes or containers of the user's would be in the place of the chart's. Input: $ */}}
{{- define "weaviate-bind.checkCustomization" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- range $path, $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels "gate.podLabels" .Values.gate.podLabels "modules.multi2vec-bind.podLabels" $bind.podLabels }}
{{- range $name, $_ := $labels }}
{{- if regexMatch "^(app[.]kubernetes[.]io/(name|instance|component|version|managed-by)|helm[.]sh/.*|bindvectorizer[.]dev/.*)$" $name }}
{{- fail (printf "%s has %s, which the chart sets itself: remove it" $path $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $path, $annotations := dict "commonAnnotations" .Values.commonAnnotations "annotations" .Values.annotations "gate.annotations" .Values.gate.annotations "modules.multi2vec-bind.annotations" $bind.annotations }}
{{- range $name, $_ := $annotations }}
{{- if regexMatch "^((meta[.])?helm[.]sh/.*|bindvectorizer[.]dev/.*|checksum/gate)$" $name }}
{{- fail (printf "%s has %s, which Helm or the chart sets itself: remove it" $path $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- $volumes := list "tmp" "gate-config" "gate-tmp" "gate-key" "inference-ca" "backups" "backup-gcs" .Values.storage.name }}
{{- $mounts := list "/var/lib/weaviate" "/tmp" "/etc/backup-gcs" }}
{{- range include "weaviate-bind.configMaps" . | fromJsonArray }}
{{- $volumes = append $volumes .volume }}
{{- $mounts = append $mounts .path }}
{{- end }}
{{- include "weaviate-bind.checkPod" (dict "path" "" "values" .Values "init" (.Values.initContainers.extraInitContainers | default list) "volumes" $volumes "mounts" $mounts "containers" (list "weaviate" "gate" "gate-large")) }}
{{- include "weaviate-bind.checkPod" (dict "path" "modules.multi2vec-bind." "values" $bind "init" $bind.extraInitContainers "volumes" (list "tmp" "cache" "api-keys" "weights") "mounts" (list "/tmp" "/cache" "/etc/api-keys" "/weights") "containers" (list "inference")) }}
{{- end }}

{{/* The same of one pod. Input: dict "path" of its values, "values", "init" containers, and the chart's own "volumes" … "mounts" … "containers" … */}}
{{- define "weaviate-bind.checkPod" -}}
{{- range .values.extraVolumes }}
{{- if has .name $.volumes }}
{{- fail (printf "%sextraVolumes has %s, a volume of the chart's: give it another name" $.path .name) }}
{{- end }}
{{- end }}
{{- range .values.extraVolumeMounts }}
{{- if has (.mountPath | default "" | trimSuffix "/") (append $.mounts "") }}
{{- fail (printf "%sextraVolumeMounts has %v, where the chart mounts a volume of its own: choose another path" $.path .mountPath) }}
{{- end }}
{{- end }}
{{- range concat .values.extraContainers .init }}
{{- if has .name $.containers }}
{{- fail (printf "%sextraContainers or its init containers have %s, a container of the chart's: give it another name" $.path .name) }}
{{- end }}
{{- end }}
{{- end }}
