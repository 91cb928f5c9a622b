"""These rules are about Weaviate."""

from dataclasses import replace

from bind_operator.api.parts import WeaviateResources
from bind_operator.api.rules.rule import (
    NETWORK_PATTERN,
    OBJECT_NAME_PATTERN,
    Rule,
    cel_list,
    env_names_rule,
    env_texts_rule,
    limits_rule,
    pattern_rule,
)
from bind_operator.api.spec import Weaviate

VERSION_PATTERN = r"^[0-9]+[.][0-9]+[.][0-9]+([-.][A-Za-z0-9.-]+)?$"

WEAVIATE_ENV = ("ENABLE_MODULES", "DEFAULT_VECTORIZER_MODULE", "BIND_INFERENCE_API")
"""Without these variables of the Weaviate container the vectorizer does not work."""

ADDRESS_GUARD = "MODULES_VALIDATE_BASE_URL"
"""Since 1.36 it keeps Weaviate's modules from addresses of the host and of private networks."""

CHART_ENV = (
    "PERSISTENCE_DATA_PATH",
    "CLUSTER_HOSTNAME",
    "CLUSTER_ADVERTISE_ADDR",
    "CLUSTER_ADVERTISE_PORT",
    "CLUSTER_BIND_ADDR",
    "CLUSTER_GOSSIP_BIND_PORT",
    "CLUSTER_DATA_BIND_PORT",
    "CLUSTER_JOIN",
    "RAFT_JOIN",
    "RAFT_BOOTSTRAP_EXPECT",
    "RAFT_PORT",
    "RAFT_INTERNAL_RPC_PORT",
    "GRPC_PORT",
    "PROMETHEUS_MONITORING_PORT",
)
"""The chart makes these of the release's name, replicas, volume and Services.

Others that begin alike only tune: RAFT_BOOTSTRAP_TIMEOUT, CLUSTER_BASIC_AUTH_USERNAME.
"""

WEAVIATE_RULES = (
    pattern_rule(
        "weaviate-version",
        "spec.weaviate",
        "version",
        VERSION_PATTERN,
        f"be a whole version without a leading v; set one such as {Weaviate().version}",
    ),
    pattern_rule(
        "weaviate-cluster-node-name",
        "spec.weaviate",
        "clusterNodeName",
        OBJECT_NAME_PATTERN,
        "be a host name in small letters, without a number; write weaviate",
    ),
    limits_rule("weaviate", WeaviateResources()),
    Rule(
        name="weaviate-env-is-free",
        at="spec.weaviate.env",
        cel=f"self.all(k, !(k in {cel_list(WEAVIATE_ENV)}))",
        message=f"spec.weaviate.env must not set {', '.join(WEAVIATE_ENV)}, because they join Weaviate to "
        "the inference server; remove them",
    ),
    Rule(
        name="weaviate-env-of-the-chart",
        at="spec.weaviate.env",
        cel=f"self.all(k, !(k in {cel_list(CHART_ENV)}))",
        message=f"spec.weaviate.env must not set {', '.join(CHART_ENV)}, because they follow from the "
        "volume, the replicas and the Services; remove them, and use spec.weaviate.replicas and "
        "spec.weaviate.storage",
    ),
    Rule(
        name="weaviate-source-ranges-need-a-load-balancer",
        at="spec.weaviate.service",
        # The default of the section itself is judged before those within are filled in.
        cel="!has(self.loadBalancerSourceRanges) || size(self.loadBalancerSourceRanges) == 0 || "
        "has(self.type) && self.type == 'LoadBalancer'",
        message="spec.weaviate.service.loadBalancerSourceRanges are only used with type LoadBalancer; set "
        "that type or remove them",
        field_path=".loadBalancerSourceRanges",
    ),
    Rule(
        name="weaviate-source-ranges-are-networks",
        at="spec.weaviate.service.loadBalancerSourceRanges",
        cel=f"self.all(e, e.matches('{NETWORK_PATTERN}'))",
        message="spec.weaviate.service.loadBalancerSourceRanges must be networks with the length of their "
        "prefix; write 203.0.113.0/24 or 2001:db8::/32",
    ),
    replace(
        env_texts_rule("weaviate", "service.annotations", "self[e]", "write it in other characters"),
        name="weaviate-annotation-texts",
    ),
    Rule(
        name="weaviate-env-of-the-gate",
        at="spec.weaviate.env",
        cel=f"self.all(k, k != '{ADDRESS_GUARD}')",
        message=f"spec.weaviate.env must not set {ADDRESS_GUARD}, because Weaviate would refuse the gate's "
        "address, 127.0.0.1, and never start; remove it",
    ),
    env_names_rule("weaviate", "env", "e"),
    env_texts_rule("weaviate", "env", "self[e]", "write it in other characters"),
)
