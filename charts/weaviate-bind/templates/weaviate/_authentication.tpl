{{/* Variables of Weaviate by which it knows who may ask it, name to value, as JSON: none that is left as it is. */}}
{{- define "weaviate-bind.authenticationVariables" -}}
{{- $chosen := dict "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED" (toString .Values.authentication.anonymous_access.enabled) }}
{{- with .Values.authentication.apikey }}
{{- if .enabled }}
{{- $_ := set $chosen "AUTHENTICATION_APIKEY_ENABLED" "true" }}
{{- with .users }}{{ $_ := set $chosen "AUTHENTICATION_APIKEY_USERS" (join "," .) }}{{ end }}
{{- if .existingSecret }}
{{- $keys := list }}
{{- range $number, $_ := .keys }}{{ $keys = append $keys (printf "$(WEAVIATE_API_KEY_%d)" $number) }}{{ end }}
{{- $_ := set $chosen "AUTHENTICATION_APIKEY_ALLOWED_KEYS" (join "," $keys) }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.authentication.db_users.enabled }}{{ $_ := set $chosen "AUTHENTICATION_DB_USERS_ENABLED" "true" }}{{ end }}
{{- with .Values.authentication.oidc }}
{{- if .enabled }}
{{- $_ := set $chosen "AUTHENTICATION_OIDC_ENABLED" "true" }}
{{- with .issuer }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_ISSUER" . }}{{ end }}
{{- with .client_id }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_CLIENT_ID" . }}{{ end }}
{{- if .skip_client_id_check }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_SKIP_CLIENT_ID_CHECK" "true" }}{{ end }}
{{- with .username_claim }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_USERNAME_CLAIM" . }}{{ end }}
{{- with .groups_claim }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_GROUPS_CLAIM" . }}{{ end }}
{{- with .scopes }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_SCOPES" (join "," .) }}{{ end }}
{{- with .namespace_claim }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_NAMESPACE_CLAIM" . }}{{ end }}
{{- with .global_principal_claim }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_GLOBAL_PRINCIPAL_CLAIM" . }}{{ end }}
{{- with .jwks_url }}{{ $_ := set $chosen "AUTHENTICATION_OIDC_JWKS_URL" . }}{{ end }}
{{- end }}
{{- end }}
{{- with .Values.authorization.admin_list }}
{{- if .enabled }}
{{- $_ := set $chosen "AUTHORIZATION_ADMINLIST_ENABLED" "true" }}
{{- with .users }}{{ $_ := set $chosen "AUTHORIZATION_ADMINLIST_USERS" (join "," .) }}{{ end }}
{{- with .read_only_users }}{{ $_ := set $chosen "AUTHORIZATION_ADMINLIST_READONLY_USERS" (join "," .) }}{{ end }}
{{- with .groups }}{{ $_ := set $chosen "AUTHORIZATION_ADMINLIST_GROUPS" (join "," .) }}{{ end }}
{{- with .read_only_groups }}{{ $_ := set $chosen "AUTHORIZATION_ADMINLIST_READONLY_GROUPS" (join "," .) }}{{ end }}
{{- end }}
{{- end }}
{{- with .Values.authorization.rbac }}
{{- if .enabled }}
{{- $_ := set $chosen "AUTHORIZATION_RBAC_ENABLED" "true" }}
{{- with .root_users }}{{ $_ := set $chosen "AUTHORIZATION_RBAC_ROOT_USERS" (join "," .) }}{{ end }}
{{- with .root_groups }}{{ $_ := set $chosen "AUTHORIZATION_RBAC_ROOT_GROUPS" (join "," .) }}{{ end }}
{{- with .read_only_groups }}{{ $_ := set $chosen "AUTHORIZATION_RBAC_READONLY_GROUPS" (join "," .) }}{{ end }}
{{- end }}
{{- end }}
{{- if .Values.mcp.enabled }}
{{- $_ := set $chosen "MCP_SERVER_ENABLED" "true" }}
{{- if or .Values.mcp.writeAccess .Values.mcp.writeAccessEnabled }}{{ $_ := set $chosen "MCP_SERVER_WRITE_ACCESS_ENABLED" "true" }}{{ end }}
{{- end }}
{{- if include "weaviate-bind.isOn" (dict "root" $ "path" "custom_config_map") }}
{{- range $name, $_ := $chosen }}{{ if hasPrefix "AUTH" $name }}{{ $chosen = omit $chosen $name }}{{ end }}{{ end }}
{{- end }}
{{- toJson $chosen }}
{{- end }}

{{/* Variables of Weaviate from Secrets that the above need, before those. Kubernetes joins the keys in the pod. */}}
{{- define "weaviate-bind.authenticationSecrets" -}}
{{- with .Values.authentication.apikey }}
{{- if and .enabled .existingSecret }}
{{- range $number, $key := .keys }}
- name: WEAVIATE_API_KEY_{{ $number }}
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.authentication.apikey.existingSecret | quote }}
      key: {{ $key | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.authentication.oidc }}
{{- if and .enabled .certificate.existingSecret }}
- name: AUTHENTICATION_OIDC_CERTIFICATE
  valueFrom:
    secretKeyRef:
      name: {{ .certificate.existingSecret | quote }}
      key: {{ .certificate.key | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Stop where nobody could come in, or Weaviate would not start. */}}
{{- define "weaviate-bind.checkAuthentication" -}}
{{- $apikey := .Values.authentication.apikey }}
{{- $names := concat (keys .Values.env) (keys (.Values.envSecrets | default dict)) }}
{{- if $apikey.allowed_keys }}
{{- fail "authentication.apikey.allowed_keys holds keys, which Helm would store with the values: put each into an entry of a Secret, name it in authentication.apikey.existingSecret and the entries in authentication.apikey.keys" }}
{{- end }}
{{- if and $apikey.enabled (not $apikey.existingSecret) (not (has "AUTHENTICATION_APIKEY_ALLOWED_KEYS" $names)) }}
{{- fail "authentication.apikey.enabled is true, but no keys are named: set authentication.apikey.existingSecret and keys, or envSecrets.AUTHENTICATION_APIKEY_ALLOWED_KEYS" }}
{{- end }}
{{- if and $apikey.enabled $apikey.existingSecret (ne 1 (len $apikey.users)) (ne (len $apikey.keys) (len $apikey.users)) }}
{{- fail "authentication.apikey.keys and authentication.apikey.users are not as many: give each key its user, or one user for all" }}
{{- end }}
{{- if and .Values.authorization.admin_list.enabled .Values.authorization.rbac.enabled }}
{{- fail "authorization.admin_list and authorization.rbac are both enabled: turn one of them off" }}
{{- end }}
{{- if and (not .Values.authentication.anonymous_access.enabled) (not $apikey.enabled) (not .Values.authentication.oidc.enabled) (not .Values.authentication.db_users.enabled) (not (include "weaviate-bind.gateIsApart" .)) (not (include "weaviate-bind.isOn" (dict "root" $ "path" "custom_config_map"))) }}
{{- $open := list }}
{{- range $names }}{{ if hasPrefix "AUTHENTICATION_" . }}{{ $open = append $open . }}{{ end }}{{ end }}
{{- if not $open }}
{{- fail "authentication.anonymous_access.enabled is false and nothing else lets anybody in: turn on authentication.apikey or authentication.oidc" }}
{{- end }}
{{- end }}
{{- end }}
