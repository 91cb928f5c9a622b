"""These rules are about Weaviate."""

from bind_operator.api.parts import WeaviateResources
from bind_operator.api.rules.rule import (
    Rule,
    cel_list,
    env_names_rule,
    limits_rule,
    pattern_rule,
)
from bind_operator.api.spec import Weaviate

VERSION_PATTERN = r"^[0-9]+[.][0-9]+[.][0-9]+([-.][A-Za-z0-9.-]+)?$"

WEAVIATE_ENV = ("ENABLE_MODULES", "DEFAULT_VECTORIZER_MODULE", "BIND_INFERENCE_API")
"""Without these variables of the Weaviate container the vectorizer does not work."""

WEAVIATE_RULES = (
    pattern_rule(
        "weaviate-version",
        "spec.weaviate",
        "version",
        VERSION_PATTERN,
        f"be a whole version without a leading v; set one such as {Weaviate().version}",
    ),
    limits_rule("weaviate", WeaviateResources()),
    Rule(
        name="weaviate-env-is-free",
        at="spec.weaviate.env",
        cel=f"self.all(k, !(k in {cel_list(WEAVIATE_ENV)}))",
        message=f"spec.weaviate.env must not set {', '.join(WEAVIATE_ENV)}, because they join Weaviate to "
        "the inference server; remove them",
    ),
    env_names_rule("weaviate", "env", "e"),
)
