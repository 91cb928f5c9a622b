"""These rules are about values that come from elsewhere, and who installs the release."""

from bind_operator.api.rules.external import ENTRY_PATTERN
from bind_operator.api.rules.rule import OBJECT_NAME_PATTERN, Rule

DELIVERY_RULES = (
    Rule(
        name="values-from-names",
        at="spec.valuesFrom",
        cel=f"self.all(s, s.name.matches('{OBJECT_NAME_PATTERN}'))",
        message="spec.valuesFrom names must be those of ConfigMaps or Secrets; give one that `kubectl get "
        "configmap` shows",
    ),
    Rule(
        name="values-from-keys",
        at="spec.valuesFrom",
        cel=f"self.all(s, !has(s.key) || s.key.matches('{ENTRY_PATTERN}'))",
        message="spec.valuesFrom keys must be keys of the object; give one that `kubectl describe configmap` "
        "shows",
    ),
    Rule(
        name="render-is-of-delivery-render",
        at="spec",
        cel="!has(self.render) || (has(self.delivery) && self.delivery == 'Render')",
        message="spec.render says what delivery Render writes; set spec.delivery to Render, or remove it",
        field_path=".render",
    ),
    Rule(
        name="secrets-are-not-rendered",
        at="spec",
        cel="!has(self.delivery) || self.delivery != 'Render' || !has(self.valuesFrom) || "
        "self.valuesFrom.all(s, s.kind != 'Secret')",
        message="spec.valuesFrom must not name a Secret with delivery Render, which would write its values "
        "into a ConfigMap; remove it, and name the Secret where the release is installed, after the "
        "ConfigMap (valuesFrom of Flux's HelmRelease)",
        field_path=".valuesFrom",
    ),
)
