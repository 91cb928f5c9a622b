{{/* Places of backups that are turned on, in the order of their names; a JSON list. */}}
{{- define "weaviate-bind.backupPlaces" -}}
{{- $on := list }}
{{- range $place, $one := .Values.backups }}{{ if $one.enabled }}{{ $on = append $on $place }}{{ end }}{{ end }}
{{- sortAlpha $on | toJson }}
{{- end }}

{{/* Their modules; a JSON list. */}}
{{- define "weaviate-bind.backupModules" -}}
{{- $modules := list }}
{{- range include "weaviate-bind.backupPlaces" . | fromJsonArray }}{{ $modules = append $modules (printf "backup-%s" .) }}{{ end }}
{{- toJson $modules }}
{{- end }}

{{/* Environment of the modules, name to value; a JSON map. */}}
{{- define "weaviate-bind.backupEnv" -}}
{{- $env := dict }}
{{- range include "weaviate-bind.backupPlaces" . | fromJsonArray }}
{{- $env = merge $env (get $.Values.backups .).envconfig }}
{{- end }}
{{- if include "weaviate-bind.gcsKey" . }}{{ $_ := set $env "GOOGLE_APPLICATION_CREDENTIALS" "/etc/backup-gcs/key.json" }}{{ end }}
{{- toJson $env }}
{{- end }}

{{/* Environment of Weaviate from Secrets, name to Secret and entry; a JSON map. `envSecrets` wins over what the modules need. */}}
{{- define "weaviate-bind.envSecrets" -}}
{{- $names := merge (dict) (.Values.envSecrets | default dict) }}
{{- range include "weaviate-bind.backupPlaces" . | fromJsonArray }}
{{- /* Upstream's chart makes a file of this one, as gcsKey does. */}}
{{- $names = merge $names (omit ((get $.Values.backups .).envSecrets | default dict) "GOOGLE_APPLICATION_CREDENTIALS") }}
{{- end }}
{{- $secrets := dict }}
{{- range $name, $secret := $names }}{{ $_ := set $secrets $name (dict "name" $secret "key" $name) }}{{ end }}
{{- merge $secrets (include "weaviate-bind.moduleSecrets" . | fromJson) | toJson }}
{{- end }}

{{/* Secret with the key file of a Google service account; "" where there is none. */}}
{{- define "weaviate-bind.gcsKey" -}}
{{- with .Values.backups.gcs }}
{{- if .enabled }}{{ .credentials.existingSecret | default (get (.envSecrets | default dict) "GOOGLE_APPLICATION_CREDENTIALS") }}{{ end }}
{{- end }}
{{- end }}

{{/* Claim of the volume of backups; "" where they are elsewhere. */}}
{{- define "weaviate-bind.backupClaim" -}}
{{- if .Values.backups.filesystem.enabled }}
{{- .Values.backups.filesystem.volume.existingClaim | default (printf "%s-weaviate-backups" .Release.Name) }}
{{- end }}
{{- end }}

{{/* Mounts of the Weaviate container for its backups. */}}
{{- define "weaviate-bind.backupMounts" -}}
{{- if include "weaviate-bind.backupClaim" . }}
- name: backups
  mountPath: {{ .Values.backups.filesystem.envconfig.BACKUP_FILESYSTEM_PATH | quote }}
{{- end }}
{{- if include "weaviate-bind.gcsKey" . }}
- name: backup-gcs
  mountPath: /etc/backup-gcs
  readOnly: true
{{- end }}
{{- end }}

{{/* Volumes of the Weaviate pod for its backups. */}}
{{- define "weaviate-bind.backupVolumes" -}}
{{- with include "weaviate-bind.backupClaim" . }}
- name: backups
  persistentVolumeClaim:
    claimName: {{ . | quote }}
{{- end }}
{{- with include "weaviate-bind.gcsKey" . }}
- name: backup-gcs
  secret:
    secretName: {{ . | quote }}
    items:
      - key: {{ empty $.Values.backups.gcs.credentials.existingSecret | ternary "GOOGLE_APPLICATION_CREDENTIALS" $.Values.backups.gcs.credentials.key | quote }}
        path: key.json
{{- end }}
{{- end }}

{{/* Stop with a message where a backup could not be made, or its keys would stand among the values. */}}
{{- define "weaviate-bind.checkBackups" -}}
{{- $places := include "weaviate-bind.backupPlaces" . | fromJsonArray }}
{{- if and $places (include "weaviate-bind.gateIsApart" .) }}
{{- fail (printf "backups.%s.enabled is true, but gate.mode Deployment has no Weaviate in this release: back the other one up where it runs" (first $places)) }}
{{- end }}
{{- range $place := $places }}
{{- range $name, $value := (get $.Values.backups $place).envconfig }}
{{- if regexMatch "(SECRET|_KEY$|ACCESS_KEY|TOKEN|CONNECTION_STRING)" $name }}
{{- fail (printf "backups.%s.envconfig.%s is a credential: keep it in a Secret under that name, and name the Secret in backups.%s.envSecrets" $place $name $place) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.backups.filesystem }}
{{- if and .enabled (gt (int $.Values.replicas) 1) }}
{{- fail (printf "backups.filesystem.enabled is true and replicas is %v: Weaviate backs up several nodes to s3, gcs or azure only" $.Values.replicas) }}
{{- end }}
{{- $path := .envconfig.BACKUP_FILESYSTEM_PATH | default "" | toString }}
{{- if and .enabled (or (not (hasPrefix "/" $path)) (eq $path "/") (hasPrefix "/var/lib/weaviate/" (printf "%s/" $path))) }}
{{- fail "backups.filesystem.envconfig.BACKUP_FILESYSTEM_PATH must be an absolute path that is not within Weaviate's data, /var/lib/weaviate" }}
{{- end }}
{{- end }}
{{- end }}
