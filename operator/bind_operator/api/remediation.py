"""The spec says what is done about a rollout that stands still."""

from enum import StrEnum

from pydantic import Field

from bind_operator.api.base import ApiModel


class RollbackPolicy(StrEnum):
    """The policy says whether a rollout that stands still is rolled back."""

    LAST_VERIFIED = "LastVerified"
    NEVER = "Never"


class Remediation(ApiModel):
    """The operator does this about a rollout that stands still."""

    rollback: RollbackPolicy = Field(
        RollbackPolicy.LAST_VERIFIED,
        description="LastVerified: the release is rolled back, once for each change of the spec, to the last "
        "revision that the live check saw at work, if `spec.weaviate` is the same. Never: it stays.",
    )
