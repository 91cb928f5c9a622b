"""These rules are about the peers of network policies."""

from bind_operator.api.rules.rule import NETWORK_PATTERN, Rule

_ONE_KIND = (
    "self.all(e, has(e.ipBlock) ? !has(e.podSelector) && !has(e.namespaceSelector) : "
    "has(e.podSelector) || has(e.namespaceSelector))"
)
_NETWORKS = f"self.all(e, !has(e.ipBlock) || e.ipBlock.cidr.matches('{NETWORK_PATTERN}'))"


def _peer_rules(field: str) -> tuple[Rule, ...]:
    """Return the rules of `spec.networkPolicy.<field>`."""
    at = f"spec.networkPolicy.{field}"
    return (
        Rule(
            name=f"network-policy-{field}-are-pods-or-addresses",
            at=at,
            cel=_ONE_KIND,
            message=f"{at} must each have podSelector, namespaceSelector or both, or ipBlock alone; write "
            "namespaceSelector: {} for all pods of the cluster",
        ),
        Rule(
            name=f"network-policy-{field}-are-networks",
            at=at,
            cel=_NETWORKS,
            message=f"{at} must have networks with the length of their prefix in ipBlock.cidr; write "
            "203.0.113.0/24 or 2001:db8::/32",
        ),
    )


NETWORK_POLICY_RULES = (
    *_peer_rules("clients"),
    *_peer_rules("monitoring"),
    *_peer_rules("destinations"),
)
