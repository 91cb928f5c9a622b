{{/* IP families of a Service, where they are chosen. Input: $ */}}
{{- define "weaviate-bind.ipFamilies" -}}
{{- with .Values.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.ipFamilies }}
ipFamilies: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* "true" if pods may be asked by IPv6, else "". */}}
{{- define "weaviate-bind.usesIpv6" -}}
{{- if or (has "IPv6" .Values.ipFamilies) (hasSuffix "DualStack" .Values.ipFamilyPolicy) }}true{{ end }}
{{- end }}

{{/* Arguments of Weaviate: it listens at the addresses of both families where IPv6 is used. Else at those of IPv4, since
     a kernel without IPv6 has no other. */}}
{{- define "weaviate-bind.weaviateArgs" -}}
{{- $args := list }}
{{- $any := include "weaviate-bind.usesIpv6" . | empty | ternary "0.0.0.0" "::" }}
{{- range .Values.args }}{{ $args = append $args (eq . "0.0.0.0" | ternary $any .) }}{{ end }}
{{- /* As in upstream's arguments, for who has others. */}}
{{- if and (include "weaviate-bind.isOn" (dict "root" . "path" "custom_config_map")) (not (contains "--config-file" (join " " $args))) }}
{{- $args = concat $args (list "--config-file" "/weaviate-config/conf.yaml") }}
{{- end }}
{{- toYaml $args }}
{{- end }}
