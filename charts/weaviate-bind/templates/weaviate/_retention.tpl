{{/* Environment of the pod that removes old backups: what Weaviate's module for the place has. */}}
{{- define "weaviate-bind.retentionEnv" -}}
{{- $place := include "weaviate-bind.backupPlaces" . | fromJsonArray | first }}
{{- $secrets := merge (dict) ((get .Values.backups $place).envSecrets | default dict) }}
{{- range $name, $secret := .Values.envSecrets }}
{{- /* Keys may be told there, too. */}}
{{- if regexMatch "^(AWS|AZURE|GOOGLE)_" $name }}{{ $_ := set $secrets $name $secret }}{{ end }}
{{- end }}
{{- range $name, $value := include "weaviate-bind.backupEnv" . | fromJson }}
{{- if not (hasKey $secrets $name) }}
- name: {{ $name | quote }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
{{- range $name, $secret := $secrets }}
- name: {{ $name | quote }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret | quote }}
      key: {{ $name | quote }}
{{- end }}
{{- end }}

{{/* Stop where there is nothing to remove, or more than one place to do it in. */}}
{{- define "weaviate-bind.checkRetention" -}}
{{- $retention := .Values.backupRetention }}
{{- if or $retention.keepLast $retention.keepFor }}
{{- $places := include "weaviate-bind.backupPlaces" . | fromJsonArray }}
{{- if ne 1 (len $places) }}
{{- fail (printf "backupRetention removes old backups from one place, and %v places of `backups` are enabled: enable one, or leave out keepLast and keepFor" (len $places)) }}
{{- end }}
{{- end }}
{{- end }}
