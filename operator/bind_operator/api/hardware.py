"""These parts say what an inference pod runs on. A profile of the operator has them too."""

from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel, Text

DEFAULT_GPU = "nvidia.com/gpu"
MAX_GPUS = 16
MAX_BATCH_SIZE = 4096
MAX_BATCH_GFLOP = 1_000_000


class DeviceClaim(ApiModel):
    """A claim of devices by Dynamic Resource Allocation, as in a pod's own spec."""

    name: Annotated[str, Field(max_length=63)] = Field(description="Name of the claim within the pod.")
    resource_claim_name: Text | None = Field(
        None, description="Name of a ResourceClaim in the resource's namespace, which all pods share."
    )
    resource_claim_template_name: Text | None = Field(
        None,
        description="Name of a ResourceClaimTemplate in the resource's namespace; each pod gets a claim of "
        "its own, which ends with it.",
    )
    request: Text | None = Field(
        None, description="The request of the claim that the container gets. Unset: all of its devices."
    )


class Gpu(ApiModel):
    """The GPU of each inference pod. Only with `device: CUDA`."""

    resource_name: Text | None = Field(
        None,
        description="Name of the extended resource, such as nvidia.com/gpu or nvidia.com/mig-1g.10gb. Unset: "
        f"what the profile says, else {DEFAULT_GPU}.",
    )
    count: int | None = Field(
        None,
        ge=1,
        le=MAX_GPUS,
        description="How many of them one pod gets. Unset: what the profile says, else 1.",
    )
    runtime_class_name: Text | None = Field(
        None, description="RuntimeClass of the pods, where the cluster needs one for GPUs (often nvidia)."
    )
    resource_claims: list[DeviceClaim] = Field(
        default_factory=list,
        max_length=8,
        description="Claims of devices (Dynamic Resource Allocation, Kubernetes 1.34), in place of "
        "resourceName and count.",
    )

    @property
    def words(self) -> str:
        """Return what one pod asks for, in words."""
        if self.resource_claims:
            return f"claims {', '.join(claim.name for claim in self.resource_claims)}"
        return f"{self.count or 1} {self.resource_name or DEFAULT_GPU}"


class Batching(ApiModel):
    """Batching says what the server computes at once; where it says nothing, the server chooses."""

    max_batch_size: int | None = Field(
        None,
        ge=0,
        le=MAX_BATCH_SIZE,
        description="Most items in one forward pass (BIND_MAX_BATCH_SIZE). Unset: what the profile says; 0 "
        "or nothing: the server chooses.",
    )
    max_batch_gflop: int | None = Field(
        None,
        ge=0,
        le=MAX_BATCH_GFLOP,
        description="Most arithmetic in one forward pass (BIND_MAX_BATCH_GFLOP; an image is 326). Unset: "
        "what the profile says; 0 or nothing: the server chooses.",
    )

    @property
    def is_set(self) -> bool:
        """Return whether anything is said."""
        return self.max_batch_size is not None or self.max_batch_gflop is not None
