"""Hold a model that is about to serve against the answers that its weights are known for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bind_inference.engine.precision import Precision
from bind_inference.weights.known_answers import cosines_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bind_inference.weights.reading import Weights

    Strange = Mapping[str, float]

# In float32 machines differ by 1e-6. Below it the self-check has judged how near is near enough, by items
# like those of clients; here it is about weights and arithmetic that are wrong, and a precision that is given
# up for nothing would be worse than none of this.
_LEAST_FLOAT32: Final = 0.9999
_LEAST: Final = 0.9


def find_strange(weights: Weights, precision: Precision) -> Strange:
    """Return the encoders whose answer is not the known one, with its cosine to that; {}: all is well."""
    if weights.answers is None:
        return {}
    least = _LEAST_FLOAT32 if precision is Precision.FLOAT32 else _LEAST
    cosines = cosines_to(weights.answers, weights.model)
    return {encoder: cosine for encoder, cosine in cosines.items() if cosine < least}
