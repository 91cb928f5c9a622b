"""These rules are about how Weaviate is reached from outside of the cluster."""

from dataclasses import replace

from bind_operator.api.rules.rule import OBJECT_NAME_PATTERN, Rule, env_texts_rule, pattern_rule

HOST_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_A_HOST = "be a host name in small letters, without scheme, port or wildcard; write search.example.com"

_AT = "spec.weaviate.expose"


def _annotation_texts(api: str, field: str, name: str) -> Rule:
    """Return the rule about the texts of annotations in `spec.weaviate.expose.ingress.<api>`."""
    at = f"expose.ingress.{api}.{field}"
    return replace(env_texts_rule("weaviate", at, "self[e]", "write it in other characters"), name=name)


def _ingress_rules(api: str) -> tuple[Rule, ...]:
    """Return the rules of `spec.weaviate.expose.ingress.<api>`."""
    at = f"{_AT}.ingress.{api}"
    return (
        pattern_rule(f"ingress-{api}-host", at, "host", HOST_PATTERN, _A_HOST),
        pattern_rule(
            f"ingress-{api}-tls-secret",
            at,
            "tlsSecretName",
            OBJECT_NAME_PATTERN,
            "be the name of a Secret; give one that `kubectl get secret` shows",
        ),
        _annotation_texts(api, "annotations", f"ingress-{api}-annotation-texts"),
    )


EXPOSURE_RULES = (
    *_ingress_rules("http"),
    *_ingress_rules("grpc"),
    _annotation_texts("grpc", "serviceAnnotations", "ingress-grpc-service-annotation-texts"),
    pattern_rule("gateway-http-host", f"{_AT}.gateway", "httpHost", HOST_PATTERN, _A_HOST),
    pattern_rule("gateway-grpc-host", f"{_AT}.gateway", "grpcHost", HOST_PATTERN, _A_HOST),
    Rule(
        name="gateway-has-a-host",
        at=f"{_AT}.gateway",
        cel="has(self.httpHost) || has(self.grpcHost)",
        message=f"{_AT}.gateway must have a host name; set httpHost, grpcHost or both",
        field_path=".httpHost",
    ),
    Rule(
        name="gateway-hosts-differ",
        at=f"{_AT}.gateway",
        cel="!has(self.httpHost) || !has(self.grpcHost) || self.httpHost != self.grpcHost",
        message=f"{_AT}.gateway.grpcHost must be another host name than httpHost, because a Gateway takes "
        "one kind of route for a name; give gRPC a name of its own",
        field_path=".grpcHost",
    ),
)
