"""These rules are about the autoscaler of the inference pods.

`replicas` 1 may stand beside it, because it is stored in resources that were made when it was a default.
"""

from bind_operator.api.rules.rule import Rule

AT = "spec.inference.autoscaling"

_NONE_SLEEPS = "!has(self.autoscaling) || self.autoscaling.minReplicas > 0"
_WEIGHTS_ARE_THERE = " || ".join(
    (
        "self.model.name == 'Tiny'",
        "has(self.model.weights.existingClaim)",
        "has(self.model.weights.image)",
        "(has(self.image.repository) && self.image.repository.matches('(^|/)multi2vec-bind$'))",
        "((!has(self.model.cache.persistence) || self.model.cache.persistence) && "
        "(self.model.cache.scope == 'Shared' || self.model.cache.scope == 'Auto' && "
        "(self.model.cache.accessMode == 'ReadWriteMany' || self.autoscaling.maxReplicas == 1)))",
    )
)

AUTOSCALING_RULES = (
    Rule(
        name="autoscaling-bounds",
        at=AT,
        cel="self.minReplicas <= self.maxReplicas",
        message=f"{AT}.minReplicas is above maxReplicas; lower it, or raise maxReplicas",
        field_path=".minReplicas",
    ),
    Rule(
        name="autoscaling-has-one-target",
        # Not at the target itself, whose default in the definition has none.
        at=AT,
        cel="has(self.target.cpuUtilization) != has(self.target.queueDepth)",
        message=f"{AT}.target takes cpuUtilization or queueDepth; set exactly one",
        field_path=".target",
    ),
    Rule(
        name="autoscaling-has-the-replicas",
        at="spec.inference",
        cel="!has(self.autoscaling) || !has(self.replicas) || self.replicas == 1",
        message=f"spec.inference.replicas and {AT} exclude each other; remove replicas, and set "
        "autoscaling.minReplicas and maxReplicas",
        field_path=".replicas",
    ),
    Rule(
        name="autoscaling-to-zero-needs-weights",
        at="spec.inference",
        cel=f"{_NONE_SLEEPS} || {_WEIGHTS_ARE_THERE}",
        message=f"{AT}.minReplicas is 0, but each new pod would download the weights, longer than the gate "
        "holds a request; set model.cache.accessMode: ReadWriteMany or model.cache.scope: Shared, give the "
        "weights by model.weights.existingClaim or image, or set maxReplicas: 1 or minReplicas: 1",
        field_path=".autoscaling.minReplicas",
    ),
)
