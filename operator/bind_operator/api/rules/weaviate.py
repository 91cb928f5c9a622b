"""Of Weaviate."""

from bind_operator.api.rules.rule import (
    CEL_CLASS_IS_FIXED,
    CEL_LIMITS,
    ENV_NAME_PATTERN,
    Rule,
    cel_list,
    cel_pattern,
    matches,
    within_limits,
)

VERSION_PATTERN = r"^[0-9]+[.][0-9]+[.][0-9]+([-.][A-Za-z0-9.-]+)?$"

WEAVIATE_ENV = ("ENABLE_MODULES", "DEFAULT_VECTORIZER_MODULE", "BIND_INFERENCE_API")
"""Variables of the Weaviate container without which the vectorizer does not work."""

WEAVIATE_RULES = (
    Rule(
        name="weaviate-version",
        at="spec.weaviate",
        cel=cel_pattern("version", VERSION_PATTERN),
        message="spec.weaviate.version must be a whole version without a leading v; set one such as 1.35.2",
        field_path=".version",
        holds=lambda bv: matches(VERSION_PATTERN, bv.spec.weaviate.version),
    ),
    Rule(
        name="storage-size-is-fixed",
        at="spec.weaviate.storage.size",
        cel="quantity(string(self)).compareTo(quantity(string(oldSelf))) == 0",
        message="spec.weaviate.storage.size cannot change, for a StatefulSet's volume claim templates "
        "cannot; to grow the data, set it back and enlarge the PersistentVolumeClaims themselves (kubectl "
        "edit pvc), if their StorageClass allows expansion",
    ),
    Rule(
        name="storage-class-is-fixed",
        at="spec.weaviate.storage",
        cel=CEL_CLASS_IS_FIXED,
        message="spec.weaviate.storage.storageClassName cannot change, for a StatefulSet's volume claim "
        "templates cannot; set it back, or create a new BindVectorizer and copy the data",
        field_path=".storageClassName",
    ),
    Rule(
        name="weaviate-limits",
        at="spec.weaviate.resources",
        cel=CEL_LIMITS,
        message="spec.weaviate.resources.limits must not be below requests (which are 500m of cpu and 512Mi "
        "of memory where unset); raise the limit or set a lower request",
        field_path=".limits",
        holds=lambda bv: within_limits(bv.spec.weaviate.resources),
    ),
    Rule(
        name="weaviate-env-is-free",
        at="spec.weaviate.env",
        cel=f"self.all(k, !(k in {cel_list(WEAVIATE_ENV)}))",
        message=f"spec.weaviate.env must not set {', '.join(WEAVIATE_ENV)}, for they join Weaviate to the "
        "inference server; remove them",
        holds=lambda bv: not any(name in WEAVIATE_ENV for name in bv.spec.weaviate.env),
    ),
    Rule(
        name="weaviate-env-names",
        at="spec.weaviate.env",
        cel=f"self.all(k, k.matches('{ENV_NAME_PATTERN}'))",
        message="spec.weaviate.env names must be letters, digits and '_', not beginning with a digit; rename "
        "the variable",
        holds=lambda bv: all(matches(ENV_NAME_PATTERN, name) for name in bv.spec.weaviate.env),
    ),
)
