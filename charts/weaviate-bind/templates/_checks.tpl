{{/* Stop with a message where the values cannot work together. */}}
{{- define "weaviate-bind.check" -}}
{{- include "weaviate-bind.checkCustomization" . }}
{{- include "weaviate-bind.checkBudgets" . }}
{{- include "weaviate-bind.checkNetworkPolicy" . }}
{{- include "weaviate-bind.checkExposure" . }}
{{- include "weaviate-bind.checkUpstream" . }}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- if and $bind.enabled (eq $bind.model.name "ImageBindHuge") (not $bind.model.licenseAccepted) (not (include "weaviate-bind.isUpstreamImage" .)) }}
{{- fail "modules.multi2vec-bind.model.licenseAccepted is false: ImageBind's weights are licensed CC BY-NC-SA 4.0 (no commercial use); set it to true if you accept that licence, or set modules.multi2vec-bind.model.name to Tiny to try the system with random weights" }}
{{- end }}
{{- if and $bind.enabled $bind.apiKeys.existingSecret (include "weaviate-bind.isUpstreamImage" .) }}
{{- fail "modules.multi2vec-bind.apiKeys.existingSecret is set, but upstream's image asks nobody for a key: leave it empty, or use the image bind-inference" }}
{{- end }}
{{- $weights := $bind.model.weights }}
{{- $sources := list }}
{{- range $name, $value := dict "url" $weights.url "existingClaim" $weights.existingClaim.name "image" $weights.image.reference }}
{{- if $value }}{{ $sources = append $sources $name }}{{ end }}
{{- end }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "modules.multi2vec-bind.model.weights has %s: set one of them, because the weights come from one place" (sortAlpha $sources | join " and ")) }}
{{- end }}
{{- if and $weights.existingClaim.path (not $weights.existingClaim.name) }}
{{- fail "modules.multi2vec-bind.model.weights.existingClaim.path is set without existingClaim.name: name the claim" }}
{{- end }}
{{- if and $weights.image.path (not $weights.image.reference) }}
{{- fail "modules.multi2vec-bind.model.weights.image.path is set without image.reference: name the image" }}
{{- end }}
{{- if and (eq $bind.model.precision "float16") (not $bind.envconfig.enable_cuda) }}
{{- fail "modules.multi2vec-bind.model.precision is float16, which needs envconfig.enable_cuda: turn it on, or choose bfloat16, int8 or auto" }}
{{- end }}
{{- if and (eq $bind.model.precision "int8") $bind.envconfig.enable_cuda }}
{{- fail "modules.multi2vec-bind.model.precision is int8, which is for CPUs only: turn envconfig.enable_cuda off, or choose float16, bfloat16 or auto" }}
{{- end }}
{{- if and (not $bind.enabled) (not (regexMatch "^https?://[^/]+$" $bind.inferenceUrl)) }}
{{- fail "modules.multi2vec-bind.enabled is false, so modules.multi2vec-bind.inferenceUrl must be the http:// or https:// address of an inference server elsewhere, without a path" }}
{{- end }}
{{- if and $bind.inferenceCa.existingSecret (not (include "weaviate-bind.inferenceTls" .)) }}
{{- fail "modules.multi2vec-bind.inferenceCa.existingSecret is set, but only an inferenceUrl with https:// (and enabled: false) is checked by it" }}
{{- end }}
{{- if include "weaviate-bind.gateIsApart" . }}
{{- if not $bind.enabled }}
{{- fail "gate.mode is Deployment, for a Weaviate elsewhere, and modules.multi2vec-bind.enabled is false, for an inference server elsewhere: nothing but a proxy is left to run; turn one of them on" }}
{{- end }}
{{- if and .Values.gate.weaviate.ca.existingSecret (not (hasPrefix "https://" .Values.gate.weaviate.url)) }}
{{- fail "gate.weaviate.ca.existingSecret is set, but only a gate.weaviate.url with https:// is checked by it" }}
{{- end }}
{{- end }}
{{- if ne 3 (list (int .Values.gate.port) (int .Values.gate.healthPort) (int .Values.gate.large.healthPort) | uniq | len) }}
{{- fail "gate.port, gate.healthPort and gate.large.healthPort are not three ports: give each its own" }}
{{- end }}
{{- if lt (include "weaviate-bind.gateSmalls" . | int) 8 }}
{{- fail (printf "gate.resources.limits.memory is %v, too little for the gate: give it 192Mi or more" .Values.gate.resources.limits.memory) }}
{{- end }}
{{- if lt (include "weaviate-bind.gateLarges" . | int) 1 }}
{{- fail (printf "gate.large.resources.limits.memory is %v, too little to hold one body of %s (gate.maxBodySize): give it 128Mi and twice the next power of two above that body, or lower gate.maxBodySize" .Values.gate.large.resources.limits.memory .Values.gate.maxBodySize) }}
{{- end }}
{{- if gt (.Values.env.RAFT_BOOTSTRAP_EXPECT | default 0 | int) (int .Values.replicas) }}
{{- fail (printf "env.RAFT_BOOTSTRAP_EXPECT is %v, more than the %v replicas: the cluster would wait for ever" .Values.env.RAFT_BOOTSTRAP_EXPECT .Values.replicas) }}
{{- end }}
{{- if has (.Values.env.MODULES_VALIDATE_BASE_URL | default "" | toString | lower) (list "true" "1" "on" "enabled") }}
{{- fail "env.MODULES_VALIDATE_BASE_URL is on, so Weaviate would refuse the gate's address, 127.0.0.1, and never start: remove it" }}
{{- end }}
{{- include "weaviate-bind.checkAuthentication" . }}
{{- if and $bind.autoscaling.enabled (gt (int $bind.autoscaling.minReplicas) (int $bind.autoscaling.maxReplicas)) }}
{{- fail "modules.multi2vec-bind.autoscaling.minReplicas is above maxReplicas" }}
{{- end }}
{{- if and $bind.autoscaling.enabled (not $bind.autoscaling.targetCPUUtilizationPercentage) (not $bind.autoscaling.targetQueueDepth) }}
{{- fail "modules.multi2vec-bind.autoscaling is enabled without a target: set targetCPUUtilizationPercentage or targetQueueDepth" }}
{{- end }}
{{- if and $bind.autoscaling.enabled (not $bind.enabled) }}
{{- fail "modules.multi2vec-bind.autoscaling is enabled, but the inference server is elsewhere (enabled: false): whoever runs it scales it; remove autoscaling" }}
{{- end }}
{{- include "weaviate-bind.checkBackups" . }}
{{- end }}
