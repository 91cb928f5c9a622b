"""The rules that span fields are written in CEL, once for the API server and for offline commands.

A message names the field and the remedy. Transition rules compare with the stored object, so only the API
server can judge them.
"""

from bind_operator.api.rules.basics import DEVICE_RULES, DRIFT_RULES, IDENTITY_RULES
from bind_operator.api.rules.images import image_rules
from bind_operator.api.rules.inference import INFERENCE_RULES, MODEL_RULES
from bind_operator.api.rules.rule import Rule
from bind_operator.api.rules.weaviate import WEAVIATE_RULES
from bind_operator.api.rules.weights import CACHE_RULES, WEIGHTS_RULES

__all__ = ["RULES", "Rule"]

RULES: tuple[Rule, ...] = (
    *IDENTITY_RULES,
    *DEVICE_RULES,
    *MODEL_RULES,
    *WEIGHTS_RULES,
    *CACHE_RULES,
    *INFERENCE_RULES,
    *image_rules("inference", with_tag=True),
    *WEAVIATE_RULES,
    *image_rules("weaviate", with_tag=False),
    *DRIFT_RULES,
)
"""All rules, in the order in which the reference page lists them."""
