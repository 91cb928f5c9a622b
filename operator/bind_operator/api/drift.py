"""Objects of the release may be changed by others; the spec says what happens then."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel, Text


class DriftMode(StrEnum):
    """The mode says what happens when an object of the release is not as the release made it."""

    ENABLED = "Enabled"
    WARN = "Warn"
    DISABLED = "Disabled"


class IgnoreRule(ApiModel):
    """Fields that somebody else may write."""

    kind: Text | None = Field(None, description="Kind of the objects, such as Deployment. Unset: every kind.")
    name: Text | None = Field(None, description="Name of the object. Unset: every name.")
    paths: list[Annotated[str, Field(max_length=512)]] = Field(
        min_length=1,
        max_length=32,
        description="JSON pointers (RFC 6901) of the fields, such as /spec/replicas. An item of a list is "
        "given by its index or its name; * stands for any key or item. What is below a field goes with it.",
    )


class DriftDetection(ApiModel):
    """Drift is a difference between the objects of the release and what the release made of them."""

    mode: DriftMode = Field(
        DriftMode.ENABLED,
        description="Enabled puts objects back that were edited or deleted, Warn tells of them in the "
        "condition Drifted and in an event, Disabled does not look. A deleted workload is put back in each.",
    )
    ignore: list[IgnoreRule] = Field(
        default_factory=list, max_length=32, description="Fields that are neither put back nor told."
    )
