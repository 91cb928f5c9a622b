"""The cluster's network has a DNS domain, and addresses of one or two families."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel


class IpFamilyPolicy(StrEnum):
    """It says how many families of addresses a Service has."""

    SINGLE_STACK = "SingleStack"
    PREFER_DUAL_STACK = "PreferDualStack"
    REQUIRE_DUAL_STACK = "RequireDualStack"


class IpFamily(StrEnum):
    """A family of addresses."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


class Network(ApiModel):
    """The network of the cluster."""

    cluster_domain: Annotated[str, Field(max_length=253)] = Field(
        "cluster.local", description="DNS domain of the cluster, under which Services are known."
    )
    ip_family_policy: IpFamilyPolicy | None = Field(
        None, description="IP family policy of all Services. Unset: the cluster's default."
    )
    ip_families: list[IpFamily] = Field(
        default_factory=list,
        max_length=2,
        description="IP families of all Services, the first one first. Empty: the cluster's default. With "
        "IPv6 here, or a policy of two, every server listens at addresses of both; a cluster of IPv6 alone "
        "needs [IPv6].",
    )
