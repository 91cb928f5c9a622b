"""A hardware profile is a set of values for resources that name it. The operator's administrator owns it."""

from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel, Text
from bind_operator.api.hardware import Batching, Gpu
from bind_operator.api.model import Precision
from bind_operator.api.parts import Resources, Toleration
from bind_operator.api.spec import MAX_REPLICAS, Device

PROFILE_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$"


class ReplicaBounds(ApiModel):
    """The bounds say how many inference pods a resource may have. It may always have none."""

    min: int = Field(
        1,
        ge=1,
        le=MAX_REPLICAS,
        description="Fewest, and how many there are where the resource does not say.",
    )
    max: int = Field(MAX_REPLICAS, ge=1, le=MAX_REPLICAS, description="Most.")


class Profile(ApiModel):
    """A profile says what inference pods run on. A value that is unset leaves the resource's default."""

    description: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="What it is for, and whether its figures were measured. For people."
    )
    device: Device = Field(description="What the model runs on: CPU, or CUDA (an NVIDIA GPU).")
    gpu: Gpu | None = Field(None, description="The GPU of each pod, as `spec.gpu`.")
    node_selector: dict[str, Text] = Field(
        default_factory=dict, max_length=32, description="Labels that the node must have."
    )
    tolerations: list[Toleration] = Field(
        default_factory=list, max_length=32, description="Taints of nodes that are accepted."
    )
    resources: Resources = Field(
        default_factory=Resources, description="Compute resources of each inference pod."
    )
    precision: Precision | None = Field(None, description="What the model computes with.")
    batching: Batching = Field(default_factory=Batching, description="What is computed at once.")
    replicas: ReplicaBounds | None = Field(None, description="How many inference pods there may be.")
    node_wait_seconds: int | None = Field(
        None,
        ge=0,
        le=86400,
        description="How long a pod may find no node until that is a fault, because an autoscaler may still "
        "make one. Unset: the operator's setting node_wait_s.",
    )
