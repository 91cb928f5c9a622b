"""These rules are about the cluster's network."""

from bind_operator.api.rules.rule import Rule, pattern_rule

DOMAIN_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

NETWORK_RULES = (
    pattern_rule(
        "cluster-domain",
        "spec.network",
        "clusterDomain",
        DOMAIN_PATTERN,
        "be a DNS domain in small letters; write cluster.local",
    ),
    Rule(
        name="ip-families-once",
        at="spec.network",
        cel="!has(self.ipFamilies) || self.ipFamilies.size() < 2 || self.ipFamilies[0] != self.ipFamilies[1]",
        message="spec.network.ipFamilies must be different; name each once",
        field_path=".ipFamilies",
    ),
    Rule(
        name="two-ip-families-need-a-policy",
        at="spec.network",
        cel="!has(self.ipFamilies) || self.ipFamilies.size() < 2 || has(self.ipFamilyPolicy) && "
        "self.ipFamilyPolicy != 'SingleStack'",
        message="spec.network.ipFamilies has two, which needs a policy of two; set ipFamilyPolicy to "
        "PreferDualStack or RequireDualStack",
        field_path=".ipFamilies",
    ),
)
