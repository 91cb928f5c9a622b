{{/* An Ingress to one of Weaviate's Services. Input: dict "root" $ "name" the Service without the release, "port" … its first
     port's name, "at" its values, "paths" … */}}
{{- define "weaviate-bind.ingress" -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels: {{- include "weaviate-bind.labels" (dict "root" .root "component" "weaviate") | nindent 4 }}
  {{- with .at.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .root.Values.ingress.className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  {{- with .at.tlsSecretName }}
  tls:
    - hosts: [{{ $.at.host | quote }}]
      secretName: {{ . | quote }}
  {{- end }}
  rules:
    - host: {{ .at.host | quote }}
      http:
        paths:
          {{- range .paths }}
          - path: {{ . }}
            pathType: Prefix
            backend:
              service:
                name: {{ $.root.Release.Name }}-{{ $.name }}
                port:
                  name: {{ $.port }}
          {{- end }}
{{- end }}

{{/* Services of Weaviate's gRPC API, by which a call is told from one of REST. */}}
{{- define "weaviate-bind.grpcMethods" -}}
{{ toJson (list "weaviate.v1.Weaviate" "grpc.health.v1.Health") }}
{{- end }}

{{/* What a route of the Gateway API has in common. Input: dict "root" $ "kind" … "name" the Service without the release,
     "host" … */}}
{{- define "weaviate-bind.routeHead" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels: {{- include "weaviate-bind.labels" (dict "root" .root "component" "weaviate") | nindent 4 }}
spec:
  parentRefs: {{- toYaml .root.Values.gateway.parentRefs | nindent 4 }}
  hostnames: [{{ .host | quote }}]
{{- end }}

{{/* Stop where what is to be reached from outside cannot be. */}}
{{- define "weaviate-bind.checkExposure" -}}
{{- $gateway := .Values.gateway }}
{{- $hosts := compact (list $gateway.httpHost $gateway.grpcHost) }}
{{- if and $hosts (not $gateway.parentRefs) }}
{{- fail "gateway.httpHost or gateway.grpcHost is set, and gateway.parentRefs names no Gateway: name the one by which clients come" }}
{{- end }}
{{- if and $gateway.parentRefs (not $hosts) }}
{{- fail "gateway.parentRefs names a Gateway, and neither gateway.httpHost nor gateway.grpcHost is set: set the host names by which clients ask" }}
{{- end }}
{{- if and $gateway.httpHost (eq $gateway.httpHost $gateway.grpcHost) }}
{{- fail "gateway.httpHost and gateway.grpcHost are the same, and a Gateway takes an HTTPRoute or a GRPCRoute for a host name, not both: give gRPC a name of its own" }}
{{- end }}
{{- if and (or .Values.ingress.grpc.host $gateway.grpcHost) (not .Values.grpcService.enabled) }}
{{- fail "ingress.grpc.host or gateway.grpcHost is set, and grpcService.enabled is false: turn the Service on" }}
{{- end }}
{{- end }}
