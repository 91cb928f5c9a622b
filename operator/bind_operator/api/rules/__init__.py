"""The rules that span fields are written in CEL, once for the API server and for offline commands.

A message names the field and the remedy. No rule compares with the stored object: a field that such a rule
guards cannot be put back to what the cluster has. What must not change in a cluster, the operator judges.
"""

from bind_operator.api.rules.authentication import AUTHENTICATION_RULES
from bind_operator.api.rules.autoscaling import AUTOSCALING_RULES
from bind_operator.api.rules.backup import BACKUP_RULES
from bind_operator.api.rules.basics import DEVICE_RULES, DRIFT_RULES, IDENTITY_RULES
from bind_operator.api.rules.customization import CUSTOMIZATION_RULES
from bind_operator.api.rules.delivery import DELIVERY_RULES
from bind_operator.api.rules.exposure import EXPOSURE_RULES
from bind_operator.api.rules.external import EXTERNAL_RULES
from bind_operator.api.rules.images import image_rules
from bind_operator.api.rules.inference import INFERENCE_RULES, MODEL_RULES
from bind_operator.api.rules.modules import MODULE_RULES
from bind_operator.api.rules.network import NETWORK_RULES
from bind_operator.api.rules.network_policy import NETWORK_POLICY_RULES
from bind_operator.api.rules.placement import PLACEMENT_RULES
from bind_operator.api.rules.rule import Rule
from bind_operator.api.rules.weaviate import WEAVIATE_RULES
from bind_operator.api.rules.weights import WEIGHTS_RULES

__all__ = ["RULES", "Rule"]

RULES: tuple[Rule, ...] = (
    *IDENTITY_RULES,
    *DEVICE_RULES,
    *MODEL_RULES,
    *WEIGHTS_RULES,
    *INFERENCE_RULES,
    *AUTOSCALING_RULES,
    *image_rules("inference", with_tag=True),
    *WEAVIATE_RULES,
    *image_rules("weaviate", with_tag=False),
    *AUTHENTICATION_RULES,
    *MODULE_RULES,
    *EXPOSURE_RULES,
    *BACKUP_RULES,
    *EXTERNAL_RULES,
    *PLACEMENT_RULES,
    *NETWORK_RULES,
    *NETWORK_POLICY_RULES,
    *CUSTOMIZATION_RULES,
    *DELIVERY_RULES,
    *DRIFT_RULES,
)
"""All rules, in the order in which the reference page lists them."""
