{{/* A container of the gate: a native sidecar, so that it is there before Weaviate asks and until Weaviate is gone.
     Input: dict "root" $ "name" … "caddyfile" … "healthPort" … "resources" … */}}
{{- define "weaviate-bind.gateContainer" -}}
{{- $gate := .root.Values.gate -}}
name: {{ .name }}
image: {{ include "weaviate-bind.image" $gate.image }}
imagePullPolicy: {{ $gate.image.pullPolicy }}
restartPolicy: Always
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
  {{- if and (eq .name "gate") (index .root.Values.modules "multi2vec-bind").apiKeys.existingSecret }}
  - name: gate-key
    mountPath: /etc/gate-key
    readOnly: true
  {{- end }}
{{- end }}
