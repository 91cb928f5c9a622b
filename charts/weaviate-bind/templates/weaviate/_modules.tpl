{{/* Other modules that are turned on, in the order of their names; a JSON list. Input: $ */}}
{{- define "weaviate-bind.otherModules" -}}
{{- include "weaviate-bind.readUpstream" . }}
{{- $upstream := .Values._upstream }}
{{- $on := list }}
{{- range $name, $module := .Values.modules }}
{{- if and (hasKey $upstream.api $name) $module.enabled }}{{ $on = append $on $name }}{{ end }}
{{- with get $upstream.servers $name }}
{{- if include "weaviate-bind.serverEnv" (dict "module" $module "variable" .) | fromJson }}{{ $on = append $on $name }}{{ end }}
{{- end }}
{{- end }}
{{- range $path, $name := $upstream.switches }}
{{- if and $name (include "weaviate-bind.isOn" (dict "root" $ "path" $path)) }}{{ $on = append $on $name }}{{ end }}
{{- end }}
{{- sortAlpha $on | toJson }}
{{- end }}

{{/* "true" if the values at a path are turned on, else "". Input: dict "root" $ "path" … */}}
{{- define "weaviate-bind.isOn" -}}
{{- if eq "true" (include "weaviate-bind.valueAt" (dict "root" .root "path" (printf "%s.enabled" .path))) }}true{{ end }}
{{- end }}

{{/* Addresses of a module's server elsewhere, variable to address, as JSON. Input: dict "module" its values
     "variable" … */}}
{{- define "weaviate-bind.serverEnv" -}}
{{- $env := dict }}
{{- with .module.inferenceUrl }}{{ $_ := set $env $.variable . }}{{ end }}
{{- if not $env }}
{{- range $kind, $one := .module.passageQueryServices | default dict }}
{{- with $one.inferenceUrl }}{{ $_ := set $env (printf "TRANSFORMERS_%s_INFERENCE_API" (upper $kind)) . }}{{ end }}
{{- end }}
{{- end }}
{{- toJson $env }}
{{- end }}

{{/* Environment of Weaviate, name to value, that follows from other modules and from upstream's switches; a JSON map.
     Input: $ */}}
{{- define "weaviate-bind.moduleEnv" -}}
{{- include "weaviate-bind.readUpstream" . }}
{{- $upstream := .Values._upstream }}
{{- $env := dict }}
{{- range $name, $module := .Values.modules }}
{{- with get $upstream.servers $name }}
{{- $env = merge $env (include "weaviate-bind.serverEnv" (dict "module" $module "variable" .) | fromJson) }}
{{- end }}
{{- end }}
{{- range $path, $_ := $upstream.switches }}
{{- if include "weaviate-bind.isOn" (dict "root" $ "path" $path) }}
{{- $env = merge $env (include "weaviate-bind.valueAt" (dict "root" $ "path" (printf "%s.envconfig" $path)) | fromJson | default dict) }}
{{- end }}
{{- end }}
{{- if include "weaviate-bind.isOn" (dict "root" $ "path" "collectionExport") }}{{ $_ := set $env "EXPORT_ENABLED" "true" }}{{ end }}
{{- if include "weaviate-bind.isOn" (dict "root" $ "path" "namespaces") }}
{{- $env = merge $env (dict "NAMESPACES_ENABLED" "true" "DISABLE_GRAPHQL" "true" "REPLICATION_MAXIMUM_FACTOR" "1") }}
{{- end }}
{{- with (.Values.query_defaults | default dict).limit }}{{ $_ := set $env "QUERY_DEFAULTS_LIMIT" (toJson .) }}{{ end }}
{{- if include "weaviate-bind.isOn" (dict "root" $ "path" "runtime_overrides") }}
{{- $_ := set $env "RUNTIME_OVERRIDES_ENABLED" "true" }}
{{- $_ := set $env "RUNTIME_OVERRIDES_PATH" (include "weaviate-bind.overridesPath" .) }}
{{- $_ := set $env "RUNTIME_OVERRIDES_LOAD_INTERVAL" (.Values.runtime_overrides.load_interval | default "2m") }}
{{- end }}
{{- if and .Values.mcp.enabled .Values.mcp.config }}{{ $_ := set $env "MCP_SERVER_CONFIG_PATH" "/mcp-config/mcp-config.yaml" }}{{ end }}
{{- toJson $env }}
{{- end }}

{{/* Environment of Weaviate from Secrets that follows from other modules, name to its Secret and entry; a JSON map.
     Input: $ */}}
{{- define "weaviate-bind.moduleSecrets" -}}
{{- include "weaviate-bind.readUpstream" . }}
{{- $upstream := .Values._upstream }}
{{- $secrets := dict }}
{{- range $name, $module := .Values.modules }}
{{- $keys := get $upstream.api $name | default dict }}
{{- if and (hasKey $upstream.api $name) $module.enabled }}
{{- range $variable, $secret := $module.envSecrets | default dict }}
{{- $_ := set $secrets $variable (dict "name" $secret "key" $variable) }}
{{- end }}
{{- if $module.existingSecret }}
{{- $variable := $keys.apiKey | default $keys.token }}
{{- $one := dict "name" $module.existingSecret "key" ($module.key | default $variable) }}
{{- if ne (toJson $one) (get $secrets $variable | default $one | toJson) }}
{{- fail (printf "modules.%s.existingSecret and another module's are different, and both are %s: name one Secret and one key" $name $variable) }}
{{- end }}
{{- $_ := set $secrets $variable $one }}
{{- end }}
{{- end }}
{{- end }}
{{- range $path, $_ := $upstream.switches }}
{{- if include "weaviate-bind.isOn" (dict "root" $ "path" $path) }}
{{- range $variable, $secret := include "weaviate-bind.valueAt" (dict "root" $ "path" (printf "%s.envSecrets" $path)) | fromJson | default dict }}
{{- $_ := set $secrets $variable (dict "name" $secret "key" $variable) }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $secrets }}
{{- end }}

{{/* Stop where a module would be missing, or have its key among the values. Input: $ */}}
{{- define "weaviate-bind.checkModules" -}}
{{- include "weaviate-bind.readUpstream" . }}
{{- $upstream := .Values._upstream }}
{{- range $name, $module := .Values.modules }}
{{- $keys := get $upstream.api $name | default dict }}
{{- if and (hasKey $upstream.api $name) $module.enabled }}
{{- range $key, $variable := $keys }}
{{- if get $module $key }}
{{- fail (printf "modules.%s.%s is a key as text, which Helm would store with the values: put it into a Secret, and name that in modules.%s.existingSecret, or in envSecrets.%s" $name $key $name $variable) }}
{{- end }}
{{- end }}
{{- if $module.secrets }}
{{- fail (printf "modules.%s.secrets has keys as text, which Helm would store with the values: put them into a Secret, and name that in modules.%s.envSecrets" $name $name) }}
{{- end }}
{{- end }}
{{- if hasKey $upstream.servers $name }}
{{- $runs := $module.enabled }}
{{- range $module.passageQueryServices }}{{ $runs = or $runs .enabled }}{{ end }}
{{- if $runs }}
{{- fail (printf "modules.%s is enabled, but this chart runs no server for it, and collections that use it would fail: run one elsewhere, set its inferenceUrl to the address, and enabled to false" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where Weaviate finds its runtime overrides. Input: $ */}}
{{- define "weaviate-bind.overridesPath" -}}
{{ .Values.runtime_overrides.path | default "/config/overrides.yaml" }}
{{- end }}

{{/* ConfigMaps of Weaviate: a JSON list of volume, mount path and name. Input: $ */}}
{{- define "weaviate-bind.configMaps" -}}
{{- $maps := list }}
{{- if include "weaviate-bind.isOn" (dict "root" $ "path" "custom_config_map") }}
{{- $maps = append $maps (dict "volume" "weaviate-config" "path" "/weaviate-config" "name" .Values.custom_config_map.name) }}
{{- end }}
{{- if include "weaviate-bind.isOn" (dict "root" $ "path" "runtime_overrides") }}
{{- $maps = append $maps (dict "volume" "weaviate-runtime-overrides" "path" (include "weaviate-bind.overridesPath" . | dir) "name" (printf "%s-weaviate-runtime-overrides" .Release.Name)) }}
{{- end }}
{{- if and .Values.mcp.enabled .Values.mcp.config }}
{{- $maps = append $maps (dict "volume" "weaviate-mcp-config" "path" "/mcp-config" "name" (printf "%s-weaviate-mcp-config" .Release.Name)) }}
{{- end }}
{{- toJson $maps }}
{{- end }}

{{/* Mounts of the Weaviate container for them. Input: $ */}}
{{- define "weaviate-bind.configMounts" -}}
{{- range include "weaviate-bind.configMaps" . | fromJsonArray }}
- name: {{ .volume }}
  mountPath: {{ .path | quote }}
  readOnly: true
{{- end }}
{{- end }}

{{/* Volumes of the Weaviate pod for them. Input: $ */}}
{{- define "weaviate-bind.configVolumes" -}}
{{- range include "weaviate-bind.configMaps" . | fromJsonArray }}
- name: {{ .volume }}
  configMap:
    name: {{ .name | quote }}
{{- end }}
{{- end }}

{{/* Service account of the Weaviate pods. Input: $ */}}
{{- define "weaviate-bind.weaviateServiceAccount" -}}
{{- $s3 := and .Values.backups.s3.enabled (not .Values.serviceAccount.create) | ternary .Values.backups.s3.serviceAccountName "" }}
{{- include "weaviate-bind.serviceAccountName" (dict "root" $ "component" "weaviate" "name" (.Values.serviceAccountName | default $s3) "account" .Values.serviceAccount) }}
{{- end }}

{{/* A probe of Weaviate, its own or another kind. Input: dict "values" … "path" what it asks by itself */}}
{{- define "weaviate-bind.weaviateProbe" -}}
{{- $kind := .values.probeType | default "httpGet" }}
{{- $own := eq $kind "httpGet" | ternary (dict "path" .path "port" "http") nil }}
{{- $asks := get (.values.probe | default dict) $kind | default $own | required (printf "probeType is %s, but probe.%s says nothing: write it" $kind $kind) }}
{{- merge (dict $kind $asks) (omit .values "enabled" "probeType" "probe") | toYaml }}
{{- end }}
