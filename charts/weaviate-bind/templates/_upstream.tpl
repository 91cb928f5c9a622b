{{/* Put what files/upstream.yaml says of upstream's values at .Values._upstream, once for a render, since it is long.
     Input: $ */}}
{{- define "weaviate-bind.readUpstream" -}}
{{- if not (hasKey .Values "_upstream") }}
{{- $_ := set .Values "_upstream" (.Files.Get "files/upstream.yaml" | fromYaml) }}
{{- end }}
{{- end }}

{{/* What the values have at a path, as JSON; "null" if nothing. Input: dict "root" $ "path" with dots */}}
{{- define "weaviate-bind.valueAt" -}}
{{- $found := dict "at" .root.Values }}
{{- range splitList "." .path }}
{{- $map := kindIs "map" $found.at | ternary $found.at dict }}
{{- $_ := set $found "at" (hasKey $map . | ternary (get $map .) nil) }}
{{- end }}
{{- toJson $found.at }}
{{- end }}

{{/* What of the values this chart has not, each on a line with what is in its place; "" if there is none. Input: $ */}}
{{- define "weaviate-bind.unmet" -}}
{{- include "weaviate-bind.readUpstream" . }}
{{- range $path, $key := .Values._upstream.keys }}
{{- if and (eq $key.does "Named") (not (has (include "weaviate-bind.valueAt" (dict "root" $ "path" $path)) (list "null" "false" "\"\""))) }}
  {{ $path }}: {{ $key.says }}
{{- end }}
{{- end }}
{{- if regexMatch "\"app\"" (toJson .Values.affinity) }}
  affinity: it finds pods by the label app, which those of this chart have not; several are spread all the same
{{- end }}
{{- end }}

{{/* Stop where the values of an upstream release would mean something else here. Input: $ */}}
{{- define "weaviate-bind.checkUpstream" -}}
{{- include "weaviate-bind.readUpstream" . }}
{{- $upstream := .Values._upstream }}
{{- range $path, $key := $upstream.keys }}
{{- if eq $key.does "Refused" }}
{{- $value := include "weaviate-bind.valueAt" (dict "root" $ "path" $path) }}
{{- $enabled := include "weaviate-bind.valueAt" (dict "root" $ "path" (regexReplaceAll "[^.]+$" $path "enabled")) }}
{{- if and (not (has $value (list "null" "{}"))) (eq $enabled "true") }}
{{- fail (printf "%s is set, and Helm would store it with the values: %s" $path $key.says) }}
{{- end }}
{{- end }}
{{- end }}
{{- include "weaviate-bind.checkModules" . }}
{{- if and .Values.custom_config_map .Values.custom_config_map.enabled (not .Values.custom_config_map.name) }}
{{- fail "custom_config_map.enabled is true, but custom_config_map.name names none" }}
{{- end }}
{{- range $name := compact (splitList "," (.Values.env.RAFT_JOIN | default "" | toString)) }}
{{- if not (hasPrefix (printf "%s-" (include "weaviate-bind.clusterNode" $)) $name) }}
{{- fail (printf "env.RAFT_JOIN has %s, but the nodes of this release are %s-0 and so on, and Weaviate would wait for ever: remove it, and it is made from replicas" $name (include "weaviate-bind.clusterNode" $)) }}
{{- end }}
{{- end }}
{{- end }}
