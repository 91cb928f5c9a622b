{{/* What a network policy restricts. The gate's health ports stand in the policies by their numbers, because several
     plugins (kube-router, and so k3s) find no port by the name that it has in an init container, as a sidecar is.
     Input: $ */}}
{{- define "weaviate-bind.policyTypes" -}}
[Ingress{{ if .Values.networkPolicy.egress.enabled }}, Egress{{ end }}]
{{- end }}

{{/* A peer: pods of this release. Input: dict "root" $ "component" … */}}
{{- define "weaviate-bind.peer" -}}
- podSelector:
    matchLabels: {{- include "weaviate-bind.selectorLabels" . | nindent 6 }}
{{- end }}

{{/* `from` of the ports that are there for clients: those that are named, and `helm test`; nothing, which is anyone,
     where none is named. Input: dict "root" $ "peers" … */}}
{{- define "weaviate-bind.fromClients" -}}
{{- with .peers }}
from:
  {{- toYaml . | nindent 2 }}
  {{- include "weaviate-bind.peer" (dict "root" $.root "component" "test") | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where pods may go, if that is restricted: the DNS, these parts of the release, and what is named. The DNS of some
     clusters listens at 5353. Input: dict "root" $ "components" the parts */}}
{{- define "weaviate-bind.egress" -}}
{{- $egress := .root.Values.networkPolicy.egress }}
{{- if $egress.enabled }}
egress:
  - ports:
      {{- range $port := list 53 5353 }}
      {{- range $protocol := list "UDP" "TCP" }}
      - port: {{ $port }}
        protocol: {{ $protocol }}
      {{- end }}
      {{- end }}
  - to:
      {{- range .components }}
      {{- include "weaviate-bind.peer" (dict "root" $.root "component" .) | nindent 6 }}
      {{- end }}
  {{- with $egress.destinations }}
  - to: {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Stop where the release's policies would keep it from what it needs, or somebody else from what he was promised. */}}
{{- define "weaviate-bind.checkNetworkPolicy" -}}
{{- $policy := .Values.networkPolicy }}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if and $policy.enabled .Values.serviceMonitor.enabled (not $policy.monitoring) }}
{{- fail "serviceMonitor.enabled is true, but the release's network policies let nobody scrape: name in networkPolicy.monitoring where Prometheus runs, such as {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}, or set networkPolicy.enabled to false" }}
{{- end }}
{{- if and $policy.enabled $policy.egress.enabled (not $policy.egress.destinations) }}
{{- $missing := "" }}
{{- if not $bind.enabled }}{{ $missing = printf "%s, which the gate asks (modules.multi2vec-bind.inferenceUrl)" $bind.inferenceUrl }}
{{- else if and (include "weaviate-bind.gateIsApart" .) .Values.gate.weaviate.url }}{{ $missing = printf "%s, which the gate asks (gate.weaviate.url)" .Values.gate.weaviate.url }}
{{- else if and (eq $bind.model.name "ImageBindHuge") (not (include "weaviate-bind.isUpstreamImage" .)) (not (include "weaviate-bind.weightsVolume" .)) }}{{ $missing = "where the weights are downloaded from" }}
{{- end }}
{{- with $missing }}
{{- fail (printf "networkPolicy.egress.enabled is true and names no destination, so the pods could not reach %s: name it in networkPolicy.egress.destinations, such as {ipBlock: {cidr: 0.0.0.0/0}} for the Internet" .) }}
{{- end }}
{{- end }}
{{- end }}
