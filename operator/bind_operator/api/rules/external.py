"""These rules are about a Weaviate or an inference server that is there already.

A managed field is there even where nobody set it, since the API server stores defaults. So `external` is held
against the defaults.
"""

from bind_operator.api.parts import InferenceResources, Resources, WeaviateResources
from bind_operator.api.rules.rule import OBJECT_NAME_PATTERN, Rule, cel_list, pattern_rule

ADDRESS_PATTERN = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$"
ENTRY_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"

DEFAULT_VERSIONS = ("1.35.2", "1.38.14")
"""Every default that `spec.weaviate.version` has had: objects are stored with the one of their day."""


def _amounts(resources: Resources) -> str:
    """Return CEL: `self.resources` is what `resources` are by default."""
    maps = {"requests": resources.requests, "limits": resources.limits}
    parts = []
    for field, amounts in maps.items():
        at = f"self.resources.{field}"
        same = "".join(f" && string({at}['{name}']) == '{value}'" for name, value in amounts.items())
        parts.append(
            f"(!has({at}) || ({at}.size() == {len(amounts)} && "
            f"{at}.all(k, k in {cel_list(tuple(amounts))}){same}))"
        )
    return " && ".join(parts)


_PLACED_ANYWHERE = (
    "(!has(self.nodeSelector) || self.nodeSelector.size() == 0)",
    "(!has(self.tolerations) || self.tolerations.size() == 0)",
    "!has(self.affinity) && !has(self.priorityClassName)",
    "(!has(self.topologySpreadConstraints) || self.topologySpreadConstraints.size() == 0)",
    "!has(self.serviceAccount)",
)
_NOT_CUSTOMIZED = tuple(
    f"(!has(self.{field}) || self.{field}.size() == 0)"
    for field in ("podAnnotations", "extraVolumes", "extraVolumeMounts")
)
_WEAVIATE_DEFAULTS = " && ".join(
    (
        f"self.version in {cel_list(DEFAULT_VERSIONS)}",
        "self.replicas == 1",
        "!has(self.image.registry) && !has(self.image.repository)",
        "(!has(self.image.pullSecrets) || self.image.pullSecrets.size() == 0)",
        "string(self.storage.size) == '32Gi' && !has(self.storage.storageClassName)",
        _amounts(WeaviateResources()),
        "(!has(self.env) || self.env.size() == 0)",
        "!has(self.backup) && !has(self.restoreFrom)",
        "self.service.type == 'ClusterIP'",
        "(!has(self.service.annotations) || self.service.annotations.size() == 0)",
        "!has(self.authentication) && !has(self.mcp)",
        "!has(self.expose)",
        *_PLACED_ANYWHERE,
        *_NOT_CUSTOMIZED,
    )
)
_MODEL_DEFAULTS = " && ".join(
    (
        "self.model.name == 'ImageBindHuge'",
        "(!has(self.model.precision) || self.model.precision == 'auto')",
        "!has(self.model.weights.url) && !has(self.model.weights.sha256)",
        "!has(self.model.weights.existingClaim) && !has(self.model.weights.image)",
        "!has(self.model.cache.persistence) && !has(self.model.cache.storageClassName)",
        "string(self.model.cache.size) == '10Gi' && self.model.cache.accessMode == 'ReadWriteOnce'",
        "self.model.cache.scope == 'Auto'",
    )
)
_INFERENCE_DEFAULTS = " && ".join(
    (
        "(!has(self.replicas) || self.replicas == 1) && !has(self.autoscaling)",
        "!has(self.batching.maxBatchSize) && !has(self.batching.maxBatchGflop)",
        "!has(self.image.registry) && !has(self.image.repository)",
        "!has(self.image.tag) && !has(self.image.digest)",
        "(!has(self.image.pullSecrets) || self.image.pullSecrets.size() == 0)",
        _amounts(InferenceResources()),
        "self.rollout.strategy == 'Auto' && !has(self.rollout.progressDeadlineSeconds)",
        _MODEL_DEFAULTS,
        "(!has(self.extraEnv) || self.extraEnv.size() == 0) && !has(self.apiKeys)",
        *_PLACED_ANYWHERE,
        *_NOT_CUSTOMIZED,
    )
)


def _address_rules(section: str, example: str) -> tuple[Rule, ...]:
    """Return the rules of what `spec.<section>.external` says of an address."""
    at = f"spec.{section}.external"
    entries = [
        rule
        for field, what in (("apiKey", "api-key"), ("caCertificate", "ca"))
        for rule in (
            pattern_rule(
                f"external-{section}-{what}-secret",
                f"{at}.{field}",
                "name",
                OBJECT_NAME_PATTERN,
                "be the name of a Secret; give one that `kubectl get secret` shows",
            ),
            pattern_rule(
                f"external-{section}-{what}-entry",
                f"{at}.{field}",
                "key",
                ENTRY_PATTERN,
                "be an entry of that Secret; give one that `kubectl describe secret` shows",
            ),
        )
    ]
    return (
        pattern_rule(
            f"external-{section}-url",
            at,
            "url",
            ADDRESS_PATTERN,
            f"be http:// or https://, a host and perhaps a port, without a path; write it as {example}",
        ),
        *entries,
        Rule(
            name=f"external-{section}-ca-needs-https",
            at=at,
            cel="!has(self.caCertificate) || self.url.startsWith('https://')",
            message=f"{at}.caCertificate is only used with https; set an https url, or remove it",
            field_path=".caCertificate",
        ),
    )


EXTERNAL_RULES = (
    *_address_rules("weaviate", "http://weaviate.search.svc"),
    Rule(
        name="external-weaviate-alone",
        at="spec.weaviate",
        cel=f"!has(self.external) || ({_WEAVIATE_DEFAULTS})",
        message="spec.weaviate.external is a Weaviate that somebody else runs, so nothing else of "
        "spec.weaviate can be set beside it; remove the rest, or remove external",
        field_path=".external",
    ),
    *_address_rules("inference", "http://imagebind.models.svc:8080"),
    Rule(
        name="external-inference-alone",
        at="spec.inference",
        cel=f"!has(self.external) || ({_INFERENCE_DEFAULTS})",
        message="spec.inference.external is a server that somebody else runs, so nothing else of "
        "spec.inference can be set beside it but the accepted licence; remove the rest, or remove external",
        field_path=".external",
    ),
    Rule(
        name="external-inference-has-its-own-device",
        at="spec",
        cel="!has(self.inference.external) || ((!has(self.device) || self.device == 'CPU') && !has(self.gpu) "
        "&& !has(self.profile))",
        message="spec.device, spec.gpu and spec.profile are of the server that the operator runs, and "
        "spec.inference.external runs elsewhere; remove them",
        field_path=".device",
    ),
    Rule(
        name="something-is-managed",
        at="spec",
        cel="!has(self.inference.external) || !has(self.weaviate.external)",
        message="spec.weaviate.external and spec.inference.external together leave nothing to run; remove "
        "one of them",
        field_path=".inference.external",
    ),
)
