{{/* Environment of the inference container: what the chart decides, then `extraEnv`, whose names win. */}}
{{- define "weaviate-bind.inferenceEnv" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $chosen := dict
  "ENABLE_CUDA" ($bind.envconfig.enable_cuda | ternary "1" "0")
  "BIND_MODEL" $bind.model.name
  "BIND_LICENSE_ACCEPTED" (toString $bind.model.licenseAccepted)
  "BIND_PRECISION" $bind.model.precision
  "BIND_CACHE_DIR" "/cache"
  "BIND_DRAIN_TIMEOUT_S" (toString $bind.drainTimeoutSeconds)
  "BIND_HTTP_PORT" "8080"
  "BIND_JOURNAL_PATH" "/tmp/items.journal"
  "BIND_PEERS" (printf "%s:8080" (include "weaviate-bind.inferenceHost" .))
  "HOME" "/tmp"
  "TMPDIR" "/tmp"
}}
{{- if include "weaviate-bind.usesIpv6" . }}{{ $_ := set $chosen "BIND_HTTP_HOST" "::" }}{{ end }}
{{- with $bind.batching.maxBatchSize }}{{ $_ := set $chosen "BIND_MAX_BATCH_SIZE" (int . | toString) }}{{ end }}
{{- with $bind.batching.maxBatchGflop }}{{ $_ := set $chosen "BIND_MAX_BATCH_GFLOP" (int . | toString) }}{{ end }}
{{- with $bind.model.weights.url }}{{ $_ := set $chosen "BIND_WEIGHTS_URL" . }}{{ end }}
{{- with include "weaviate-bind.weightsVolume" . }}
{{- $_ := set $chosen "BIND_WEIGHTS_PATH" (list "/weights" (get $bind.model.weights .).path | compact | join "/") }}
{{- end }}
{{- with $bind.model.weights.sha256 }}{{ $_ := set $chosen "BIND_WEIGHTS_SHA256" . }}{{ end }}
{{- if $bind.envconfig.enable_cuda }}
{{- with $bind.envconfig.nvidia_visible_devices }}{{ $_ := set $chosen "NVIDIA_VISIBLE_DEVICES" . }}{{ end }}
{{- with $bind.envconfig.nvidia_driver_capabilities }}{{ $_ := set $chosen "NVIDIA_DRIVER_CAPABILITIES" . }}{{ end }}
{{- with $bind.envconfig.ld_library_path }}{{ $_ := set $chosen "LD_LIBRARY_PATH" . }}{{ end }}
{{- end }}
{{- if and $bind.apiKeys.existingSecret $bind.apiKeys.required }}{{ $_ := set $chosen "BIND_API_KEYS_FILE" "/etc/api-keys/keys" }}{{ end }}
{{- range $bind.extraEnv }}{{ $_ := unset $chosen .name }}{{ end }}
{{- range $name, $value := $chosen }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range $bind.extraEnv }}
{{ include "weaviate-bind.variable" . }}
{{- end }}
{{- end }}

{{/* Seconds from the mark that a pod is going to its end: the sleep, the drain, also one of `extraEnv`, and 20 for
     the delay that the server has by itself, its last answers, and the batch and the decoders that it ends. */}}
{{- define "weaviate-bind.inferenceGraceSeconds" -}}
{{- $bind := index .Values.modules "multi2vec-bind" }}
{{- $drain := dict "BIND_DRAIN_DELAY_S" 0 "BIND_DRAIN_TIMEOUT_S" $bind.drainTimeoutSeconds }}
{{- range $bind.extraEnv }}
{{- if and (hasKey $drain .name) .value }}{{ $_ := set $drain .name .value }}{{ end }}
{{- end }}
{{- addf $bind.drainSeconds 20 $drain.BIND_DRAIN_DELAY_S $drain.BIND_DRAIN_TIMEOUT_S | ceil }}
{{- end }}
