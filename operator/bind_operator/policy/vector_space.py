"""Vectors of two spaces must not be compared; this says what makes a space, by the spec and by the server."""

from dataclasses import dataclass

from bind_operator.api.model import ModelName, Precision
from bind_operator.api.spec import Inference
from bind_operator.policy.objects import Object

PUBLISHED = "published"
SEEDED = "seeded"
FLOAT = "float"
EXTERNAL = "external"
_FLOATS = {Precision.AUTO, Precision.FLOAT32, Precision.BFLOAT16, Precision.FLOAT16}
"""Their vectors have a cosine of 0.9998 and more to each other's, and `auto` chooses among them."""
_TRUNCATION_VARIABLE = "BIND_TEXT_TRUNCATION"
_ELSEWHERE = "a Secret or ConfigMap says"
_TRUNCATION = "weaviate"
"""It is what the server does where nothing else is set."""


@dataclass(frozen=True)
class Space:
    """It is all that a spec says of the vectors' space."""

    model: str
    weights: str
    """SHA-256 of the checkpoint, or `published`: wherever the file lies, the server holds it to that sum.

    Of a server that somebody else runs: its address."""
    precision: str
    """`float` or `int8`."""
    text_truncation: str

    def __str__(self) -> str:
        if self.model == EXTERNAL:
            return f"the server at {self.weights}"
        weights = self.weights if self.weights in (PUBLISHED, SEEDED) else f"sha256 {self.weights[:12]}…"
        return f"{self.model} ({weights} weights, {self.precision}, texts cut as {self.text_truncation})"


def precision_class(precision: str) -> str:
    """Return the class of a precision: vectors within one are near enough to be compared."""
    return FLOAT if precision in _FLOATS else precision


def wanted_space(inference: Inference) -> Space:
    """Return the space that the spec asks for."""
    if inference.external is not None:
        # What a server elsewhere serves is not in the spec: another address may be another model.
        return Space(EXTERNAL, inference.external.url, EXTERNAL, EXTERNAL)
    model = inference.model
    cut = next((one for one in inference.extra_env if one.name == _TRUNCATION_VARIABLE), None)
    text = cut and (_ELSEWHERE if cut.value_from is not None else cut.value)
    return _space(model.name, model.weights.sha256, model.precision, text or _TRUNCATION)


def deployed_space(deployment: Object) -> Space | None:
    """Return the space that an inference Deployment of the chart serves; None if it does not say."""
    containers = deployment.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    env: list[Object] = next((one.get("env", []) for one in containers if one["name"] == "inference"), [])
    found = {one["name"]: _ELSEWHERE if "valueFrom" in one else one.get("value", "") for one in env}
    if not {"BIND_MODEL", "BIND_PRECISION"} <= set(found):
        return None
    cut = found.get(_TRUNCATION_VARIABLE) or _TRUNCATION
    return _space(found["BIND_MODEL"], found.get("BIND_WEIGHTS_SHA256"), found["BIND_PRECISION"], cut)


def same_space(one: str, other: str) -> bool:
    """Return whether two of the server's fingerprints, `model-precision-digest`, stand for one space."""
    return _without_precision(one) == _without_precision(other)


def _without_precision(fingerprint: str) -> tuple[str, ...]:
    parts = fingerprint.rsplit("-", 2)
    return (parts[0], precision_class(parts[1]), parts[2]) if len(parts) == 3 else (fingerprint,)


def _space(model: str, sha256: str | None, precision: str, cut: str) -> Space:
    weights = SEEDED if model == ModelName.TINY else sha256 or PUBLISHED
    return Space(str(model), weights, precision_class(precision), cut)
