{{/* A container of the gate: a native sidecar, so that it is there before Weaviate asks and until Weaviate is gone;
     in pods of its own the first process is the pod's container, and the second is there as long as that.
     Input: dict "root" $ "name" … "caddyfile" … "healthPort" … "resources" … */}}
{{- define "weaviate-bind.gateContainer" -}}
{{- $gate := .root.Values.gate }}
{{- $isFirst := eq .name "gate" }}
{{- $isApart := include "weaviate-bind.gateIsApart" .root -}}
name: {{ .name }}
image: {{ include "weaviate-bind.image" $gate.image }}
imagePullPolicy: {{ $gate.image.pullPolicy }}
{{- if not (and $isApart $isFirst) }}
restartPolicy: Always
{{- end }}
command: [caddy, run, --config, /etc/gate/{{ .caddyfile }}, --adapter, caddyfile]
env:
  # Caddy keeps its state below these; nothing in them outlives the pod.
  - name: HOME
    value: /tmp
  - name: XDG_CONFIG_HOME
    value: /tmp
  - name: XDG_DATA_HOME
    value: /tmp
  {{- with include "weaviate-bind.goMemLimit" (dig "limits" "memory" "" .resources) }}
  - name: GOMEMLIMIT
    value: {{ . }}
  {{- end }}
ports:
  {{- if and $isApart $isFirst }}
  - name: gate
    containerPort: {{ $gate.port }}
  {{- end }}
  - name: {{ trimPrefix "gate-" .name }}-health
    containerPort: {{ .healthPort }}
startupProbe:
  httpGet:
    path: /healthz
    port: {{ trimPrefix "gate-" .name }}-health
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: {{ trimPrefix "gate-" .name }}-health
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /healthz
    port: {{ trimPrefix "gate-" .name }}-health
  periodSeconds: 5
  timeoutSeconds: 3
resources: {{- toYaml .resources | nindent 2 }}
securityContext: {{- toYaml $gate.containerSecurityContext | nindent 2 }}
volumeMounts:
  - name: gate-config
    mountPath: /etc/gate
    readOnly: true
  - name: gate-tmp
    mountPath: /tmp
  {{- if and $isFirst (index .root.Values.modules "multi2vec-bind").apiKeys.existingSecret }}
  - name: gate-key
    mountPath: /etc/gate-key
    readOnly: true
  {{- end }}
  {{- if and $isFirst (index .root.Values.modules "multi2vec-bind").inferenceCa.existingSecret }}
  - name: inference-ca
    mountPath: /etc/inference-ca
    readOnly: true
  {{- end }}
  {{- if $isFirst }}
  {{- range $what := eq $isApart "true" | ternary (list "apiKey" "ca") (list "apiKey") }}
  {{- if (get $gate.weaviate $what).existingSecret }}
  - name: weaviate-{{ kebabcase $what }}
    mountPath: /etc/weaviate-{{ kebabcase $what }}
    readOnly: true
  {{- end }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* Volumes of the gate's containers. Input: $ */}}
{{- define "weaviate-bind.gateVolumes" -}}
{{- $bind := index .Values.modules "multi2vec-bind" -}}
- name: gate-config
  configMap:
    name: {{ .Release.Name }}-gate
- name: gate-tmp
  emptyDir: {}
{{- with $bind.apiKeys }}
{{- if .existingSecret }}
- name: gate-key
  secret:
    secretName: {{ .existingSecret | quote }}
    items:
      - key: {{ .gateKey | quote }}
        path: key
{{- end }}
{{- end }}
{{- with $bind.inferenceCa }}
{{- if .existingSecret }}
- name: inference-ca
  secret:
    secretName: {{ .existingSecret | quote }}
    items:
      - key: {{ .key | quote }}
        path: ca.crt
{{- end }}
{{- end }}
{{- with .Values.gate.weaviate.apiKey }}
{{- if .existingSecret }}
- name: weaviate-api-key
  secret:
    secretName: {{ .existingSecret | quote }}
    # Only the live check needs it: without it Weaviate gets its vectors all the same.
    optional: true
    items:
      - key: {{ .key | quote }}
        path: key
{{- end }}
{{- end }}
{{- if include "weaviate-bind.gateIsApart" . }}
{{- with .Values.gate.weaviate.ca }}
{{- if .existingSecret }}
- name: weaviate-ca
  secret:
    secretName: {{ .existingSecret | quote }}
    items:
      - key: {{ .key | quote }}
        path: ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- end }}
